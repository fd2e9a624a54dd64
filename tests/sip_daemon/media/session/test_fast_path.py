"""The expected packet: rewritten in place, counted as the slow path counts, anything else handed on."""

from __future__ import annotations

from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.fast_path import BUFFER, FastPath
from sip_daemon.media.session.stream import ReceiveStream, SendStream


def packet(sequence: int, *, ssrc: int = 1, payload_type: int = 0, marker: bool = False) -> RtpPacket:
    return RtpPacket(payload_type, sequence, sequence * 160, ssrc, b"\xff" * 160, marker)


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
    for index, late in enumerate((0.0, 0.003, 0.0, 0.007, 0.001, 0.12, 0.1, 0.0)):
        wire.now = 0.02 * index + late
        wire.put(packet(7 + index).pack())
        reference.count(7 + index, (7 + index) * 160, 160, wire.now)
    assert wire.slow == []
    for name in ("highest", "octets", "missing", "jitter", "transit", "timestamp", "discarded"):
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
