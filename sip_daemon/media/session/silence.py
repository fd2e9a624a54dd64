"""Noticing that a peer has vanished: audio is due from it, but neither RTP nor RTCP comes."""

from __future__ import annotations


class SilenceWatch:
    """Fed by a slow timer with the count of what has come so far, so that a packet costs nothing.

    RTCP counts as life: a phone that suppresses silence goes on reporting.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._is_due = False
        self._is_reported = False
        self._count = -1
        self._last_sign = 0.0

    def start(self, now: float) -> None:
        """Audio is due from now on."""
        self._is_due = True
        self._is_reported = False
        self._last_sign = now

    def stop(self) -> None:
        """None is due: on hold, inactive."""
        self._is_due = False

    def forget_report(self) -> None:
        """Nobody heard of the last one: a silence that goes on is told again."""
        self._is_reported = False

    def check(self, count: int, now: float) -> float | None:
        """The seconds of silence, once for each silence that lasts too long."""
        if count != self._count:
            self._count = count
            self._last_sign = now
            self._is_reported = False
        seconds = now - self._last_sign
        if not self._is_due or self._is_reported or seconds < self._limit:
            return None
        self._is_reported = True
        return seconds
