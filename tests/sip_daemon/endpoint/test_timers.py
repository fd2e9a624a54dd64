from __future__ import annotations

from sip_daemon.endpoint.timers import TimerHeap


def run_due(heap: TimerHeap, now: float) -> None:
    while (callback := heap.take_due(now)) is not None:
        callback()


def test_a_callback_is_due_at_its_time_and_once() -> None:
    heap, called = TimerHeap(), list[str]()
    heap.call_at(10.0, lambda: called.append("a"))
    run_due(heap, 9.9)
    assert called == []
    run_due(heap, 10.0)
    run_due(heap, 11.0)
    assert called == ["a"]


def test_callbacks_run_in_the_order_of_their_times_and_equal_times_in_the_order_of_their_setting() -> None:
    heap, called = TimerHeap(), list[str]()
    for when, name in ((2.0, "c"), (1.0, "a"), (1.0, "b")):
        heap.call_at(when, lambda name=name: called.append(name))  # type: ignore[misc]
    run_due(heap, 5.0)
    assert called == ["a", "b", "c"]


def test_a_cancelled_timer_does_not_run_and_does_not_wake_us() -> None:
    heap, called = TimerHeap(), list[str]()
    handle = heap.call_at(1.0, lambda: called.append("a"))
    heap.call_at(2.0, lambda: called.append("b"))
    handle.cancel()
    handle.cancel()
    assert heap.next_timer() == 2.0
    assert len(heap) == 1
    run_due(heap, 5.0)
    assert called == ["b"]


def test_a_callback_may_cancel_one_that_is_due_at_the_same_time() -> None:
    heap, called = TimerHeap(), list[str]()
    heap.call_at(1.0, lambda: later.cancel())
    later = heap.call_at(1.0, lambda: called.append("b"))
    run_due(heap, 1.0)
    assert called == []


def test_cancelling_after_it_ran_changes_nothing() -> None:
    heap = TimerHeap()
    handle = heap.call_at(1.0, lambda: None)
    run_due(heap, 1.0)
    handle.cancel()
    assert not handle.is_pending
    assert len(heap) == 0
    assert heap.next_timer() is None


def test_cancelled_timers_do_not_pile_up() -> None:
    heap = TimerHeap()
    for _ in range(10_000):
        heap.call_at(3600.0, lambda: None).cancel()
    assert len(heap._heap) < 1000
    assert len(heap) == 0
