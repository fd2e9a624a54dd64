"""One unbroken stream to a leg, whoever its audio comes from."""

from __future__ import annotations

from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.description import Route, route
from sip_daemon.media.session.relay import BUFFER, FastPath, Forwarding
from sip_daemon.media.session.stream import ReceiveStream, SendStream
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


def relay(forwarding: Forwarding, *packets: RtpPacket, codec: Codec = PCMU, at: float = 0.0) -> None:
    for index, each in enumerate(packets):
        forwarding.forward(each, codec, each.sequence + 0x10000, at + 0.02 * index)


def test_the_first_packet_follows_the_random_start_and_is_marked() -> None:
    target = MemoryTarget(PCMU)
    relay(Forwarding(target), packet(7), packet(8))
    assert target.sequences == [1001, 1002]
    assert [each.marker for each in target.out] == [True, False]


def test_a_gap_and_a_late_packet_stay_visible() -> None:
    target = MemoryTarget(PCMU)
    relay(Forwarding(target), packet(7), packet(9), packet(8))
    assert target.sequences == [1001, 1003, 1002]


def test_a_new_source_continues_the_stream() -> None:
    target = MemoryTarget(PCMU)
    forwarding = Forwarding(target)
    relay(forwarding, packet(7), packet(8))
    relay(forwarding, packet(40000, ssrc=2), at=0.5)
    assert target.sequences == [1001, 1002, 1003]
    assert target.out[2].timestamp - target.out[1].timestamp == round((0.5 - 0.02) * 8000)
    assert target.out[2].marker


def test_a_source_that_comes_back_does_not_use_its_old_numbers() -> None:
    target = MemoryTarget(PCMU)
    first, second = Forwarding(target), Forwarding(target)
    relay(first, packet(7), packet(8))
    relay(second, packet(500, ssrc=2), packet(501, ssrc=2), at=0.1)
    relay(first, packet(20), at=0.5)
    assert target.sequences == [1001, 1002, 1003, 1004, 1005]


def test_a_packet_from_before_its_source_joined_is_left_out() -> None:
    target = MemoryTarget(PCMU)
    forwarding = Forwarding(target)
    relay(forwarding, packet(7), packet(6), packet(8))
    assert target.sequences == [1001, 1002]


def test_what_the_peer_does_not_take_leaves_no_gap() -> None:
    target = MemoryTarget(PCMU)
    forwarding = Forwarding(target)
    relay(forwarding, packet(7))
    relay(forwarding, packet(8, payload_type=9), codec=G722)
    relay(forwarding, packet(9), at=0.04)
    assert target.sequences == [1001, 1002]
    assert target.out[1].timestamp - target.out[0].timestamp == 320


def test_payload_types_are_those_of_the_receiving_leg() -> None:
    target = MemoryTarget(PCMU, EVENT_96)
    forwarding = Forwarding(target)
    relay(forwarding, packet(7))
    relay(forwarding, packet(8, payload_type=101, marker=True), codec=EVENT_101)
    assert (target.out[1].payload_type, target.out[1].marker) == (96, True)


def test_the_laws_of_g711_are_converted() -> None:
    target = MemoryTarget(PCMA)
    relay(Forwarding(target), packet(7))
    assert (target.out[0].payload_type, target.out[0].payload) == (8, b"\xd5" * 160)


def test_another_clock_rate_goes_on_in_the_same_stream() -> None:
    target = MemoryTarget(PCMU, OPUS)
    forwarding = Forwarding(target)
    relay(forwarding, packet(7))
    relay(forwarding, packet(8, payload_type=111), codec=OPUS, at=0.02)
    assert target.sequences == [1001, 1002]
    assert target.out[1].timestamp - target.out[0].timestamp == 960
    assert target.sent.clock_rate == 48000


def test_nothing_goes_to_a_leg_that_takes_no_audio() -> None:
    target = MemoryTarget(PCMU)
    target.takes_audio = False
    relay(Forwarding(target), packet(7))
    assert target.out == []


class Wire:
    """Datagrams for a fast path, and what it sent."""

    peer = ("192.0.2.1", 4000)

    def __init__(self) -> None:
        self.arriving: list[tuple[bytes, tuple[str, int]]] = []
        self.sent: list[bytes] = []
        self.slow: list[tuple[int, object]] = []
        self.stream = ReceiveStream(1, 7, 7 * 160, 8000, 0.0)
        self.out = SendStream(0x99, 1000, 50000)
        self.now = 0.0

    def handler(self) -> object:
        def receive_into(buffer: bytearray) -> tuple[int, tuple[str, int]]:
            if not self.arriving:
                raise BlockingIOError
            data, source = self.arriving.pop(0)
            buffer[: len(data)] = data
            return len(data), source

        def send_to(data: memoryview, destination: object) -> int:
            self.sent.append(bytes(data))
            return len(data)

        path = FastPath(
            receive_into=receive_into, peer=self.peer, stream=self.stream, payload_type=0,
            slow=lambda length, source: self.slow.append((length, source)), sent=self.out,
            sequence_offset=994, timestamp_offset=100, out_type=8, send_to=send_to, destination=("192.0.2.9", 1),
            refused=lambda: None, law=None, left=None, right=None, clock=lambda: self.now,
        )  # fmt: skip
        return path.handler()

    def put(self, data: bytes, source: tuple[str, int] | None = None) -> None:
        self.arriving.append((data, source or self.peer))
        handler = self.handler()
        assert callable(handler)
        handler()


def test_the_fast_path_rewrites_the_header_in_place_and_counts() -> None:
    wire = Wire()
    wire.put(packet(7).pack())
    assert RtpPacket.parse(wire.sent[0]) == RtpPacket(8, 1001, 1220, 0x99, b"\xff" * 160)
    assert (wire.stream.received, wire.stream.octets) == (1, 160)
    assert (wire.out.sequence, wire.out.timestamp, wire.out.packets, wire.out.octets) == (1001, 1220, 1, 160)


def test_the_fast_path_counts_as_the_slow_one_does() -> None:
    wire, reference = Wire(), ReceiveStream(1, 7, 7 * 160, 8000, 0.0)
    for index, late in enumerate((0.0, 0.003, 0.0, 0.007, 0.001)):
        wire.now = 0.02 * index + late
        wire.put(packet(7 + index).pack())
        reference.count(7 + index, (7 + index) * 160, 160, wire.now)
    assert wire.slow == []
    for name in ("highest", "octets", "missing", "jitter", "transit", "timestamp"):
        assert getattr(wire.stream, name) == getattr(reference, name)


def test_the_fast_path_hands_on_whatever_it_does_not_expect() -> None:
    wire = Wire()
    unexpected = [
        packet(9).pack(),
        packet(7, ssrc=2).pack(),
        packet(7, payload_type=101).pack(),
        packet(7, marker=True).pack(),
        packet(7).pack()[:12],
        b"\x90" + packet(7).pack()[1:],
        b"",
    ]
    for data in unexpected:
        wire.put(data)
    wire.put(packet(7).pack(), ("203.0.113.1", 4000))
    assert [length for length, _ in wire.slow] == [*map(len, unexpected), 172]
    assert wire.sent == []
    assert wire.stream.received == 0
    assert len(BUFFER) == 2048


def test_the_fast_path_survives_a_socket_without_a_datagram() -> None:
    wire = Wire()
    handler = wire.handler()
    assert callable(handler)
    handler()
    assert wire.slow == []
    assert wire.sent == []
