"""A leg's RTCP socket: reports come in and go out beside the packet path."""

from __future__ import annotations

import socket
from collections.abc import Callable

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.media.packets.rtcp import parse_compound
from sip_daemon.media.session.counters import LegCounters
from sip_daemon.media.session.description import LegDescription
from sip_daemon.media.session.learning import AddressLearner, SocketAddress
from sip_daemon.media.session.reports import ReportExchange

MAX_RTCP_BYTES = 2048


class RtcpPort:
    """Where reports are exchanged: a port of their own, or the one of RTP (RFC 5761).

    Reports are taken from the host that RTP goes to; the port that they come from is where ours are sent.
    """

    def __init__(
        self,
        own: socket.socket,
        rtp: socket.socket,
        reports: ReportExchange,
        learner: AddressLearner,
        counters: LegCounters,
        clock: Callable[[], float],
    ) -> None:
        self.reports = reports
        self.received = 0
        """Compound packets that were taken: a sign of life."""
        self._own, self._rtp = own, rtp
        self._learner, self._counters, self._clock = learner, counters, clock
        self._learned: SocketAddress | None = None
        self._described_port: int | None = None
        self._is_muxed = False

    def describe(self, description: LegDescription) -> None:
        """An offer/answer was concluded."""
        self._is_muxed = description.rtcp_mux
        self._described_port = description.rtcp_port
        self._learned = None

    def receive_one(self) -> None:
        """The handler of the socket."""
        try:
            data, source = self._own.recvfrom(MAX_RTCP_BYTES)
        except OSError:
            return
        if self.receive(data, source):
            self._learned = source

    def receive(self, data: bytes, source: SocketAddress) -> bool:
        """Whether the packet was the peer's."""
        if not self._learner.is_peer_host(source):
            self._counters.dropped_source += 1
            return False
        try:
            packets = parse_compound(data)
        except RemoteProtocolError:
            self._counters.dropped_malformed += 1
            return False
        self.received += 1
        now = self._clock()
        for packet in packets:
            self.reports.receive(packet, now)
        return True

    def send(self, data: bytes) -> None:
        """Silently nothing when the peer's address is not known, or the network refuses."""
        target = self.target
        if target is None:
            return
        try:
            (self._rtp if self._is_muxed else self._own).sendto(data, target)
        except OSError:
            self._counters.send_refused += 1

    @property
    def target(self) -> SocketAddress | None:
        rtp = self._learner.target
        if rtp is None or self._is_muxed:
            return rtp
        if self._learned is not None:
            return self._learned
        described = self._described_port if rtp[:2] == self._learner.described else None
        port = described or rtp[1] + 1
        return (rtp[0], port, *rtp[2:]) if port < 65536 else None
