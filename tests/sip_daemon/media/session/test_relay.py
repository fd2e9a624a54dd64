"""One unbroken stream to a leg, whoever its audio comes from."""

from __future__ import annotations

from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.description import Route, route
from sip_daemon.media.session.relay import Forwarding
from sip_daemon.media.session.stream import Accepted, ReceiveStream, SendStream
from sip_daemon.sdp.codec import Codec
from tests.support.media_worker import EVENT_96, EVENT_101, PCMA, PCMU

G722 = Codec(9, "G722", 8000)
OPUS = Codec(111, "opus", 48000, 2)


class MemoryTarget:
    """A leg that keeps what it would send."""

    def __init__(self, *codecs: Codec) -> None:
        self.sent = SendStream(0x99, 1000, 50000)
        self.takes_audio = True
        self.out: list[RtpPacket] = []
        self._codecs = codecs

    def route_of(self, codec: Codec) -> Route | None:
        return route(codec, self._codecs)

    def transmit(
        self, payload_type: int, marker: bool, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        self.sent.count(sequence, timestamp, len(payload), now)
        self.out.append(RtpPacket(payload_type, sequence, timestamp, self.sent.ssrc, payload, marker))

    @property
    def sequences(self) -> list[int]:
        return [packet.sequence for packet in self.out]


def packet(sequence: int, *, ssrc: int = 1, payload_type: int = 0, marker: bool = False) -> RtpPacket:
    return RtpPacket(payload_type, sequence, sequence * 160, ssrc, b"\xff" * 160, marker)


class Source:
    """The runs of packets that a leg receives."""

    def __init__(self) -> None:
        self.stream: ReceiveStream | None = None

    def accept(self, each: RtpPacket, codec: Codec, at: float) -> Accepted:
        if self.stream is None or not self.stream.is_continued_by(each, codec):
            self.stream = ReceiveStream(each.ssrc, each.sequence, each.timestamp, codec.clock_rate, at)
        return Accepted(each, codec, self.stream, self.stream.count_untimed(each.sequence, 1), at)


def relay(way: Way, *packets: RtpPacket, codec: Codec = PCMU, at: float = 0.0) -> None:
    for index, each in enumerate(packets):
        way.forwarding.forward(way.source.accept(each, codec, at + 0.02 * index))


class Way:
    """From a source to a target."""

    def __init__(self, target: MemoryTarget) -> None:
        self.forwarding, self.source = Forwarding(target), Source()


def test_the_first_packet_follows_the_random_start_and_is_marked() -> None:
    target = MemoryTarget(PCMU)
    relay(Way(target), packet(7), packet(8))
    assert target.sequences == [1001, 1002]
    assert [each.marker for each in target.out] == [True, False]


def test_a_gap_and_a_late_packet_stay_visible() -> None:
    target = MemoryTarget(PCMU)
    relay(Way(target), packet(7), packet(9), packet(8))
    assert target.sequences == [1001, 1003, 1002]


def test_a_new_source_continues_the_stream() -> None:
    target = MemoryTarget(PCMU)
    forwarding = Way(target)
    relay(forwarding, packet(7), packet(8))
    relay(forwarding, packet(40000, ssrc=2), at=0.5)
    assert target.sequences == [1001, 1002, 1003]
    assert target.out[2].timestamp - target.out[1].timestamp == round((0.5 - 0.02) * 8000)
    assert target.out[2].marker


def test_a_source_that_comes_back_does_not_use_its_old_numbers() -> None:
    target = MemoryTarget(PCMU)
    first, second = Way(target), Way(target)
    relay(first, packet(7), packet(8))
    relay(second, packet(500, ssrc=2), packet(501, ssrc=2), at=0.1)
    relay(first, packet(20), at=0.5)
    assert target.sequences == [1001, 1002, 1003, 1004, 1005]


def test_a_source_that_sets_its_numbers_anew_is_heard_on() -> None:
    """A phone may begin again after a hold, in the same SSRC."""
    target = MemoryTarget(PCMU)
    way = Way(target)
    relay(way, packet(60000), packet(60001))
    relay(way, packet(5), packet(6), at=2.02)
    assert target.sequences == [1001, 1002, 1003, 1004]
    assert target.out[2].timestamp - target.out[1].timestamp == 2 * 8000


def test_a_key_press_that_joins_first_runs_at_the_clock_of_the_speech() -> None:
    target = MemoryTarget(OPUS, EVENT_96)
    way = Way(target)
    relay(way, packet(7, payload_type=111), codec=OPUS)
    relay(Way(target), packet(7, ssrc=2), codec=EVENT_101, at=0.02)
    relay(way, packet(8, payload_type=101), codec=EVENT_101, at=0.04)
    assert target.sent.clock_rate == 48000


def test_a_packet_from_before_its_source_joined_is_left_out() -> None:
    target = MemoryTarget(PCMU)
    forwarding = Way(target)
    relay(forwarding, packet(7), packet(6), packet(8))
    assert target.sequences == [1001, 1002]


def test_what_the_peer_does_not_take_leaves_no_gap() -> None:
    target = MemoryTarget(PCMU)
    forwarding = Way(target)
    relay(forwarding, packet(7))
    relay(forwarding, packet(8, payload_type=9), codec=G722)
    relay(forwarding, packet(9), at=0.04)
    assert target.sequences == [1001, 1002]
    assert target.out[1].timestamp - target.out[0].timestamp == 320


def test_payload_types_are_those_of_the_receiving_leg() -> None:
    target = MemoryTarget(PCMU, EVENT_96)
    forwarding = Way(target)
    relay(forwarding, packet(7))
    relay(forwarding, packet(8, payload_type=101, marker=True), codec=EVENT_101)
    assert (target.out[1].payload_type, target.out[1].marker) == (96, True)


def test_the_laws_of_g711_are_converted() -> None:
    target = MemoryTarget(PCMA)
    relay(Way(target), packet(7))
    assert (target.out[0].payload_type, target.out[0].payload) == (8, b"\xd5" * 160)


def test_another_clock_rate_goes_on_in_the_same_stream() -> None:
    target = MemoryTarget(PCMU, OPUS)
    forwarding = Way(target)
    relay(forwarding, packet(7))
    relay(forwarding, packet(8, payload_type=111), codec=OPUS, at=0.02)
    assert target.sequences == [1001, 1002]
    assert target.out[1].timestamp - target.out[0].timestamp == 960
    assert target.sent.clock_rate == 48000


def test_nothing_goes_to_a_leg_that_takes_no_audio() -> None:
    target = MemoryTarget(PCMU)
    target.takes_audio = False
    relay(Way(target), packet(7))
    assert target.out == []
