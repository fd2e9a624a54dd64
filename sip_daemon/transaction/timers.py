"""The timers of RFC 3261 §17 and the one heap that holds those of every transaction.

The rule: a transaction knows its own deadlines, the heap only remembers when to ask it. Each transaction has at
most one valid entry. A deadline that moves later leaves its entry alone (the transaction is asked too early and
asked again); only one that moves earlier needs a new entry. So starting, moving and stopping a timer are cheap,
and nothing is ever searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf
from typing import Protocol

COMPACTION_THRESHOLD = 512
"""Below this many dead entries the heap is not worth rebuilding."""


@dataclass(frozen=True, slots=True)
class TimerValues:
    """The values from which all timers are derived, in seconds (RFC 3261 table 4)."""

    t1: float = 0.5
    """Estimate of the round trip."""
    t2: float = 4.0
    """Longest pause between repetitions of a non-INVITE request or an INVITE response."""
    t4: float = 5.0
    """How long the network may hold a message back."""
    trying: float = 0.2
    """How long the transaction user may think before 100 goes out for it (RFC 3261 §17.2.1)."""

    @property
    def timeout(self) -> float:
        """64·T1: timers B, D, F, H, J, L and M."""
        return 64 * self.t1


class Timed(Protocol):
    """What the heap needs from a transaction."""

    retransmit_at: float
    expires_at: float
    scheduled: float
    """Deadline of its valid entry in the heap, `inf` while it has none."""


class TimerHeap:
    """The deadlines of all transactions, with lazy deletion."""

    __slots__ = ("_dead", "_heap", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._serial = 0
        self._dead = 0

    def __len__(self) -> int:
        return len(self._heap)

    def schedule(self, item: Timed) -> None:
        """See to it that `item` is asked no later than its next deadline."""
        deadline = item.retransmit_at if item.retransmit_at < item.expires_at else item.expires_at
        if deadline < item.scheduled:
            if item.scheduled != inf:
                self._dead += 1
            item.scheduled = deadline
            self._serial += 1
            heappush(self._heap, (deadline, self._serial, item))

    def discard(self, item: Timed) -> None:
        """Forget `item`; the heap is rebuilt when a third of it is dead, so that what ended is not held for long."""
        if item.scheduled == inf:
            return
        item.scheduled = inf
        self._dead += 1
        if self._dead > COMPACTION_THRESHOLD and 3 * self._dead > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[0] == entry[2].scheduled]
            heapify(self._heap)
            self._dead = 0

    def pop_due(self, now: float) -> Timed | None:
        """The next item with a deadline at or before `now`; the caller schedules it again."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            deadline, _, item = heappop(heap)
            if item.scheduled != deadline:
                self._dead -= 1
                continue
            item.scheduled = inf
            if item.retransmit_at <= now or item.expires_at <= now:
                return item
            self.schedule(item)
        return None

    def next_deadline(self) -> float | None:
        """When to call `pop_due`: perhaps too early, never too late."""
        heap = self._heap
        while heap and heap[0][2].scheduled != heap[0][0]:
            heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else None
