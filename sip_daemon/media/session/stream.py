"""The two streams of a leg: what the peer sends (its sequence, losses, jitter) and what we send (one unbroken stream).

The relay bumps these counters itself for the packet that follows the one before (`relay.py`); everything else about a
packet, and every other packet, is decided here.
"""

from __future__ import annotations

from typing import NamedTuple

from sip_daemon.media.packets.rtp import SEQUENCE_MASK, TIMESTAMP_MASK, RtpPacket, sequence_step
from sip_daemon.sdp.codec import Codec

MAX_DROPOUT = 3000
MAX_MISORDER = 100
"""RFC 3550 appendix A.1: beyond these, the source has started anew."""

JITTER_GAIN = 1 / 16
MAX_TRANSIT_STEP_SECONDS = 5.0
"""A greater jump is the timestamp's (wrapped, or set anew after a hold), not the network's."""

BUFFER_SECONDS = 0.06
"""What the listener's jitter buffer is assumed to hold: a packet that comes later than that is of no use."""

MAX_LATE_SECONDS = 1.0
"""A greater delay is the phone's own pause, not packets that were under way."""


class ReceiveStream:
    """One source's packets as they came in: RFC 3550 appendix A.1, A.3 and A.8.

    Losses are counted when a gap shows and taken back when a late packet fills it, so that a packet in order costs
    nothing for it. Nor does one cost anything for what would have come too late for the listener: a delay that grows
    by more than a jitter buffer holds is looked at by itself (`step`), and counts the packets that were held up.
    """

    __slots__ = (
        "clock_rate",
        "discarded",
        "duplicates",
        "first",
        "gaps",
        "highest",
        "jitter",
        "late",
        "missing",
        "octets",
        "open_numbers",
        "reported_expected",
        "reported_lost",
        "ssrc",
        "timestamp",
        "transit",
    )

    def __init__(self, ssrc: int, sequence: int, timestamp: int, clock_rate: int, now: float) -> None:
        """Begins just before its first packet, so that this one is "the next in order"."""
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.highest = sequence + SEQUENCE_MASK
        """Extended sequence number of the newest packet; starts at one cycle, so that it never falls below zero."""
        self.first = self.highest + 1
        self.missing = 0
        """Expected less received, duplicates among them: what reports tell (RFC 3550 §6.4.1)."""
        self.gaps = 0
        """How often packets were missing, however many."""
        self.late = 0
        """Came behind a newer one and filled its gap."""
        self.duplicates = 0
        self.discarded = 0
        """Too late for the jitter buffer that the listener is assumed to have."""
        self.open_numbers: set[int] | None = None
        """Extended numbers of recent gaps; None until there is one."""
        self.octets = 0
        self.jitter = 0.0
        """In timestamp units."""
        self.timestamp = timestamp
        """Of the newest packet."""
        self.transit = now * clock_rate - timestamp
        """Arrival minus timestamp, in timestamp units: only its changes mean something."""
        self.reported_expected = 0
        self.reported_lost = 0

    @property
    def expected(self) -> int:
        return self.highest + 1 - self.first

    @property
    def received(self) -> int:
        return self.expected - self.missing

    @property
    def lost(self) -> int:
        """What never came. A duplicate makes no loss good."""
        return max(0, self.missing + self.duplicates)

    @property
    def arrived_at(self) -> float:
        """When the newest packet came."""
        return (self.transit + self.timestamp) / self.clock_rate

    def is_continued_by(self, packet: RtpPacket, codec: Codec) -> bool:
        """Whether the packet belongs to this run, however late or early it is: the same source, which has neither set
        its numbers anew nor changed its clock."""
        return (
            packet.ssrc == self.ssrc
            and -MAX_MISORDER <= sequence_step(packet.sequence, self.highest) <= MAX_DROPOUT
            and (codec.clock_rate == self.clock_rate or not codec.is_speech)
        )

    def count(
        self, sequence: int, timestamp: int, payload_bytes: int, now: float, *, is_talkspurt: bool = False
    ) -> int:
        """Count one packet and return its extended sequence number.

        `is_talkspurt`: the first after a pause (RFC 3551 §4.1), whose delay says nothing about the way.
        """
        before, late = self.highest, self.late
        extended = self.count_untimed(sequence, payload_bytes)
        transit = now * self.clock_rate - timestamp
        change = transit - self.transit
        if extended <= before:
            if self.late > late and change >= BUFFER_SECONDS * self.clock_rate:
                self.discarded += 1
            return extended
        if is_talkspurt or abs(change) < BUFFER_SECONDS * self.clock_rate:
            self._follow(abs(change))
        else:
            self.step(transit, timestamp)
        self.transit = transit
        self.timestamp = timestamp
        return extended

    def step(self, transit: float, timestamp: int) -> None:
        """The next packet's way took longer or shorter by more than a jitter buffer holds.

        With it come those that were held up behind it, each a frame less late; the buffer has room for the last.
        """
        change, rate = transit - self.transit, self.clock_rate
        self._follow(abs(change))
        if BUFFER_SECONDS * rate <= change < MAX_LATE_SECONDS * rate:
            frame = (timestamp - self.timestamp) & TIMESTAMP_MASK
            held_up = int((change - BUFFER_SECONDS * rate) / frame) if 0 < frame < rate else 0
            self.discarded += 1 + held_up

    def _follow(self, change: float) -> None:
        """RFC 3550 appendix A.8."""
        if change < MAX_TRANSIT_STEP_SECONDS * self.clock_rate:
            self.jitter += (change - self.jitter) * JITTER_GAIN

    def count_untimed(self, sequence: int, payload_bytes: int) -> int:
        """Count a packet whose timestamp says nothing about its time of sending."""
        step = sequence_step(sequence, self.highest)
        self.octets += payload_bytes
        if step <= 0:
            self._fill(self.highest + step)
            return self.highest + step
        if step > 1:
            self._open(self.highest + 1, self.highest + step)
        self.highest += step
        return self.highest

    def _open(self, first: int, end: int) -> None:
        """A gap: these numbers were passed over."""
        self.missing += end - first
        self.gaps += 1
        recent = end - MAX_MISORDER
        kept = {number for number in self.open_numbers or () if number >= recent}
        kept.update(range(max(first, recent), end))
        self.open_numbers = kept

    def _fill(self, number: int) -> None:
        """A packet that came behind a newer one."""
        self.missing -= 1
        if self.open_numbers is not None and number in self.open_numbers:
            self.open_numbers.remove(number)
            self.late += 1
        else:
            self.duplicates += 1

    def take_fraction_lost(self) -> int:
        """In 256ths since the last call (RFC 3550 appendix A.3)."""
        expected = self.expected - self.reported_expected
        lost = self.missing - self.reported_lost
        self.reported_expected, self.reported_lost = self.expected, self.missing
        return min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0


