"""The table: what is measured, against whom, and what is to be reached."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Compare(StrEnum):
    """How a row's figure is turned into the number that has a target."""

    PER_CORE = "per core"
    """The figure is CPU time for one operation. The ratio is operations per core, ours to theirs: more is better."""
    TIMES = "times"
    """The figure is a cost. The ratio is ours to the peer's: less is better."""
    RATE = "rate"
    """The figure is a rate. The ratio is ours to the peer's: more is better."""
    ALONE = "alone"
    """The figure itself has the target: less is better."""

    @property
    def more_is_better(self) -> bool:
        return self in (Compare.PER_CORE, Compare.RATE)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    id: str
    title: str
    unit: str
    compare: Compare
    peer: str = ""
    """Whose figure the ratio is with; others are shown for information."""
    must: float | None = None
    aim: float | None = None
    digits: int = 1
    missing: str = ""
    """Why there is no figure: the row is listed and nothing is invented."""


NOT_BUILT = "not built yet"
KAMAILIO, SIPPY, RTPENGINE = "Kamailio", "sippy", "rtpengine"

ROWS = (
    Row("register-udp", "REGISTER with digest over UDP: CPU", "us", Compare.PER_CORE, KAMAILIO, 0.30, 0.40),
    Row("register-udp-full", "the same at full load", "us", Compare.PER_CORE, KAMAILIO, 0.30, 0.40),
    Row("register-udp-rate", "REGISTER with digest over UDP: highest rate", "/s", Compare.RATE, KAMAILIO, digits=0),
    Row("register-tcp", "REGISTER with digest over TCP, 16 connections: CPU", "us", Compare.PER_CORE, KAMAILIO),
    Row("register-tcp-full", "the same at full load", "us", Compare.PER_CORE, KAMAILIO),
    Row("register-tcp-rate", "REGISTER with digest over TCP: highest rate", "/s", Compare.RATE, KAMAILIO, digits=0),
    Row("register-tls", "REGISTER over a standing TLS connection: CPU", "us", Compare.PER_CORE, KAMAILIO, 0.25, 0.35,
        missing=NOT_BUILT),
    Row("connect-tls", "new TLS connection and REGISTER: CPU", "us", Compare.PER_CORE, KAMAILIO, 1.0, 1.3,
        missing=NOT_BUILT),
    Row("memory-tls", "memory per idle TLS connection", "KiB", Compare.TIMES, KAMAILIO, 0.85, 0.6, missing=NOT_BUILT),
    Row("memory-registration", "memory per registration", "KiB", Compare.TIMES, KAMAILIO, 1.5, 1.0, digits=2),
    Row("call", "call with challenge and media allocated: CPU", "us", Compare.PER_CORE, SIPPY, 3, 4, digits=0),
    Row("call-full", "the same at full load", "us", Compare.PER_CORE, SIPPY, 3, 4, digits=0),
    Row("call-rate", "calls: highest rate", "/s", Compare.RATE, SIPPY, digits=0),
    Row("post-dial-p50", "post-dial delay, unloaded: p50", "ms", Compare.TIMES, KAMAILIO, 2, 1.5, digits=2),
    Row("post-dial-p95", "post-dial delay, unloaded: p95", "ms", Compare.TIMES, KAMAILIO, digits=2),
    Row("memory-call", "memory per held call in `sip`", "KiB", Compare.TIMES, SIPPY, 0.8, 0.5),
    Row("relay", "relayed RTP packet: CPU", "us", Compare.PER_CORE, RTPENGINE, 1.0, 1.3, digits=2),
    Row("relay-srtp", "relayed SRTP-SRTP packet, own keys on each leg: CPU", "us", Compare.PER_CORE, RTPENGINE, 0.8,
        1.0, missing=NOT_BUILT),
    Row("relay-loss", "packets lost at half capacity", "%", Compare.ALONE, RTPENGINE, 0.01, digits=4),
    Row("relay-p50", "latency through the relay at half capacity: p50", "ms", Compare.ALONE, RTPENGINE, digits=2),
    Row("relay-p99", "latency through the relay at half capacity: p99", "ms", Compare.ALONE, RTPENGINE, 5, 2, digits=2),
    Row("memory-relay", "memory per relayed call", "KiB", Compare.TIMES, RTPENGINE, 0.8, 0.5),
    Row("start", "start of `sip` to its first answer", "s", Compare.ALONE, KAMAILIO, 0.5, 0.3, digits=2),
    Row("idle-udp", "CPU with 1,000 idle phones on UDP", "%", Compare.ALONE, KAMAILIO, 1, 0.5, digits=2),
    Row("idle-tcp", "CPU with 1,000 idle phones on a TCP connection each", "%", Compare.ALONE, KAMAILIO, 1, 0.5,
        digits=2),
    Row("idle-tls", "CPU with 1,000 idle phones on a TLS connection each", "%", Compare.ALONE, KAMAILIO, 1, 0.5,
        missing=NOT_BUILT),
)  # fmt: skip
