"""Values of the daemon as the control socket tells them, whether they are listed, announced or asked for."""

from __future__ import annotations

from typing import Any

from sip_daemon.directory import Directory
from sip_daemon.registrar import Binding
from sip_daemon.transport import ListenerStatus


def describe_listener(listener: ListenerStatus) -> dict[str, Any]:
    return {
        "transport": listener.transport.value,
        "address": listener.address.host,
        "port": listener.address.port,
        "state": listener.state.value,
        "error": listener.error,
    }


def describe_binding(binding: Binding, directory: Directory, now: float) -> dict[str, Any]:
    device = directory.devices.get(binding.username)
    return {
        "username": binding.username,
        "extension": device.extension if device is not None else None,
        "contact": binding.contact,
        "transport": binding.flow.transport.value,
        "remote": str(binding.flow.remote),
        "user_agent": binding.user_agent,
        "instance": binding.instance,
        "expires_in": round(max(binding.expires_at - now, 0)),
        "registered_at": binding.registered_at,
        "reachable": binding.reachable,
        "trouble": binding.trouble or None,
    }
