"""The location service: all bindings in memory, found by device, by connection and by expiry.

The rule: it keeps what it is told and decides nothing about requests; time is handed in. Expiry is a heap with one
live entry for a device. A refresh moves no entry: when an entry comes up, it is put back at the time that the
device's bindings have by then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from heapq import heappop, heappush

from sip_daemon.flow import Flow, TransportAddress
from sip_daemon.registrar.binding import Binding, BindingChange, BindingEvent

NEVER = float("inf")
Way = int | TransportAddress
"""What tells flows apart: the number of a connection, for UDP the peer's address."""
CLOSED = "its connection was closed"
RESTARTED = "its connection ended when GoSIP restarted"


def way_of(flow: Flow) -> Way:
    return flow.connection or flow.remote


def wall_time(at: float) -> float:
    """Unix seconds of a time of `time.monotonic`, which the event loop's clock is."""
    return time.time() + at - time.monotonic()


class Record:
    """The bindings of one device, and when the heap will bring it up. It stays, empty, until then."""

    __slots__ = ("bindings", "due_at")

    def __init__(self) -> None:
        self.bindings: tuple[Binding, ...] = ()
        self.due_at = NEVER


class LocationTable:
    """Address of record to bindings. An AOR is a device's username: we have one user namespace."""

    def __init__(self, to_wall: Callable[[float], float] = wall_time) -> None:
        """`to_wall` gives Unix seconds for a monotonic time."""
        self._to_wall = to_wall
        self._records: dict[str, Record] = {}
        self._due: list[tuple[float, str]] = []
        self._by_way: dict[Way, tuple[str, ...]] = {}
        """Devices with a reachable binding there: nearly always one, of which a set takes four times as much."""
        self._count = 0
        self.revision = 0
        """Grows with each change."""

    def __len__(self) -> int:
        """How many bindings there are."""
        return self._count

    @property
    def devices_online(self) -> int:
        """How many devices have a reachable binding."""
        return sum(any(one.reachable for one in record.bindings) for record in self._records.values())

    def bindings(self, username: str, now: float) -> tuple[Binding, ...]:
        """Those of one device that have not expired, the unreachable ones too; the preferred first."""
        record = self._records.get(username)
        if record is None:
            return ()
        found = record.bindings
        if len(found) == 1:
            return found if found[0].expires_at > now else ()
        return tuple([one for one in found if one.expires_at > now])

    def reachable(self, username: str, now: float) -> tuple[Binding, ...]:
        """Those to which a call can be sent."""
        return tuple(one for one in self.bindings(username, now) if one.reachable)

    def all(self) -> Iterator[Binding]:
        """Every binding. The table must not change while it is walked."""
        return (one for record in self._records.values() for one in record.bindings)

    def on_flow(self, flow: Flow) -> tuple[Binding, ...]:
        """The reachable bindings that a flow leads to. Cheap: whoever makes flows fail must not make us search."""
        names = self._by_way.get(way_of(flow), ())
        return tuple(one for name in sorted(names) for one in self._bindings_of(name) if one.flow == flow)

    def snapshot(self) -> tuple[Binding, ...]:
        """Every binding at this moment."""
        return tuple(self.all())

    def replace(self, username: str, bindings: Iterable[Binding]) -> tuple[BindingChange, ...]:
        """Put these in the place of all that the device had; returns what that changed."""
        after = tuple(sorted(bindings, key=lambda one: -one.q))
        changes = tuple(self._differences(self._bindings_of(username), after))
        if changes:
            self._set(username, after)
        return changes

    def refresh(self, before: Binding, after: Binding) -> tuple[BindingChange, ...]:
        """`replace` for the everyday case: `after` is `before`, the only binding that has not expired, once more."""
        record = self._records[before.username]
        is_simple = len(record.bindings) == 1 and way_of(after.flow) == way_of(before.flow) and before.reachable
        if not is_simple:
            return self.replace(before.username, (after,))
        record.bindings = (after,)
        self.revision += 1
        if after.expires_at < record.due_at:
            self._schedule(before.username, record)
        return (self._change(BindingEvent.REFRESHED, after),)

    def update(self, binding: Binding) -> tuple[BindingChange, ...]:
        """Add one binding, or put it in the place of the one with its key."""
        others = (one for one in self._bindings_of(binding.username) if one.key != binding.key)
        return self.replace(binding.username, (*others, binding))

    def remove(self, username: str, key: str | None = None) -> tuple[BindingChange, ...]:
        """Drop one binding, or all of the device."""
        return self.replace(username, (one for one in self._bindings_of(username) if key not in (None, one.key)))

    def retain(self, is_known: Callable[[str], object]) -> tuple[BindingChange, ...]:
        """Drop all bindings of devices that are not known any more. Walks the table: for changes of the directory."""
        gone = [name for name, record in self._records.items() if record.bindings and not is_known(name)]
        return tuple(change for name in gone for change in self.remove(name))

    def flow_closed(self, flow: Flow) -> tuple[BindingChange, ...]:
        """A connection is gone: its bindings are kept until they expire, but no call goes there."""
        names = self._by_way.get(flow.connection, ()) if flow.connection else ()
        changes: list[BindingChange] = []
        for name in sorted(names):
            after = (one.with_trouble(CLOSED) if one.flow == flow else one for one in self._bindings_of(name))
            changes += self.replace(name, after)
        return tuple(changes)

    def set_trouble(self, binding: Binding, trouble: str) -> tuple[BindingChange, ...]:
        """Note why `binding` cannot be reached, or with "" that it can; nothing if it has changed meanwhile."""
        if binding.trouble == trouble or binding not in self._bindings_of(binding.username):
            return ()
        return self.update(binding.with_trouble(trouble))

    def expire(self, now: float) -> tuple[BindingChange, ...]:
        """Drop what has expired by now."""
        changes: list[BindingChange] = []
        while self._due and self._due[0][0] <= now:
            due_at, username = heappop(self._due)
            record = self._records.get(username)
            if record is None or record.due_at != due_at:
                continue  # an earlier time was set after this entry was made
            record.due_at = NEVER
            gone = [one for one in record.bindings if one.expires_at <= now]
            changes += [self._change(BindingEvent.EXPIRED, one) for one in gone]
            if gone:
                self._set(username, tuple(one for one in record.bindings if one.expires_at > now))
            else:
                self._schedule(username, record)
        return tuple(changes)

    @property
    def next_expiry(self) -> float | None:
        """When `expire` should be called next: never too late, perhaps too early."""
        return self._due[0][0] if self._due else None

    def load(self, bindings: Iterable[Binding]) -> None:
        """Take over what was stored. Connections did not survive: their bindings are not reachable."""
        for binding in bindings:
            if binding.flow.transport.is_reliable:
                binding = replace(binding, flow=replace(binding.flow, connection=0), trouble=RESTARTED)
            self.update(binding)

    def _bindings_of(self, username: str) -> tuple[Binding, ...]:
        record = self._records.get(username)
        return () if record is None else record.bindings

    def _set(self, username: str, after: tuple[Binding, ...]) -> None:
        record = self._records.setdefault(username, Record())
        before, record.bindings = record.bindings, after
        self._count += len(after) - len(before)
        self.revision += 1
        self._follow_ways(username, before, after)
        self._schedule(username, record)

    def _schedule(self, username: str, record: Record) -> None:
        """See that the heap brings the device up in time; without any entry and binding it is forgotten."""
        due_at = min((one.expires_at for one in record.bindings), default=NEVER)
        if due_at < record.due_at:
            record.due_at = due_at
            heappush(self._due, (due_at, username))
        elif record.due_at == NEVER:
            del self._records[username]

    def _follow_ways(self, username: str, before: tuple[Binding, ...], after: tuple[Binding, ...]) -> None:
        left = {way_of(one.flow) for one in before if one.reachable}
        entered = {way_of(one.flow) for one in after if one.reachable}
        for way in left - entered:
            rest = tuple(name for name in self._by_way.get(way, ()) if name != username)
            if rest:
                self._by_way[way] = rest
            else:
                self._by_way.pop(way, None)
        for way in entered - left:
            self._by_way[way] = (*self._by_way.get(way, ()), username)

    def _differences(self, before: tuple[Binding, ...], after: tuple[Binding, ...]) -> Iterator[BindingChange]:
        known = {one.key: one for one in before}
        kept = {one.key for one in after}
        yield from (self._change(BindingEvent.REMOVED, one) for one in before if one.key not in kept)
        for one in after:
            old = known.get(one.key)
            if old is None:
                yield self._change(BindingEvent.REGISTERED, one)
            elif old is not one:
                yield self._change(event_of(old, one), one)

    def _change(self, event: BindingEvent, binding: Binding) -> BindingChange:
        return BindingChange(event, binding, self._to_wall(binding.expires_at))


def event_of(old: Binding, new: Binding) -> BindingEvent:
    """What became of a binding that stays."""
    if new.trouble and not old.trouble:
        return BindingEvent.UNREACHABLE
    if old.trouble and old.with_trouble("") == new:
        return BindingEvent.REACHABLE
    return BindingEvent.REFRESHED
