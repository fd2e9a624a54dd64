"""The heap of deadlines: never too late, and nothing ended is held for long."""

from __future__ import annotations

from math import inf

from sip_daemon.transaction.timers import COMPACTION_THRESHOLD, TimerHeap, TimerValues


class Item:
    def __init__(self, expires_at: float, retransmit_at: float = inf) -> None:
        self.expires_at = expires_at
        self.retransmit_at = retransmit_at
        self.scheduled = inf


def filed(heap: TimerHeap, expires_at: float, retransmit_at: float = inf) -> Item:
    item = Item(expires_at, retransmit_at)
    heap.schedule(item)
    return item


def due(heap: TimerHeap, now: float) -> list[object]:
    found: list[object] = []
    while (item := heap.pop_due(now)) is not None:
        found.append(item)
    return found


def test_the_timers_of_table_4_follow_from_t1() -> None:
    assert TimerValues().timeout == 32
    assert TimerValues(t1=0.1).timeout == 6.4


def test_items_come_in_the_order_of_their_deadlines() -> None:
    heap = TimerHeap()
    late, early = filed(heap, 9), filed(heap, 3)
    assert heap.next_deadline() == 3
    assert due(heap, 9) == [early, late]


def test_the_earlier_of_two_deadlines_counts() -> None:
    heap = TimerHeap()
    item = filed(heap, 9, retransmit_at=2)
    assert due(heap, 2) == [item]


def test_nothing_is_due_before_its_time() -> None:
    heap = TimerHeap()
    filed(heap, 5)
    assert due(heap, 4.999) == []


def test_a_deadline_that_moved_later_is_asked_then() -> None:
    heap = TimerHeap()
    item = filed(heap, 5)
    item.expires_at = 8
    heap.schedule(item)
    assert len(heap) == 1
    assert due(heap, 7) == []
    assert due(heap, 8) == [item]


def test_a_deadline_that_moved_earlier_is_not_missed() -> None:
    heap = TimerHeap()
    item = filed(heap, 8)
    item.expires_at = 5
    heap.schedule(item)
    assert heap.next_deadline() == 5
    assert due(heap, 5) == [item]
    item.expires_at = inf
    assert due(heap, 9) == []


def test_a_discarded_item_never_comes() -> None:
    heap = TimerHeap()
    heap.discard(filed(heap, 5))
    assert heap.next_deadline() is None
    assert due(heap, 9) == []


def test_a_stopped_timer_is_not_due() -> None:
    heap = TimerHeap()
    item = filed(heap, 5)
    item.expires_at = inf
    assert due(heap, 9) == []
    assert heap.next_deadline() is None


def test_dead_entries_do_not_pile_up() -> None:
    """A transaction on TCP ends at once, long before the deadline it was filed under."""
    heap = TimerHeap()
    survivor = filed(heap, 40)
    for _ in range(10 * COMPACTION_THRESHOLD):
        heap.discard(filed(heap, 32))
    assert len(heap) <= COMPACTION_THRESHOLD + 2
    assert due(heap, 40) == [survivor]
