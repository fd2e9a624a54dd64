"""Virtual time for the sans-IO layers: hours pass in microseconds and nothing sleeps."""

from __future__ import annotations

from collections.abc import Callable


class ManualClock:
    """A clock that moves only when told to. Times are seconds, as the layers take them."""

    def __init__(self, start: float = 1_000.0) -> None:
        self.now = start

    def advance(self, seconds: float) -> float:
        """Move on and return the new time."""
        self.now += seconds
        return self.now

    def run_until(self, end: float, next_timer: Callable[[], float | None], handle: Callable[[float], None]) -> None:
        """Move to `end`, stopping at each deadline on the way to have it handled."""
        while (deadline := next_timer()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            handle(self.now)
        self.now = max(self.now, end)
