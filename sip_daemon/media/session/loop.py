"""The one loop of a worker: epoll, and timers in a heap.

A handler takes no arguments and reads one datagram; what is left in its socket is reported again by the next poll
(level-triggered), after every other socket had its turn. So a flood on one leg costs the others no more than its
share, and an idle leg costs nothing.

Waking up for a packet costs several times what relaying it does. So while packets come thick, the loop asks for
more only once in a millisecond and finds a dozen; on a quiet line it never rests, and neither when it is behind.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import select
import time
from collections import deque
from collections.abc import Callable

logger = logging.getLogger(__name__)

MAX_EVENTS = 256
"""Sockets served between two looks at the timers."""

MAX_WAIT = 60.0

REST_SECONDS = 0.001
"""Far below what a jitter buffer takes for even: packets are 20 ms apart."""

THICK_SECONDS = REST_SECONDS / 3
THICK_POLLS = 8
"""So many polls in a row, each so soon after the one before, begin the resting."""

THIN_EVENTS = 3
"""A poll after a rest that finds fewer ends it: one socket is flooded, or it has become quiet."""

Handler = Callable[[], None]


class Timer:
    """A callback to come; `cancel` is allowed at any time and as often as one likes."""

    __slots__ = ("callback",)

    def __init__(self, callback: Handler) -> None:
        self.callback: Handler | None = callback

    def cancel(self) -> None:
        self.callback = None


class EventLoop:
    """Single-threaded; only `call_from_thread` may be used from elsewhere."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = clock
        self.handlers: dict[int, Handler] = {}
        """By file descriptor. Replacing an entry is how a leg changes what it does with its packets."""
        self._epoll = select.epoll()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._running = False
        self._from_threads: deque[Handler] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.add(self._wake, self._run_from_threads)

    def add(self, descriptor: int, handler: Handler) -> None:
        self.handlers[descriptor] = handler
        self._epoll.register(descriptor, select.EPOLLIN)

    def watch_writable(self, descriptor: int, wanted: bool) -> None:
        """Call the handler also when the descriptor can be written to."""
        self._epoll.modify(descriptor, select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

    def remove(self, descriptor: int) -> None:
        """To be called before the descriptor is closed."""
        if self.handlers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def call_at(self, when: float, callback: Handler) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_later(self, delay: float, callback: Handler) -> Timer:
        return self.call_at(self.now() + delay, callback)

    def call_from_thread(self, callback: Handler) -> None:
        """Have it called by the loop, soon."""
        self._from_threads.append(callback)
        os.eventfd_write(self._wake, 1)

    def run(self) -> None:
        """Until `stop`. A handler that raises is logged and costs its one datagram."""
        self._running = True
        is_thick, quick, last = False, 0, 0.0
        while self._running:
            if is_thick and (rest := last + REST_SECONDS - self.now()) > 0:
                time.sleep(rest)
            before, last = last, self.now()
            served = self.run_once()
            if is_thick:
                is_thick, quick = served >= THIN_EVENTS, 0
            else:
                quick = quick + 1 if served and last - before < THICK_SECONDS else 0
                is_thick = quick >= THICK_POLLS

    def run_once(self, max_wait: float = MAX_WAIT) -> int:
        """Wait for what comes first, serve each ready socket once, then the timers that are due.

        Returns how many sockets were ready.
        """
        handlers = self.handlers
        ready = self._epoll.poll(self._wait(max_wait), MAX_EVENTS)
        for descriptor, _ in ready:
            handler = handlers.get(descriptor)
            if handler is not None:
                try:
                    handler()
                except Exception:
                    logger.exception("a handler failed")
        if self._timers:
            self._run_timers()
        return len(ready)

    def stop(self) -> None:
        self._running = False

    def close(self) -> None:
        self._epoll.close()
        os.close(self._wake)

    def _wait(self, longest: float) -> float:
        if not self._timers:
            return longest
        return min(longest, max(0.0, self._timers[0][0] - self.now()))

    def _run_timers(self) -> None:
        now = self.now()
        timers = self._timers
        while timers and timers[0][0] <= now:
            callback = heapq.heappop(timers)[2].callback
            if callback is not None:
                _call(callback, "a timer failed")

    def _run_from_threads(self) -> None:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            return
        while self._from_threads:
            _call(self._from_threads.popleft(), "what a thread wanted failed")


def _call(callback: Handler, complaint: str) -> None:
    """Whatever it raises is logged, and costs the others nothing."""
    try:
        callback()
    except Exception:
        logger.exception(complaint)
