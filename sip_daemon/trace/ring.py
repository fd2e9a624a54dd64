"""Where the last messages are kept: a list for each peer's address, together within a budget of bytes.

Theory of operation. Keeping a message is an append and two sums, some 0.3 us (`tests.benchmarks.trace` measures it);
whatever needs understanding is left to the reader. When the budget is used up, an eighth of it is made free at once:
every list is cut to the same level (as water finds it), the oldest first. So whoever talks most loses most, and the
last words of a phone that is quiet stay for days.

Addresses from which nobody ever registered share an eighth of the budget by the same rule: a scanner with a thousand
messages a second, or a thousand forged addresses, washes no phone's messages away. `know` moves an address to the
others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from sip_daemon.flow import Flow
from sip_daemon.trace.entry import Entry, Kind

DEFAULT_BYTES: Final = 8 * 1024 * 1024
ENTRY_BYTES: Final = 200
"""What an entry takes besides its message: the tuple, its numbers, the object header of the bytes."""
SOURCE_BYTES: Final = 400
"""What an address takes besides its entries."""
MAX_MESSAGE_BYTES: Final = 16 * 1024
"""Kept of one message: as much as the longest head that is taken."""
SLACK: Final = 8
"""Which part of the budget is made free at once, and which one belongs to strangers."""


class Trace(Protocol):
    """What signalling tells."""

    def add(self, kind: int, data: bytes, flow: Flow) -> None:
        """A message came or went, or a `note` in bytes."""

    def note(self, text: str, flow: Flow) -> None:
        """News of the transport, in words of ours."""

    def know(self, host: str) -> None:
        """Somebody at this address has shown a device's password."""


class NoTrace:
    """Keeps nothing."""

    def add(self, kind: int, data: bytes, flow: Flow) -> None:
        """Nobody will look."""

    def note(self, text: str, flow: Flow) -> None:
        """Nobody will look."""

    def know(self, host: str) -> None:
        """Nobody will look."""


NO_TRACE: Final = NoTrace()


class Source:
    """The entries of one address."""

    __slots__ = ("entries", "is_known", "size")

    def __init__(self) -> None:
        self.entries: list[tuple[int, float, int, Flow, bytes]] = []
        """In order of their serial; plain tuples, which the reader gives their names."""
        self.size = SOURCE_BYTES
        self.is_known = False

    def cut_to(self, level: int) -> None:
        """Drop the oldest entries until no more than `level` bytes are left."""
        if self.size <= level:
            return
        count = 0
        for entry in self.entries:
            if self.size <= level:
                break
            self.size -= len(entry[4]) + ENTRY_BYTES
            count += 1
        del self.entries[:count]


class TraceRing:
    """Implements `Trace`. Nothing here shows a message: not its repr, not its errors."""

    def __init__(self, budget: int = DEFAULT_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget = budget
        self.generation = 0
        """Grows when entries were dropped: a reader that holds them lets them go, too."""
        self.serial = 0
        """Of the last entry."""
        self._clock = clock
        self._sources: dict[str, Source] = {}
        self._room = budget
        """What can be added before something has to go."""

    def add(self, kind: int, data: bytes, flow: Flow) -> None:
        size = len(data) + ENTRY_BYTES
        if size > MAX_MESSAGE_BYTES + ENTRY_BYTES:
            data, size = data[:MAX_MESSAGE_BYTES], MAX_MESSAGE_BYTES + ENTRY_BYTES
        self.serial = serial = self.serial + 1
        host = flow.remote.host
        source = self._sources.get(host)
        if source is None:
            source = self._new_source(host)
        source.entries.append((serial, self._clock(), kind, flow, data))
        source.size += size
        self._room -= size
        if self._room < 0:
            self._make_room()

    def note(self, text: str, flow: Flow) -> None:
        self.add(Kind.NOTE, text.encode("utf-8", "replace"), flow)

    def know(self, host: str) -> None:
        source = self._sources.get(host)
        if source is None:
            source = self._new_source(host)
        source.is_known = True

    # for the reader

    @property
    def used(self) -> int:
        """Bytes."""
        return self.budget - self._room

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses of which there is something."""
        return tuple(self._sources)

    def is_known(self, host: str) -> bool:
        """Whether somebody at this address is no stranger."""
        source = self._sources.get(host)
        return source is not None and source.is_known

    def first_serial(self, host: str) -> int:
        """Of the oldest entry of that address that is left; beyond the newest when none is."""
        source = self._sources.get(host)
        return source.entries[0][0] if source is not None and source.entries else self.serial + 1

    def since(self, host: str, serial: int) -> list[Entry]:
        """The entries of that address which came after that one, in order."""
        source = self._sources.get(host)
        if source is None:
            return []
        entries = source.entries
        first = len(entries)
        while first and entries[first - 1][0] > serial:
            first -= 1
        return [Entry(*entry) for entry in entries[first:]]

    # room

    def _new_source(self, host: str) -> Source:
        source = self._sources[host] = Source()
        self._room -= SOURCE_BYTES
        return source

    def _make_room(self) -> None:
        strangers = [host for host, source in self._sources.items() if not source.is_known]
        known = [host for host, source in self._sources.items() if source.is_known]
        share = self.budget // SLACK
        self._cut(strangers, share)
        self._cut(known, self.budget - 2 * share)
        self._room = self.budget - sum(source.size for source in self._sources.values())
        self.generation += 1

    def _cut(self, hosts: list[str], budget: int) -> None:
        """Bring these addresses below that budget together."""
        kept = self._drop_longest_silent(hosts, max(1, budget // 2 // SOURCE_BYTES))
        sources = [self._sources[host] for host in kept]
        level = water_level([source.size for source in sources], budget)
        for source in sources:
            source.cut_to(level)

    def _drop_longest_silent(self, hosts: list[str], limit: int) -> list[str]:
        """At most that many addresses stay: those that were heard last."""
        if len(hosts) <= limit:
            return hosts
        hosts = sorted(hosts, key=lambda host: last_serial(self._sources[host]))
        for host in hosts[:-limit]:
            del self._sources[host]
        return hosts[-limit:]


def last_serial(source: Source) -> int:
    return source.entries[-1][0] if source.entries else 0


def water_level(sizes: list[int], budget: int) -> int:
    """The largest level to which all sizes can be cut so that they fit the budget together."""
    rest, left = budget, len(sizes)
    for size in sorted(sizes):
        level = rest // left
        if size > level:
            return level
        rest -= size
        left -= 1
    return budget
