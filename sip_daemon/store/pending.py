"""What waits to be written.

The rule: the last state counts. A binding or a call is kept once, under its key, however often it changed while the
disk was busy; so the backlog is bounded by what exists, and nothing of worth is dropped to bound it further.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import TypeVar

from sip_daemon.call.record import CallChange, CallEnded, CallTrouble
from sip_daemon.defence.ban import BanChange
from sip_daemon.registrar import BindingChange, BindingEvent

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person should know: one row of `event`."""

    kind: str
    """A word for programs: `listener-failed`."""
    message: str
    severity: str = "info"
    """info, warning or error."""
    source: str = "sip"
    at: float = field(default_factory=time.time)
    """Unix seconds."""
    detail: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """JSON values."""


Change = BindingChange | CallChange | CallTrouble | BanChange | Event


class Pending:
    """Changes by kind and key. Not safe for threads by itself: `Store` holds its lock around each use."""

    def __init__(self, max_removals: int, max_events: int) -> None:
        self._max_removals = max_removals
        self._max_events = max_events
        self.bindings: dict[tuple[str, str], BindingChange] = {}
        self.removals: dict[tuple[str, str], BindingChange] = {}
        """Bindings that are gone. No key is in both."""
        self.calls: dict[str, CallChange] = {}
        self.events: list[Event] = []
        self.bans: dict[str, BanChange] = {}
        """By source; the defence bounds how many there are."""

    def __len__(self) -> int:
        return len(self.bindings) + len(self.removals) + len(self.calls) + len(self.events) + len(self.bans)

    def add(self, change: Change) -> None:
        """Note a change in the place of an earlier one of the same thing."""
        match change:
            case BindingChange(event=BindingEvent.UNREACHABLE):
                pass  # a connection does not outlive the process anyway
            case BindingChange():
                self._add_binding(change)
            case Event():
                self._add_event(change)
            case CallTrouble():
                self._add_event(Event(change.kind, change.message, "warning", at=change.at, detail=change.detail))
            case BanChange():
                self.bans[change.ban.source] = change
            case _:
                self._add_call(change)

    def _add_event(self, event: Event) -> None:
        self.events.append(event)
        del self.events[: -self._max_events]

    def _add_call(self, change: CallChange) -> None:
        known = self.calls.get(change.record.id)
        if not isinstance(known, CallEnded):
            self.calls[change.record.id] = change

    def _add_binding(self, change: BindingChange) -> None:
        """A binding that exists is never forgotten. Beyond the bound the oldest removal is: its row stays in the file
        until it expires, no longer."""
        key = change.key
        if change.event.is_gone:
            self.bindings.pop(key, None)
            self.removals[key] = change
            if len(self.removals) > self._max_removals:
                del self.removals[next(iter(self.removals))]
        else:
            self.removals.pop(key, None)
            self.bindings[key] = change

    def take(self, most: int) -> Pending:
        """Up to so many changes: ended calls must not wait behind twenty thousand registrations, so calls go first."""
        batch = Pending(self._max_removals, self._max_events)
        move(self.calls, batch.calls, most)
        room = most - len(batch)
        batch.events, self.events = self.events[:room], self.events[room:]
        move(self.bans, batch.bans, most - len(batch))
        move(self.removals, batch.removals, most - len(batch))
        move(self.bindings, batch.bindings, most - len(batch))
        return batch

    def put_back(self, batch: Pending) -> None:
        """Changes that could not be written, before all newer ones."""
        newer = Pending(self._max_removals, self._max_events)
        newer.calls, newer.removals, newer.bindings = self.calls, self.removals, self.bindings
        self.calls, self.removals, self.bindings = batch.calls, batch.removals, batch.bindings
        self.bans = batch.bans | self.bans
        for change in (*newer.calls.values(), *newer.removals.values(), *newer.bindings.values()):
            self.add(change)
        self.events = [*batch.events, *self.events][-self._max_events :]


def move(source: dict[Key, Value], target: dict[Key, Value], most: int) -> None:
    """The oldest entries of one dictionary to another."""
    for key in list(islice(source, most)):
        target[key] = source.pop(key)
