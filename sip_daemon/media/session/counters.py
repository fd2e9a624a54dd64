"""A leg's counters over all the streams that it has received."""

from __future__ import annotations

from dataclasses import dataclass

from sip_daemon.media.session.stream import ReceiveStream


@dataclass(slots=True)
class LegCounters:
    """Sums of streams that are over, and what was dropped."""

    packets: int = 0
    octets: int = 0
    lost: int = 0
    dropped_source: int = 0
    dropped_malformed: int = 0
    send_refused: int = 0
    """Packets that the kernel did not take: no route, or its buffers are full."""

    def add(self, stream: ReceiveStream | None) -> None:
        """A stream is over."""
        if stream is not None:
            self.packets += stream.received
            self.octets += stream.octets
            self.lost += stream.lost


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
