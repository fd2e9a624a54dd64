"""A final answer to an INVITE, sent again until its ACK comes: at T1, then at doubled intervals up to T2, for 64*T1.

A 2xx is end to end, so this holds over reliable transports too (RFC 3261 §13.3.1.4); the transaction repeats all else.
"""

from __future__ import annotations

from collections.abc import Callable

from sip_daemon.endpoint import Endpoint, Handle
from sip_daemon.transaction import TimerValues


class Repetition:
    """Runs from the moment that it is made. `expired` is called when no ACK came in time."""

    def __init__(
        self, endpoint: Endpoint, timers: TimerValues, send: Callable[[], None], expired: Callable[[], None]
    ) -> None:
        self._endpoint = endpoint
        self._t2 = timers.t2
        self._send = send
        self._expired = expired
        self._interval = timers.t1
        self._deadline = endpoint.now() + 64 * timers.t1
        self._timer: Handle | None = None
        self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = self._endpoint.call_later(self._interval, self._repeat)

    def _repeat(self) -> None:
        self._timer = None
        if self._endpoint.now() >= self._deadline:
            self._expired()
            return
        self._send()
        self._interval = min(2 * self._interval, self._t2)
        self._arm()
