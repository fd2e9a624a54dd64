"""Reading back what `Dialog.dump` wrote.

The rule: the dump was kept by another process, so its shape is checked; anything odd is one clear error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sip_daemon.errors import LocalProtocolError, RemoteProtocolError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a `LocalProtocolError` that says what could not be read."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, RemoteProtocolError) as error:
        raise LocalProtocolError(f"this is no dumped {what}: {type(error).__name__}") from error


def text(values: Mapping[str, Any], name: str) -> str:
    value = values[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def number(values: Mapping[str, Any], name: str) -> int:
    value = values[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(name)
    return value


def flag(values: Mapping[str, Any], name: str) -> bool:
    value = values[name]
    if not isinstance(value, bool):
        raise TypeError(name)
    return value


def dump_flow(flow: Flow) -> dict[str, Any]:
    return {
        "transport": str(flow.transport),
        "local": [flow.local.host, flow.local.port],
        "remote": [flow.remote.host, flow.remote.port],
        "connection": flow.connection,
    }


def load_flow(values: Mapping[str, Any]) -> Flow:
    return Flow(
        transport=TransportProtocol(values["transport"]),
        local=_load_address(values["local"]),
        remote=_load_address(values["remote"]),
        connection=number(values, "connection"),
    )


def _load_address(value: Any) -> TransportAddress:
    host, port = value
    if not isinstance(host, str) or not isinstance(port, int):
        raise TypeError("address")
    return TransportAddress(host, port)
