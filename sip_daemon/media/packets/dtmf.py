"""Telephone-events (RFC 4733): key presses sent as packets instead of tones.

One press is a row of packets with the same timestamp and growing duration; the last three say "end". Any of them
may be lost or come twice, so a press is known by its timestamp, and it is over when an end arrives, when the next
press starts, or when nothing more comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.media.packets.rtp import timestamp_step

DIGITS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "A", "B", "C", "D", "flash")
"""By event code (RFC 4733 §3.2, table 7)."""

END_TIMEOUT = 0.3
"""Seconds after the last packet of a press whose end was lost. Events are updated every 50 ms at the slowest seen."""

_EVENT = Struct("!BBH")


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """The payload of one packet (§2.3)."""

    event: int
    is_end: bool
    volume: int
    """In -dBm0, 0 to 63."""
    duration: int
    """In timestamp units, from the packet's timestamp on."""

    @classmethod
    def parse(cls, payload: bytes) -> TelephoneEvent:
        """Raises `RemoteProtocolError`. Only the first of several packed events (§2.5.1.5) is read."""
        if len(payload) < _EVENT.size:
            raise RemoteProtocolError("telephone-event is too short")
        event, flags, duration = _EVENT.unpack_from(payload)
        return cls(event, bool(flags & 0x80), flags & 0x3F, duration)

    def pack(self) -> bytes:
        return _EVENT.pack(self.event, (0x80 if self.is_end else 0) | self.volume, self.duration)


@dataclass(frozen=True, slots=True)
class KeyPress:
    """One press that is over."""

    digit: str
    duration_ms: int


@dataclass(slots=True)
class _Press:
    timestamp: int
    clock_rate: int
    digit: str
    duration: int
    seen_at: float


class KeyPressDetector:
    """Turns the packets of one stream into presses, each reported once."""

    def __init__(self) -> None:
        self._current: _Press | None = None
        self._last_timestamp: int | None = None
        """Of the newest press that has been reported."""

    def receive(self, timestamp: int, event: TelephoneEvent, now: float, clock_rate: int = 8000) -> list[KeyPress]:
        """The presses that this packet completes; two when it also shows that the one before is over.

        `clock_rate` is that of the payload type: beside Opus it may be 48,000 (§2.1).
        """
        if event.event >= len(DIGITS) or self._is_old(timestamp):
            return []
        presses = []
        current = self._current
        if current is None or current.timestamp != timestamp:
            presses = self.flush()
            current = self._current = _Press(timestamp, clock_rate, DIGITS[event.event], 0, now)
        current.duration = max(current.duration, event.duration)
        current.seen_at = now
        return presses + self.flush() if event.is_end else presses

    def handle_timer(self, now: float) -> list[KeyPress]:
        """The press whose end never came, once it is overdue."""
        deadline = self.next_timer()
        return self.flush() if deadline is not None and now >= deadline else []

    def next_timer(self) -> float | None:
        return self._current.seen_at + END_TIMEOUT if self._current is not None else None

    def flush(self) -> list[KeyPress]:
        """Take the running press as over: the stream has ended or changed."""
        press, self._current = self._current, None
        if press is None:
            return []
        self._last_timestamp = press.timestamp
        return [KeyPress(press.digit, press.duration * 1000 // press.clock_rate)]

    def _is_old(self, timestamp: int) -> bool:
        """Repeated ends of a press that was reported, and late packets of one before the running one."""
        reference = self._current.timestamp if self._current is not None else self._last_timestamp
        if reference is None:
            return False
        step = timestamp_step(timestamp, reference)
        return step < 0 or (step == 0 and self._current is None)

    def restart(self) -> list[KeyPress]:
        """A new stream with timestamps of its own begins."""
        presses = self.flush()
        self._last_timestamp = None
        return presses
