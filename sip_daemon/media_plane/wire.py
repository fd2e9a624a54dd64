"""The seam's values as parameters and results of the workers' control protocol."""

from __future__ import annotations

import base64
import binascii
from dataclasses import fields
from sys import intern
from typing import Any

from appliance.control.errors import UNAVAILABLE, CallRefused, ControlError
from sip_daemon.errors import MediaError, MediaUnavailable
from sip_daemon.flow import TransportAddress
from sip_daemon.media_plane.values import (
    AdoptableSession,
    DigitPressed,
    MediaEvent,
    MediaHearing,
    MediaSilent,
    MediaStatistics,
    PlayFinished,
    PlaySource,
    RemoteMedia,
    Silence,
    Tone,
    Wav,
)

_STATISTICS_FIELDS = frozenset(field.name for field in fields(MediaStatistics))


def remote_params(remote: RemoteMedia) -> dict[str, Any]:
    """Its parts as they are: the control protocol writes values of named fields as JSON objects."""
    return {
        "address": remote.address,
        "codecs": remote.codecs,
        "local_codecs": remote.local_codecs,
        "direction": remote.direction,
        "signalling_host": remote.signalling_host,
        "ptime": remote.ptime,
        "rtcp_port": remote.rtcp_port,
        "rtcp_mux": remote.rtcp_mux,
    }


def source_params(source: PlaySource) -> dict[str, Any]:
    match source:
        case Tone(name):
            return {"kind": "tone", "name": name}
        case Wav(path):
            return {"kind": "file", "path": path}
        case Silence():
            return {"kind": "silence"}


def statistics_from(result: dict[str, Any]) -> MediaStatistics:
    """Counters that a newer worker adds are left out."""
    values = {name: value for name, value in result.items() if name in _STATISTICS_FIELDS}
    for name in ("remote", "announced"):
        address = values.get(name)
        values[name] = TransportAddress(*address) if address is not None else None
    return MediaStatistics(**values)


def event_from(params: dict[str, Any]) -> MediaEvent | None:
    """None for an event that we do not know."""
    match params.get("event"):
        case "digit":
            return DigitPressed(params["digit"], params["duration_ms"])
        case "silent":
            return MediaSilent(params["seconds"])
        case "hearing":
            # Few words, which each call keeps until its end: one copy of each will do.
            return MediaHearing(*(intern(params[name]) for name in ("speaks", "hears", "suspicion")))
        case "finished":
            return PlayFinished()
        case _:
            return None


def adoptable_from(worker: int, listed: dict[str, Any]) -> AdoptableSession:
    try:
        state = base64.b64decode(listed["state"], validate=True)
    except (binascii.Error, ValueError):
        state = b""
    address = TransportAddress(listed["host"], listed["port"])
    return AdoptableSession(listed["id"], worker, listed["call_id"], address, state)


def state_param(state: bytes) -> str:
    return base64.b64encode(state).decode()


def media_error(error: ControlError) -> MediaError:
    """What a failed control call means to whoever wanted media."""
    if not isinstance(error, CallRefused):
        return MediaUnavailable(str(error))
    if error.code == UNAVAILABLE:
        retry_after = error.data.get("retry_after", 10) if isinstance(error.data, dict) else 10
        return MediaUnavailable(str(error), retry_after=retry_after)
    return MediaError(str(error))
