"""One leg's own RTCP (RFC 3550 §6): reports made and consumed. No socket, no clock of its own."""

from __future__ import annotations

import random
import time

from sip_daemon.media.packets.rtcp import (
    Goodbye,
    Received,
    ReceiverReport,
    ReceptionReport,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    VoipMetrics,
    pack_compound,
)
from sip_daemon.media.session.stream import ReceiveStream, SendStream

INTERVAL = 5.0
"""Seconds between reports, halved or one and a half times that by chance (RFC 3550 §6.2, §6.3.1)."""

COMPENSATION = 1.21828
"""e - 3/2 (RFC 3550 §6.3.1): chance alone would make the mean interval longer than intended."""

NTP_EPOCH = 2208988800
"""1970 in seconds since 1900."""

MAX_RTT = 60.0
"""More is a peer's wrong arithmetic."""

ROUNDING = 0.01
"""A peer that counts its delay in steps of 10 ms may name more than has passed: a round trip below zero is zero."""


def next_interval() -> float:
    return INTERVAL * random.uniform(0.5, 1.5) / COMPENSATION  # noqa: S311 - to spread the load, not a secret


class ReportExchange:
    """What we tell the peer about its stream and ours, and what it tells us."""

    def __init__(self, ssrc: int, cname: str, wall_clock_offset: float | None = None) -> None:
        """`wall_clock_offset`: Unix time minus the monotonic time that is handed in."""
        self.ssrc = ssrc
        self.rtt: float | None = None
        """Seconds."""
        self.remote: ReceptionReport | None = None
        """What the peer last said of the stream that it gets from us."""
        self.metrics: VoipMetrics | None = None
        """The same in an extended report, if it sends any."""
        self.taken = 0
        """Reports of the peer, whatever about."""
        self.about_us = 0
        """Those of them that speak of our stream."""
        self._cname = cname
        self._offset = time.time() - time.monotonic() if wall_clock_offset is None else wall_clock_offset
        self._sender_report: tuple[int, int, float] | None = None
        """SSRC, middle of the NTP time and arrival of the peer's last SR."""
        self._packets_reported = 0

    def make(self, sent: SendStream, received: ReceiveStream | None, now: float, *, goodbye: bool = False) -> bytes:
        """A compound packet: SR if we have sent since the last one, otherwise RR (§6.4), with our CNAME."""
        reports = (self._report_on(received, now),) if received is not None else ()
        first: RtcpPacket = ReceiverReport(self.ssrc, reports)
        if sent.packets > self._packets_reported:
            self._packets_reported = sent.packets
            timestamp = sent.timestamp_at(now)
            first = SenderReport(self.ssrc, self._ntp(now), timestamp, sent.packets, sent.octets, reports)
        packets = [first, SourceDescription(self.ssrc, self._cname)]
        if goodbye:
            packets.append(Goodbye((self.ssrc,)))
        return pack_compound(packets)

    def receive(self, packet: Received, now: float) -> None:
        """Reports about other streams than ours are ignored."""
        match packet:
            case Goodbye():
                return
            case VoipMetrics():
                if packet.ssrc == self.ssrc:
                    self.metrics = packet
                return
            case SenderReport():
                self._sender_report = (packet.ssrc, _middle(packet.ntp_time), now)
        self.taken += 1
        for report in packet.reports:
            if report.ssrc == self.ssrc:
                self._take(report, now)

    def _take(self, report: ReceptionReport, now: float) -> None:
        self.remote = report
        self.about_us += 1
        if report.last_sender_report == 0:
            return
        trip = _middle(self._ntp(now)) - report.last_sender_report - report.delay_since_last_sender_report
        rtt = ((trip + 0x80000000 & 0xFFFFFFFF) - 0x80000000) / 65536
        if -ROUNDING <= rtt < MAX_RTT:
            self.rtt = max(0.0, rtt)

    def _report_on(self, stream: ReceiveStream, now: float) -> ReceptionReport:
        last, delay = 0, 0
        if self._sender_report is not None and self._sender_report[0] == stream.ssrc:
            last, delay = self._sender_report[1], round((now - self._sender_report[2]) * 65536)
        return ReceptionReport(
            ssrc=stream.ssrc,
            fraction_lost=stream.take_fraction_lost(),
            packets_lost=stream.missing,
            highest_sequence=stream.highest - 0x10000,
            jitter=int(stream.jitter),
            last_sender_report=last,
            delay_since_last_sender_report=delay,
        )

    def _ntp(self, now: float) -> int:
        seconds = now + self._offset + NTP_EPOCH
        return int(seconds * 4294967296) & 0xFFFFFFFFFFFFFFFF


def _middle(ntp_time: int) -> int:
    return ntp_time >> 16 & 0xFFFFFFFF
