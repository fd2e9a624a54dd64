"""The last state counts, and nothing of worth is forgotten."""

from __future__ import annotations

from sip_daemon.call.record import CallEnded, CallRecord, CallStarted, CallStatus, CallUpdated
from sip_daemon.registrar import BindingChange, BindingEvent
from sip_daemon.store import Event
from sip_daemon.store.pending import Pending
from tests.support.bindings import binding

RECORD = CallRecord("c1", 1.0, "1001", "Ada", "1001", "1002")


def change(event: BindingEvent = BindingEvent.REGISTERED, username: str = "1001", cseq: int = 1) -> BindingChange:
    return BindingChange(event, binding(username, cseq=cseq), 2000.0)


def pending(max_removals: int = 10, max_events: int = 3) -> Pending:
    return Pending(max_removals, max_events)


def test_a_binding_that_changes_often_waits_once() -> None:
    waiting = pending()
    for cseq in range(5):
        waiting.add(change(cseq=cseq))
    assert [one.binding.cseq for one in waiting.bindings.values()] == [4]


def test_a_removal_takes_the_place_of_its_binding_and_the_other_way_round() -> None:
    waiting = pending()
    waiting.add(change())
    waiting.add(change(BindingEvent.REMOVED))
    assert (len(waiting.bindings), len(waiting.removals)) == (0, 1)
    waiting.add(change())
    assert (len(waiting.bindings), len(waiting.removals)) == (1, 0)


def test_an_unreachable_binding_is_not_written_and_hides_no_other_change() -> None:
    waiting = pending()
    waiting.add(change())
    waiting.add(change(BindingEvent.UNREACHABLE))
    assert [one.event for one in waiting.bindings.values()] == [BindingEvent.REGISTERED]


def test_beyond_the_bound_removals_are_forgotten_and_bindings_are_not() -> None:
    waiting = pending(max_removals=2)
    for number in range(5):
        waiting.add(change(BindingEvent.REMOVED, f"gone{number}"))
        waiting.add(change(username=f"here{number}"))
    assert [one.binding.username for one in waiting.removals.values()] == ["gone3", "gone4"]
    assert len(waiting.bindings) == 5


def test_the_oldest_event_is_forgotten_first() -> None:
    waiting = pending()
    for number in range(5):
        waiting.add(Event("test", str(number)))
    assert [event.message for event in waiting.events] == ["2", "3", "4"]


def test_nothing_takes_the_place_of_an_ended_call() -> None:
    waiting = pending()
    waiting.add(CallStarted(RECORD))
    waiting.add(CallEnded(RECORD))
    waiting.add(CallUpdated(RECORD))
    assert isinstance(waiting.calls["c1"], CallEnded)


def test_calls_go_before_bindings() -> None:
    waiting = pending()
    for number in range(5):
        waiting.add(change(username=str(number)))
    waiting.add(CallEnded(RECORD))
    batch = waiting.take(3)
    assert (len(batch.calls), len(batch.bindings), len(waiting)) == (1, 2, 3)


def test_what_is_put_back_does_not_undo_what_came_since() -> None:
    waiting = pending()
    waiting.add(change(cseq=1))
    waiting.add(CallEnded(RECORD))
    waiting.add(Event("test", "old"))
    batch = waiting.take(10)
    waiting.add(change(BindingEvent.REMOVED, cseq=2))
    waiting.add(CallUpdated(CallRecord("c1", 1.0, "1001", "", "", "", status=CallStatus.TALKING)))
    waiting.add(Event("test", "new"))
    waiting.put_back(batch)
    assert (len(waiting.bindings), len(waiting.removals)) == (0, 1)
    assert isinstance(waiting.calls["c1"], CallEnded)
    assert [event.message for event in waiting.events] == ["old", "new"]
