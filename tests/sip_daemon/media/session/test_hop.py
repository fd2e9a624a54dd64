"""The way between two workers."""

from __future__ import annotations

import socket

import pytest

from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.description import Route
from sip_daemon.media.session.hop import Hop, pack_format, parse_format
from sip_daemon.media.session.loop import EventLoop
from sip_daemon.media.session.stream import Accepted, ReceiveStream, SendStream
from sip_daemon.sdp.codec import Codec
from tests.support.media_worker import EVENT_101, PCMU

OPUS = Codec(111, "opus", 48000, 2, "useinbandfec=1; stereo=0")


class Ear:
    def __init__(self) -> None:
        self.sent = SendStream(0x99, 1000, 50000)
        self.takes_audio = True
        self.heard: list[tuple[int, int, bytes]] = []

    def route_of(self, codec: Codec) -> Route | None:
        return Route(101) if codec.same_as(EVENT_101) else Route(0)

    def transmit(
        self, payload_type: int, marker: bool, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        self.sent.count(sequence, timestamp, len(payload), now)
        self.heard.append((payload_type, sequence, payload))


@pytest.mark.parametrize("codec", [PCMU, EVENT_101, OPUS, Codec(97, "AMR", 8000, 1, "octet-align=1; mode-set=0/2")])
def test_a_format_keeps_all_but_its_number(codec: Codec) -> None:
    assert parse_format(pack_format(codec)) == codec.numbered(0)


def test_a_packet_reaches_the_leg_behind_the_token() -> None:
    loop = EventLoop()
    here, there, ear = Hop(loop), Hop(loop), Ear()
    way = here.departure(there.port, there.expect(ear))
    for sequence in (0xFFFF, 0):
        packet = RtpPacket(0, sequence, 0, 7, b"hello")
        way.forward(Accepted(packet, PCMU, ReceiveStream(7, sequence, 0, 8000, 0.0), sequence, 0.0))
        loop.run_once(1.0)
    assert ear.heard == [(0, 1001, b"hello"), (0, 1002, b"hello")]


def test_whoever_does_not_know_a_token_is_not_heard() -> None:
    loop = EventLoop()
    hop, ear = Hop(loop), Ear()
    token = hop.expect(ear)
    hop.forget(token)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for data in (b"", b"short", token.to_bytes(8, "big") + b"\x04PCMU", bytes(100)):
        sender.sendto(data, ("127.0.0.1", hop.port))
        loop.run_once(1.0)
    sender.close()
    assert (hop.dropped, ear.heard) == (4, [])


def test_garbage_behind_a_known_token_is_dropped() -> None:
    loop = EventLoop()
    hop, ear = Hop(loop), Ear()
    head = hop.expect(ear).to_bytes(8, "big")
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for data in (b"\x04PCMU" + bytes(20), b"\x0bPCMU/x/1/ab" + bytes(20), b"\x02\xff\xff" + bytes(20)):
        sender.sendto(head + data, ("127.0.0.1", hop.port))
        loop.run_once(1.0)
    sender.close()
    assert (hop.dropped, ear.heard) == (3, [])


def test_a_source_that_sets_its_numbers_anew_goes_on_in_the_stream() -> None:
    loop = EventLoop()
    here, there, ear = Hop(loop), Hop(loop), Ear()
    way = here.departure(there.port, there.expect(ear))
    for sequence in (60000, 7):
        packet = RtpPacket(0, sequence, 0, 7, b"hello")
        way.forward(Accepted(packet, PCMU, ReceiveStream(7, sequence, 0, 8000, 0.0), sequence, 0.0))
        loop.run_once(1.0)
    assert [sequence for _, sequence, _ in ear.heard] == [1001, 1002]
