"""A leg's counters over all the streams that it has received."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import NamedTuple

from sip_daemon.media.session.stream import ReceiveStream


class Tally(NamedTuple):
    """What has come in so far, over all streams of a leg."""

    packets: int = 0
    """Duplicates among them."""
    octets: int = 0
    expected: int = 0
    lost: int = 0
    gaps: int = 0
    late: int = 0
    duplicates: int = 0
    discarded: int = 0

    @classmethod
    def of(cls, stream: ReceiveStream) -> Tally:
        return cls(
            stream.received,
            stream.octets,
            stream.expected,
            stream.lost,
            stream.gaps,
            stream.late,
            stream.duplicates,
            stream.discarded,
        )

    def plus(self, other: Tally) -> Tally:
        return Tally(*map(operator.add, self, other))

    def since(self, earlier: Tally) -> Tally:
        """What has come in meanwhile. A late packet takes back a loss of before: never below zero."""
        return Tally(*(max(0, now - before) for now, before in zip(self, earlier, strict=True)))


NOTHING = Tally()


@dataclass(slots=True)
class LegCounters:
    """Sums of streams that are over, and what was dropped."""

    over: Tally = NOTHING
    """The streams that have ended."""
    dropped_source: int = 0
    dropped_malformed: int = 0
    send_refused: int = 0
    """Packets that the kernel did not take: no route, or its buffers are full."""

    def add(self, stream: ReceiveStream | None) -> None:
        """A stream is over."""
        self.over = self.with_current(stream)

    def with_current(self, stream: ReceiveStream | None) -> Tally:
        """With what the present stream has counted."""
        return self.over.plus(Tally.of(stream)) if stream is not None else self.over


@dataclass(frozen=True, slots=True)
class LegStatistics:
    """What is told about a leg; the names are those of the control protocol."""

    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    packets_lost: int
    jitter_ms: float
    dropped_source: int
    dropped_malformed: int
    codec: str | None
    remote: tuple[str, int] | None
    rtt_ms: float | None
    remote_packets_lost: int | None
    remote_jitter_ms: float | None
    recording_error: str | None
    packets_late: int
    packets_duplicated: int
    packets_discarded: int
    mos: float | None
    mos_now: float | None
    remote_mos: float | None
    remote_mos_now: float | None
    loss_percent_now: float | None
    remote_loss_percent_now: float | None
    level_db: float | None
    speaks: str
    hears: str
    suspicion: str
    announced: tuple[str, int] | None
    phone_mos: float | None
