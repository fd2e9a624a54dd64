"""The endpoint's heap of timers: one loop timer serves them and the transactions alike. No clock in here."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

COMPACTION_THRESHOLD = 256
"""Below this many cancelled timers the heap is not worth rebuilding."""


class Handle:
    """A timer that may be cancelled. Cancelling lets go of the callback at once, and may be done twice."""

    __slots__ = ("_callback", "_heap", "when")

    def __init__(self, when: float, callback: Callable[[], None], heap: TimerHeap) -> None:
        self.when = when
        self._callback: Callable[[], None] | None = callback
        self._heap = heap

    @property
    def is_pending(self) -> bool:
        return self._callback is not None

    def cancel(self) -> None:
        if self._callback is not None:
            self._callback = None
            self._heap.cancelled()

    def take(self) -> Callable[[], None] | None:
        """The callback, once."""
        callback, self._callback = self._callback, None
        return callback


class TimerHeap:
    """Callbacks by the time at which they are due; equal times keep their order."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Handle]] = []
        self._order = count()
        self._cancelled = 0

    def __len__(self) -> int:
        """The timers still pending."""
        return len(self._heap) - self._cancelled

    def call_at(self, when: float, callback: Callable[[], None]) -> Handle:
        handle = Handle(when, callback, self)
        heapq.heappush(self._heap, (when, next(self._order), handle))
        return handle

    def next_timer(self) -> float | None:
        """When the first one is due."""
        heap = self._heap
        while heap and not heap[0][2].is_pending:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else None

    def take_due(self, now: float) -> Callable[[], None] | None:
        """The next callback that is due; to be asked until it has none. One may cancel another meanwhile."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            callback = heapq.heappop(heap)[2].take()
            if callback is not None:
                return callback
            self._cancelled -= 1
        return None

    def cancelled(self) -> None:
        """A handle tells that it was cancelled; the dead are swept out when they are the majority."""
        self._cancelled += 1
        if self._cancelled > COMPACTION_THRESHOLD and 2 * self._cancelled > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].is_pending]
            heapq.heapify(self._heap)
            self._cancelled = 0
