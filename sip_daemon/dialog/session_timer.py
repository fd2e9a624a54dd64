"""The session timer of one dialog, as one of its two ends runs it: RFC 4028 §7.2, §9 and §10.

Theory of operation. Each 2xx to an INVITE or UPDATE says how long the session lasts and who refreshes it. Whoever does
sends a refresh after half of the time; any refresh, by either side, starts the time anew. When no refresh has come
shortly before the end the session is over, and BYE is sent. "Shortly before" is a third of the time, at most 32 s.

    OFF       the session has no timer
    OURS      we refresh it
    ASKED     our refresh waits for its answer
    THEIRS    the peer refreshes it
    EXPIRED   no refresh came

What the table leaves out is ignored: whatever comes after the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from math import inf
from typing import Any, ClassVar

from sip_daemon.dialog import blob
from sip_daemon.dialog.machine import Machine, Table
from sip_daemon.dialog.session_expires import Refresher, SessionExpires

MARGIN = 32.0
"""Seconds before the end at which BYE is sent, if that is less than a third of the interval (§10)."""


class State(StrEnum):
    OFF = "off"
    OURS = "ours"
    ASKED = "asked"
    THEIRS = "theirs"
    EXPIRED = "expired"


class Input(StrEnum):
    AGREED_OURS = "2xx, we refresh"
    AGREED_THEIRS = "2xx, the peer refreshes"
    DROPPED = "2xx without Session-Expires"
    REFUSED = "our refresh failed"
    TIMER_REFRESH = "half the interval"
    TIMER_EXPIRY = "the interval, less its margin"


class Event(StrEnum):
    """What its user has to do."""

    REFRESH = "send a refresh"
    EXPIRED = "send BYE"


class SessionTimer(Machine):
    """Five doors; `agree` and `refuse` are what is received."""

    __slots__ = ("_events", "_expires_at", "_refresh_at", "interval")

    def __init__(self) -> None:
        self.state = State.OFF
        self.interval = 0
        """Seconds, as agreed last."""
        self._events: list[Event] = []
        self._refresh_at = self._expires_at = inf

    @property
    def is_running(self) -> bool:
        return self.state not in (State.OFF, State.EXPIRED)

    @property
    def is_ours(self) -> bool:
        """Whether we refresh."""
        return self.state in (State.OURS, State.ASKED)

    def agree(self, agreed: SessionExpires | None, role: Refresher, now: float) -> None:
        """A 2xx went out or came in; `role` is ours in its transaction."""
        if agreed is None:
            self._feed(Input.DROPPED, None, now)
        else:
            is_ours = agreed.refresher is role
            self._feed(Input.AGREED_OURS if is_ours else Input.AGREED_THEIRS, agreed.seconds, now)

    def refuse(self, pause: float, now: float) -> None:
        """Our refresh was refused or could not be sent: try again after `pause` seconds, while there is time."""
        self._feed(Input.REFUSED, pause, now)

    def handle_timer(self, now: float) -> None:
        if now >= self._expires_at:
            self._feed(Input.TIMER_EXPIRY, None, now)
        elif now >= self._refresh_at:
            self._feed(Input.TIMER_REFRESH, None, now)

    def next_timer(self) -> float | None:
        due = min(self._refresh_at, self._expires_at)
        return None if due == inf else due

    def take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    # --- surviving a restart ----------------------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """JSON values for `load`; they change only with what is agreed, not with each refresh."""
        return {"interval": self.interval, "is_ours": self.is_ours} if self.is_running else {}

    @classmethod
    def load(cls, values: Mapping[str, Any], now: float, *, pause: float = 0.0) -> SessionTimer:
        """The timer as it was dumped. When the last refresh was is not known: one of ours is sent after `pause`
        seconds, one of theirs has the whole interval from now on.

        Raises `LocalProtocolError` when `values` were not made by `dump`.
        """
        timer = cls()
        if values:
            with blob.reading("session timer"):
                interval, is_ours = blob.number(values, "interval"), blob.flag(values, "is_ours")
            timer._feed(Input.AGREED_OURS if is_ours else Input.AGREED_THEIRS, interval, now)
            if is_ours:
                timer._refresh_at = now + pause
        return timer

    # --- what the arrows do -----------------------------------------------------------------------------------

    def _start(self, seconds: int, now: float) -> None:
        self.interval = seconds
        self._refresh_at = now + seconds / 2 if self.state is State.OURS else inf
        self._expires_at = now + seconds - min(MARGIN, seconds / 3)

    def _stop(self, message: object, now: float) -> None:  # noqa: ARG002
        self._refresh_at = self._expires_at = inf

    def _ask(self, message: object, now: float) -> None:  # noqa: ARG002
        self._refresh_at = inf
        self._events.append(Event.REFRESH)

    def _postpone(self, pause: float, now: float) -> None:
        self._refresh_at = now + pause

    def _expire(self, message: object, now: float) -> None:
        self._stop(message, now)
        self._events.append(Event.EXPIRED)

    TABLE: ClassVar[Table] = {
        State.OFF: {
            Input.AGREED_OURS: (State.OURS, _start),
            Input.AGREED_THEIRS: (State.THEIRS, _start),
        },
        State.OURS: {
            Input.AGREED_OURS: (State.OURS, _start),
            Input.AGREED_THEIRS: (State.THEIRS, _start),
            Input.DROPPED: (State.OFF, _stop),
            Input.TIMER_REFRESH: (State.ASKED, _ask),
            Input.TIMER_EXPIRY: (State.EXPIRED, _expire),
        },
        State.ASKED: {
            Input.AGREED_OURS: (State.OURS, _start),
            Input.AGREED_THEIRS: (State.THEIRS, _start),
            Input.DROPPED: (State.OFF, _stop),
            Input.REFUSED: (State.OURS, _postpone),
            Input.TIMER_EXPIRY: (State.EXPIRED, _expire),
        },
        State.THEIRS: {
            Input.AGREED_OURS: (State.OURS, _start),
            Input.AGREED_THEIRS: (State.THEIRS, _start),
            Input.DROPPED: (State.OFF, _stop),
            Input.TIMER_EXPIRY: (State.EXPIRED, _expire),
        },
        State.EXPIRED: {},
    }
