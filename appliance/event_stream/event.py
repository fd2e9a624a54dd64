"""One thing that happened: its bytes are made once, whoever reads them.

The form is that of Server-Sent Events (WHATWG HTML §9.2), each event one chunk of HTTP/1.1 (RFC 9112 §7.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.wire import to_json

KINDS = ("binding", "call", "listeners", "process", "alarm", "system")
"""binding: a registration came, went or got lost. call: it started, rings, was answered, ended. listeners: the sockets
of SIP changed. process: a program's state changed. alarm: a row of the events. system: `sip` came or went: ask anew."""


@dataclass(frozen=True, slots=True)
class Event:
    """`data` is JSON. `numbers` are the extensions whose owners may see it besides the administrators."""

    kind: str
    data: Mapping[str, Any]
    numbers: frozenset[str] = frozenset()
    for_everybody: bool = False


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event in its place."""

    number: int
    event: Event
    chunk: bytes = field(repr=False)

    @classmethod
    def of(cls, stream: str, number: int, event: Event) -> Numbered:
        return cls(number, event, chunk_of(event.kind, event.data, f"{stream}-{number}"))


def sip_event(kind: str, row: Mapping[str, Any]) -> Event:
    """An event of `sip`'s control socket."""
    data = {name: value for name, value in row.items() if name != "extensions"}
    return Event(kind, to_json(data), numbers_in(kind, row))


def numbers_in(kind: str, row: Mapping[str, Any]) -> frozenset[str]:
    named: Iterable[Any] = row.get("extensions", ()) if kind == "call" else (row.get("extension"),)
    return frozenset(str(number) for number in named if number)


def chunk_of(kind: str, data: Mapping[str, Any], identifier: str = "") -> bytes:
    """An event as one chunk of the response."""
    head = f"id: {identifier}\n" if identifier else ""
    # JSON escapes every line end, so one data line is enough.
    text = json.dumps(data, separators=(",", ":"))
    return chunked(f"{head}event: {kind}\ndata: {text}\n\n".encode())


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


HEARTBEAT = chunked(b":\n\n")
"""A comment: it tells nginx, and whoever is between, that the stream lives."""
RETRY = chunked(b"retry: 2000\n\n")
"""How long a browser waits before it comes back, in milliseconds."""
END = b"0\r\n\r\n"
