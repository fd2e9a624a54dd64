"""What happens, told to whoever subscribed on the control socket: registrations, calls, listeners.

It stands in front of the store and sees what the store sees. Nobody listens, nothing is made; a refreshed registration
is no news and is never told, so that a thousand phones cost a subscriber nothing while they stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from appliance.control.aio import ControlServer
from sip_daemon.call.record import CallChange, CallEnded, CallRecord, CallStarted, CallTrouble
from sip_daemon.daemon.describing import describe_binding, describe_listener
from sip_daemon.directory import Directory
from sip_daemon.registrar import BindingChange, BindingEvent
from sip_daemon.transport import ListenerStatus

BINDING, CALL, LISTENERS = "binding", "call", "listeners"
TOPICS = frozenset({BINDING, CALL, LISTENERS})


class Publisher:
    """`submit` is what the parts are given for the store's. Clocks: `wall` in Unix seconds, `now` monotonic."""

    def __init__(
        self,
        store: Callable[[BindingChange | CallChange | CallTrouble], None],
        directory: Callable[[], Directory],
        wall: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._directory = directory
        self._wall, self._now = wall, now
        self._server: ControlServer | None = None
        self._listeners: list[ListenerStatus] = []

    def attach(self, server: ControlServer) -> None:
        """Where the subscribers are."""
        self._server = server

    def submit(self, change: BindingChange | CallChange | CallTrouble) -> None:
        """To the store, and to the subscribers."""
        self._store(change)
        server = self._server
        if server is None or not server.has_subscribers or isinstance(change, CallTrouble):
            return  # what goes wrong in a call is an event of the database, and told as an alarm
        if not isinstance(change, BindingChange):
            server.publish(CALL, describe_change(change, self._wall()))
        elif change.event is not BindingEvent.REFRESHED:
            described = describe_binding(change.binding, self._directory(), self._now())
            server.publish(BINDING, {"at": self._wall(), "event": change.event.value, **described})

    def look_at_listeners(self, listeners: Sequence[ListenerStatus]) -> None:
        """Tell of them when they are others than before."""
        if self._server is not None and listeners != self._listeners:
            self._listeners = list(listeners)
            rows = [describe_listener(listener) for listener in listeners]
            self._server.publish(LISTENERS, {"at": self._wall(), "listeners": rows})


def describe_change(change: CallChange, at: float) -> dict[str, Any]:
    """Who is in the call and how it stands; `extensions` are the numbers whose owners may know."""
    record = change.record
    numbers = {record.caller_number, record.callee_number, *(leg.extension for leg in record.legs)}
    return {
        "at": at,
        "event": event_of(change),
        "id": record.id,
        "caller": {"number": record.caller_number, "name": record.caller_name, "device": record.caller_device},
        "callee": {"number": record.callee_number, "name": record.callee_name},
        "dialled": record.dialled,
        "status": record.status.value,
        "started_at": record.started_at,
        "answered_at": record.answered_at,
        "ended_at": record.ended_at,
        "cause": record.cause,
        "ended_by": record.ended_by,
        "extensions": sorted(numbers - {""}),
    }


def event_of(change: CallChange) -> str:
    match change:
        case CallStarted():
            return "started"
        case CallEnded():
            return "ended"
    return "answered" if is_answered(change.record) else "ringing"


def is_answered(record: CallRecord) -> bool:
    return record.answered_at is not None
