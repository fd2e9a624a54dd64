"""Answers to those who look: the entries of a device, of a call, of an address, of strangers, as JSON, redacted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sip_daemon.flow import Flow
from sip_daemon.trace.entry import Entry, Kind
from sip_daemon.trace.fields import cut
from sip_daemon.trace.index import TraceIndex
from sip_daemon.trace.redaction import redacted, redacted_parameters, redacted_text
from sip_daemon.trace.ring import TraceRing
from sip_daemon.trace.summary import problem_of, summary_of

PORTION: Final = 8
"""Messages put into words between two looks at what else there is to do."""
DIRECTIONS: Final = {Kind.RECEIVED: "received", Kind.SENT: "sent", Kind.NOTE: "note"}


@dataclass(frozen=True, slots=True)
class DeviceHints:
    """What is known of a device besides its messages."""

    username: str
    contacts: Collection[str] = ()
    flows: Collection[Flow] = ()


@dataclass(frozen=True, slots=True)
class TraceView:
    """Whose messages are wanted: exactly one of these, or none for all."""

    device: DeviceHints | None = None
    call_ids: Collection[str] | None = None
    host: str | None = None
    strangers: bool = False


class TraceReader:
    """To be used inside the event loop; nothing here holds it up for more than about a millisecond."""

    def __init__(self, ring: TraceRing) -> None:
        self._ring = ring
        self._index = TraceIndex(ring)

    async def read(self, view: TraceView, after: int, limit: int) -> dict[str, Any]:
        """The last `limit` entries that came after the one with the serial `after`.

        `cursor` is what to give as `after` the next time. `total` counts what was found before it was cut to `limit`.
        """
        await self._index.update()
        cursor = self._ring.serial
        found = [entry for entry in self._select(view) if after < entry.serial <= cursor]
        shown = found[-limit:] if limit else []
        offset = time.time() - time.monotonic()
        return {
            "entries": await describe_all(shown, offset),
            "total": len(found),
            "cursor": cursor,
            "used_bytes": self._ring.used,
            "budget_bytes": self._ring.budget,
        }

    def _select(self, view: TraceView) -> Sequence[Entry]:
        if view.device is not None:
            return self._index.of_device(view.device.username, view.device.contacts, view.device.flows)
        if view.call_ids is not None:
            return self._index.of_calls(view.call_ids)
        hosts = self._ring.hosts
        if view.host is not None:
            hosts = tuple(host for host in hosts if host == view.host)
        elif view.strangers:
            hosts = tuple(host for host in hosts if not self._ring.is_known(host))
        return self._index.of_hosts(hosts)


async def describe_all(entries: Sequence[Entry], offset: float) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = []
    seen: set[tuple[int, Flow, bytes]] = set()
    for number, entry in enumerate(entries):
        message = (entry.kind, entry.flow, entry.data)
        described.append(describe(entry, offset, is_repeated=entry.kind != Kind.NOTE and message in seen))
        seen.add(message)
        if number % PORTION == PORTION - 1:
            await asyncio.sleep(0)
    return described


def describe(entry: Entry, offset: float, *, is_repeated: bool = False) -> dict[str, Any]:
    """One entry as JSON values. `offset` makes Unix seconds of monotonic ones."""
    flow = entry.flow
    common = {
        "serial": entry.serial,
        "at": round(entry.at + offset, 6),
        "direction": DIRECTIONS[Kind(entry.kind)],
        "transport": flow.transport.value,
        "local": str(flow.local),
        "remote": str(flow.remote),
        "connection": flow.connection,
    }
    if entry.kind == Kind.NOTE:
        return common | {"kind": "note", "title": entry.data.decode("utf-8", "replace"), **NO_MESSAGE}
    return common | describe_message(entry.data) | {"repeated": is_repeated}


NO_MESSAGE: Final[dict[str, Any]] = {
    "method": "",
    "status": None,
    "call_id": "",
    "cseq": "",
    "from": "",
    "to": "",
    "has_sdp": False,
    "bytes": 0,
    "problem": "",
    "text": "",
    "repeated": False,
}


def describe_message(data: bytes) -> dict[str, Any]:
    message = cut(data)
    summary = summary_of(message)
    problem = problem_of(data)
    kind = "request" if summary.status is None else "response"
    return {
        "kind": "malformed" if problem else kind,
        "title": redacted_text(message.start) or "Not a SIP message",
        "method": summary.method,
        "status": summary.status,
        "call_id": redacted_parameters(summary.call_id[:256]),
        "cseq": redacted_parameters(message.first("CSeq")[:64]),
        "from": redacted_text(summary.from_user[:128]),
        "to": redacted_text(summary.to_user[:128]),
        "has_sdp": bool(message.body) and "application/sdp" in message.first("Content-Type").lower(),
        "bytes": len(data),
        "problem": problem,
        "text": redacted(data),
    }
