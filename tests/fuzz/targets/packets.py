"""Datagrams on a media port: RTP, RTCP, telephone-events, and what claims to be STUN or DTLS."""

from __future__ import annotations

from contextlib import suppress
from itertools import count

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import TransportAddress
from sip_daemon.media.packets.demux import PacketKind, packet_kind
from sip_daemon.media.packets.dtmf import KeyPressDetector, TelephoneEvent
from sip_daemon.media.packets.rtcp import VoipMetrics, pack_compound, parse_compound
from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.description import LegDescription
from sip_daemon.media.session.receiver import Receiver
from sip_daemon.media.session.reports import ReportExchange
from sip_daemon.sdp.codec import Codec

PEER = ("192.0.2.1", 4000)
CODECS = (Codec(0, "PCMU", 8000), Codec(8, "PCMA", 8000), Codec(101, "telephone-event", 8000, 1, "0-15"))

_receiver = Receiver()
_receiver.describe(LegDescription(TransportAddress(*PEER), CODECS, CODECS))
_reports = ReportExchange(1, "us", 0.0)
_detector = KeyPressDetector()
_now = (0.02 * number for number in count())
"""The receiver sees one stream of all inputs: damaged packets come between others, as on a wire."""


def check_rtp(data: bytes) -> None:
    """Any datagram gives a packet or `RemoteProtocolError`, and a leg counts it, as taken or as dropped."""
    with suppress(RemoteProtocolError):
        packet = RtpPacket.parse(data)
        assert RtpPacket.parse(packet.pack()) == packet
    now = next(_now)
    source = PEER if len(data) % 3 else (f"203.0.113.{sum(data) % 250}", 9)
    before = _seen()
    accepted = _receiver.accept(data, source, now)
    # With the packet that shows an address come those before it, which were counted as dropped until then. An event
    # that cannot be read is a packet of its stream and malformed besides.
    assert 1 <= _seen() - before <= 2
    assert len(accepted) <= 3
    assert len(_receiver.take_presses()) <= 2


def _seen() -> int:
    counters = _receiver.counters
    return _receiver.packets + counters.dropped_source + counters.dropped_malformed


def check_dtmf(data: bytes) -> None:
    """Any payload gives an event or `RemoteProtocolError`; presses have a key and a length."""
    with suppress(RemoteProtocolError):
        event = TelephoneEvent.parse(data)
        assert TelephoneEvent.parse(event.pack()) == event
        for press in _detector.receive(sum(data) * 160, event, next(_now)):
            assert press.digit
            assert press.duration_ms >= 0


def check_rtcp(data: bytes) -> None:
    """Any datagram gives reports or `RemoteProtocolError`; what is read is written and read again the same."""
    try:
        packets = parse_compound(data)
    except RemoteProtocolError:
        return
    writable = [packet for packet in packets if not isinstance(packet, VoipMetrics)]
    if writable:
        assert parse_compound(pack_compound(writable)) == writable
    for packet in packets:
        _reports.receive(packet, next(_now))
    assert _reports.rtt is None or 0 <= _reports.rtt <= 60


def check_stun(data: bytes) -> None:
    """Every datagram is of exactly one kind, by RFC 7983 §7 and RFC 5761 §4; nothing is raised."""
    kind = packet_kind(data)
    assert kind is packet_kind(bytearray(data)) is packet_kind(memoryview(data))
    if len(data) >= 2 and 128 <= data[0] <= 191:
        assert (kind is PacketKind.RTCP) == (192 <= data[1] <= 223)
