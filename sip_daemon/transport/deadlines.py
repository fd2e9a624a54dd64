"""Deadlines that move on nearly every use and hardly ever pass.

A heap entry is written only when a deadline comes nearer; one that moves away is found to be early when its old
entry comes up, and is filed again. So a busy connection costs nothing here.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """The time by which something must have happened, for each of many objects (hashable)."""

    def __init__(self) -> None:
        self._deadlines: dict[T, float] = {}
        self._filed: dict[T, float] = {}
        self._heap: list[tuple[float, int, T]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._deadlines)

    def set(self, item: T, deadline: float) -> None:
        """The deadline of `item` is `deadline` from now on."""
        self._deadlines[item] = deadline
        if deadline < self._filed.get(item, float("inf")):
            self._file(item, deadline)

    def discard(self, item: T) -> None:
        self._deadlines.pop(item, None)
        self._filed.pop(item, None)
        if len(self._heap) > 2 * len(self._filed) + 64:
            # What is left of the departed would otherwise keep them in memory until its time comes.
            self._heap = [entry for entry in self._heap if self._filed.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)

    def passed(self, now: float) -> list[T]:
        """Those whose deadline has passed; they are forgotten."""
        late: list[T] = []
        while self._heap and self._heap[0][0] <= now:
            filed, _, item = heapq.heappop(self._heap)
            if self._filed.get(item) != filed:
                continue
            del self._filed[item]
            if self._deadlines[item] <= now:
                del self._deadlines[item]
                late.append(item)
            else:
                self._file(item, self._deadlines[item])
        return late

    def _file(self, item: T, deadline: float) -> None:
        self._filed[item] = deadline
        heapq.heappush(self._heap, (deadline, next(self._order), item))
