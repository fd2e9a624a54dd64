"""What the phone system does right now, as values that pages and the API show.

They are read from answers of the `sip` program (docs/developer/interfaces.md). A field that is missing there is shown
as empty: an admin app that runs while `sip` is being upgraded must not fall over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class LiveBinding:
    """One registered contact of a device."""

    username: str
    extension: str
    contact: str
    transport: str
    remote: str
    user_agent: str
    registered_at: float | None
    """Unix seconds."""
    expires_in: float
    reachable: bool
    trouble: str = ""
    """Why it is not reachable, as the phone system says it."""

    @property
    def is_secure(self) -> bool:
        return self.transport.upper() in ("TLS", "WSS")


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a call as people know it."""

    number: str
    name: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class LiveLeg:
    """One side of a live call."""

    side: str
    device: str
    extension: str
    transport: str
    remote: str
    state: str
    codec: str
    media: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call that has not ended."""

    id: str
    state: str
    caller: Party
    callee: Party
    started_at: float | None
    answered_at: float | None
    legs: tuple[LiveLeg, ...]

    @property
    def is_talking(self) -> bool:
        return self.answered_at is not None

    def involves(self, numbers: frozenset[str]) -> bool:
        """Whether one of these extension numbers takes part."""
        mine = {self.caller.number, self.callee.number, *(leg.extension for leg in self.legs)}
        return not mine.isdisjoint(numbers)


@dataclass(frozen=True, slots=True)
class LiveBan:
    """An address that is banned, muted or slowed down."""

    source: str
    state: str
    reason: str
    since: float
    until: float | None
    """None: until somebody ends it."""
    count: int
    blocked: int
    """How often it was turned away since then."""
    note: str


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that phones reach."""

    transport: str
    address: str
    port: int
    state: str
    error: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it at one moment; `reason` says why not, when the phone system does not answer."""

    reachable: bool
    reason: str = ""
    bindings: Mapping[str, tuple[LiveBinding, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By username of the device."""
    calls: tuple[LiveCall, ...] = ()
    bans: tuple[LiveBan, ...] = ()
    status: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def listeners(self) -> tuple[Listener, ...]:
        return tuple(read_listener(row) for row in rows(self.status.get("listeners")))

    @property
    def failed_listeners(self) -> tuple[Listener, ...]:
        return tuple(listener for listener in self.listeners if listener.state == "failed")

    def online(self, username: str) -> tuple[LiveBinding, ...]:
        """The contacts of a device that can be reached now."""
        return tuple(binding for binding in self.bindings.get(username, ()) if binding.reachable)


def rows(value: object) -> Sequence[Mapping[str, Any]]:
    """The objects of a JSON list; nothing for anything else."""
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def text(value: object) -> str:
    return "" if value is None else str(value)


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def read_binding(row: Mapping[str, Any]) -> LiveBinding:
    return LiveBinding(
        username=text(row.get("username")),
        extension=text(row.get("extension")),
        contact=text(row.get("contact")),
        transport=text(row.get("transport")).upper(),
        remote=text(row.get("remote")),
        user_agent=text(row.get("user_agent")),
        registered_at=number(row.get("registered_at")),
        expires_in=number(row.get("expires_in")) or 0.0,
        reachable=row.get("reachable", True) is True,
        trouble=text(row.get("trouble")),
    )


def read_call(row: Mapping[str, Any]) -> LiveCall:
    return LiveCall(
        id=text(row.get("id")),
        state=text(row.get("state")),
        caller=read_party(row.get("caller")),
        callee=read_party(row.get("callee")),
        started_at=number(row.get("started_at")),
        answered_at=number(row.get("answered_at")),
        legs=tuple(read_leg(leg) for leg in rows(row.get("legs"))),
    )


def read_party(value: object) -> Party:
    row = value if isinstance(value, Mapping) else {}
    return Party(text(row.get("number")), text(row.get("name")), text(row.get("device")))


def read_leg(row: Mapping[str, Any]) -> LiveLeg:
    media = row.get("media")
    return LiveLeg(
        side=text(row.get("side")),
        device=text(row.get("device")),
        extension=text(row.get("extension")),
        transport=text(row.get("transport")).upper(),
        remote=text(row.get("remote")),
        state=text(row.get("state")),
        codec=text(row.get("codec")),
        media=media if isinstance(media, Mapping) else {},
    )


def read_ban(row: Mapping[str, Any]) -> LiveBan:
    return LiveBan(
        source=text(row.get("source")),
        state=text(row.get("state")),
        reason=text(row.get("reason")),
        since=number(row.get("since")) or 0.0,
        until=number(row.get("until")),
        count=int(number(row.get("count")) or 0),
        blocked=int(number(row.get("blocked")) or 0),
        note=text(row.get("note")),
    )


def read_listener(row: Mapping[str, Any]) -> Listener:
    return Listener(
        transport=text(row.get("transport")).upper(),
        address=text(row.get("address")),
        port=int(number(row.get("port")) or 0),
        state=text(row.get("state")),
        error=text(row.get("error")),
    )


def by_username(bindings: Sequence[LiveBinding]) -> Mapping[str, tuple[LiveBinding, ...]]:
    found: dict[str, list[LiveBinding]] = {}
    for binding in bindings:
        found.setdefault(binding.username, []).append(binding)
    return MappingProxyType({username: tuple(several) for username, several in found.items()})