class Accepted(NamedTuple):
    """A packet that is the peer's. A tuple, since it is made on the packet path."""

    packet: RtpPacket
    codec: Codec
    stream: ReceiveStream
    """The run that it belongs to."""
    extended: int
    """Its sequence number there, without wrapping."""
    at: float
    """When it came."""


class SendStream:
    """What one peer hears from us, in one SSRC with numbers that never jump, whoever the audio comes from.

    A source *joins* the stream and gets offsets that continue it: its own gaps and late packets stay visible, the
    change of source does not.
    """

    __slots__ = (
        "clock_rate",
        "feed",
        "octets",
        "packets",
        "sent_at",
        "sequence",
        "ssrc",
        "timestamp",
    )

    def __init__(self, ssrc: int, sequence: int, timestamp: int) -> None:
        """The numbers are random (RFC 3550 §5.1) and count as sent."""
        self.ssrc = ssrc
        self.sequence = sequence
        """Of the newest packet sent."""
        self.timestamp = timestamp
        self.clock_rate = 8000
        self.sent_at: float | None = None
        """When that timestamp was first used."""
        self.feed: object = None
        """The source that joined last: the offsets of any other are void."""
        self.packets = 0
        self.octets = 0

    def join(
        self, feed: object, sequence: int, timestamp: int, clock_rate: int, frame: int, now: float
    ) -> tuple[int, int]:
        """Offsets to add to the numbers of a source whose next packet carries these two.

        The timestamp goes on by the time that has passed, so that the peer's jitter buffer sees a pause, and by
        at least one `frame` (in timestamp units). From here on it runs at `clock_rate` (RFC 7160 §4.1).
        """
        elapsed = frame
        if self.sent_at is not None:
            elapsed = max(frame, round((now - self.sent_at) * clock_rate))
        self.clock_rate = clock_rate
        self.feed = feed
        return (
            (self.sequence + 1 - sequence) & SEQUENCE_MASK,
            (self.timestamp + elapsed - timestamp) & TIMESTAMP_MASK,
        )

    def count(self, sequence: int, timestamp: int, payload_bytes: int, now: float) -> None:
        """A packet with these numbers of ours has been sent."""
        if sequence_step(sequence, self.sequence) > 0:
            self.sequence = sequence
            if timestamp != self.timestamp or self.sent_at is None:
                # That of a telephone-event stands still while time goes on (RFC 4733 §2.5.1.2).
                self.timestamp = timestamp
                self.sent_at = now
        self.packets += 1
        self.octets += payload_bytes

    def timestamp_at(self, now: float) -> int:
        """The RTP timestamp that corresponds to `now`, for sender reports (RFC 3550 §6.4.1)."""
        elapsed = 0.0 if self.sent_at is None else now - self.sent_at
        return (self.timestamp + round(elapsed * self.clock_rate)) & TIMESTAMP_MASK
