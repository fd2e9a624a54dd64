"""Keeps the session of one leg refreshed, and ends it when nobody does (RFC 4028): the timer with its clock.

A leg without a session timer has no keeper, so it costs the leg nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sip_daemon.dialog.session_expires import Refresher, SessionExpires
from sip_daemon.dialog.session_timer import Event, SessionTimer
from sip_daemon.endpoint import Endpoint, Handle

ADOPTED_WITHIN: Final = 10.0
"""Seconds in which the refreshes of all calls that outlived a process are spread; the shortest interval leaves 15."""


class SessionKeeper:
    """`refresh` is called when a refresh is due, `expired` when it is too late."""

    __slots__ = ("_endpoint", "_expired", "_handle", "_refresh", "min_se", "timer")

    def __init__(self, endpoint: Endpoint, refresh: Callable[[], None], expired: Callable[[], None]) -> None:
        self.timer = SessionTimer()
        self.min_se = 0
        """What a 422 demanded; 0 when there was none."""
        self._endpoint = endpoint
        self._refresh = refresh
        self._expired = expired
        self._handle: Handle | None = None

    def agree(self, agreed: SessionExpires | None, role: Refresher) -> None:
        """A 2xx went out or came in; `role` is ours in its transaction."""
        self.timer.agree(agreed, role, self._endpoint.now())
        self._work_off()

    def refuse(self, pause: float) -> None:
        """Our refresh failed: again after `pause` seconds."""
        self.timer.refuse(pause, self._endpoint.now())
        self._work_off()

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def headers(self) -> list[tuple[str, str]]:
        """Of a refresh that we send (§7.4): the roles stay as they are."""
        if not self.timer.is_running:
            return []
        refresher = Refresher.UAC if self.timer.is_ours else Refresher.UAS
        headers = [("Session-Expires", str(SessionExpires(max(self.timer.interval, self.min_se), refresher)))]
        return [*headers, ("Min-SE", str(self.min_se))] if self.min_se else headers

    def load(self, values: Mapping[str, Any], pause: float) -> None:
        """Go on with what an earlier process agreed. Raises `LocalProtocolError`."""
        self.timer = SessionTimer.load(values, self._endpoint.now(), pause=pause)
        self._work_off()

    def _work_off(self) -> None:
        self.stop()
        due = self.timer.next_timer()
        if due is not None:
            self._handle = self._endpoint.call_later(max(0.0, due - self._endpoint.now()), self._handle_timer)

    def _handle_timer(self) -> None:
        self.timer.handle_timer(self._endpoint.now())
        self._work_off()
        for event in self.timer.take_events():
            match event:
                case Event.REFRESH:
                    self._refresh()
                case Event.EXPIRED:
                    self._expired()
