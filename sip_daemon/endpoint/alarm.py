"""The one timer of the event loop behind everything that waits in the endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

GRANULARITY = 0.001
"""Deadlines closer together than that are served by one wake."""


class Alarm:
    """Calls `on_wake` no later than the nearest deadline it was told; waking early does no harm.

    A deadline that moves away leaves the timer alone, so that the usual message costs no timer operation.
    """

    def __init__(self, clock: Callable[[], float], on_wake: Callable[[], None]) -> None:
        self._clock = clock
        self._on_wake = on_wake
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0

    def set(self, deadline: float | None) -> None:
        """The nearest deadline is `deadline` (by `clock`) now; None if there is none."""
        if deadline is None:
            return
        if self._timer is not None:
            if self._deadline <= deadline + GRANULARITY:
                return
            self._timer.cancel()
        self._deadline = deadline
        self._timer = self._loop.call_later(max(deadline - self._clock(), GRANULARITY), self._wake)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wake(self) -> None:
        self._timer = None
        self._on_wake()
