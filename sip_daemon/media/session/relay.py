"""From one leg's received stream into another leg's sent one.

Theory of operation: `Forwarding.forward` knows every case: a first packet, another format, a late or lost one, a
telephone-event. Once a stream has joined and its packets follow one another in one format, nothing remains to be
decided, and `FastPath` makes a closure for exactly this state, in which everything is a local name: it reads into a
buffer, compares, writes a new header over the old one in place and sends. Whatever it does not expect it hands to the
leg. Whoever changes something that a closure was made of makes a new one (`Leg.resolve`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Protocol

from sip_daemon.media.audio.g711 import Law, convert
from sip_daemon.media.packets.rtp import PLAIN, SEQUENCE_MASK, TIMESTAMP_MASK, RtpPacket
from sip_daemon.media.session.description import Route
from sip_daemon.media.session.learning import SocketAddress
from sip_daemon.media.session.loop import Handler
from sip_daemon.media.session.recorder import LEFT, RIGHT, Recording, TappedPacket
from sip_daemon.media.session.stream import JITTER_GAIN, MAX_TRANSIT_STEP_SECONDS, ReceiveStream, SendStream
from sip_daemon.sdp.codec import Codec

BUFFER_BYTES = 2048
"""Longer datagrams than any audio packet: an Ethernet frame carries 1,500."""

BUFFER = bytearray(BUFFER_BYTES)
"""The one buffer of the process: a datagram never outlives the handler that read it."""

VIEWS = [memoryview(BUFFER)[:length] for length in range(BUFFER_BYTES + 1)]
"""Its beginnings, by length: made once instead of for each packet."""

FRAME_MS = 20

_FAST_HEADER = Struct("!HHII")
"""RTP's, with the first two octets taken as one number: version to payload type in a single comparison."""


class Forward(Protocol):
    """Where a leg's audio goes."""

    def forward(self, packet: RtpPacket, codec: Codec, extended: int, now: float) -> None:
        """`extended` is the packet's sequence number without its wrapping at 16 bits."""


class Target(Protocol):
    """The leg that hears it, as the relay sees it."""

    sent: SendStream

    @property
    def takes_audio(self) -> bool:
        """Whether relayed audio may go out now: it wants to hear, and nothing else is played to it."""

    def route_of(self, codec: Codec) -> Route | None: ...

    def transmit(
        self, payload_type: int, marker: bool, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None: ...


class Forwarding:
    """One source's way into the stream of the leg `target`."""

    __slots__ = ("joined_at", "sequence_offset", "ssrc", "target", "timestamp_offset")

    def __init__(self, target: Target) -> None:
        self.target = target
        self.ssrc = -1
        """Of the source that has joined."""
        self.joined_at = 0
        """The extended number of its first packet."""
        self.sequence_offset = 0
        self.timestamp_offset = 0

    def is_joined_by(self, ssrc: int) -> bool:
        return self.ssrc == ssrc and self.target.sent.feed is self

    def forward(self, packet: RtpPacket, codec: Codec, extended: int, now: float) -> None:
        target = self.target
        route = target.route_of(codec) if target.takes_audio else None
        if route is None:
            # Left out of the numbering, so that the peer does not see a loss.
            self.sequence_offset -= 1
            return
        marker = packet.marker
        if not self.is_joined_by(packet.ssrc) or (codec.is_speech and codec.clock_rate != target.sent.clock_rate):
            self._join(packet, codec, extended, now)
            marker = marker or codec.is_speech
        elif extended < self.joined_at:
            return  # late, from before it joined: the number it would get is another packet's
        payload = convert(packet.payload, *route.conversion) if route.conversion is not None else packet.payload
        target.transmit(
            route.payload_type,
            marker,
            (packet.sequence + self.sequence_offset) & SEQUENCE_MASK,
            (packet.timestamp + self.timestamp_offset) & TIMESTAMP_MASK,
            payload,
            now,
        )

    def _join(self, packet: RtpPacket, codec: Codec, extended: int, now: float) -> None:
        frame = codec.clock_rate * FRAME_MS // 1000
        self.sequence_offset, self.timestamp_offset = self.target.sent.join(
            self, packet.sequence, packet.timestamp, codec.clock_rate, frame, now
        )
        self.ssrc = packet.ssrc
        self.joined_at = extended


@dataclass(frozen=True, slots=True)
class FastPath:
    """All that a packet in order needs; each becomes a local name of the handler.

    Made only while: the source is learned, its stream has joined, the target takes audio, the format passes
    untouched, and neither leg transforms its packets.
    """

    receive_into: Callable[[bytearray], tuple[int, SocketAddress]]
    peer: SocketAddress
    """The learned source."""
    stream: ReceiveStream
    payload_type: int
    slow: Callable[[int, SocketAddress], None]
    """Takes every packet that is not the expected one, as length in `BUFFER` and source."""
    sent: SendStream
    """The target's."""
    sequence_offset: int
    timestamp_offset: int
    out_type: int
    send_to: Callable[[memoryview, SocketAddress], int]
    destination: SocketAddress
    refused: Callable[[], None]
    """Told when the kernel did not take a packet."""
    law: Law | None
    """For recordings; None where it is not G.711."""
    left: Recording | None
    """The leg's own recording."""
    right: Recording | None
    """The target's."""
    clock: Callable[[], float]

    def handler(self) -> Handler:
        """Reads one datagram each time it is called."""
        stream, sent = self.stream, self.sent
        receive_into, send_to, clock, slow, refused = (
            self.receive_into, self.send_to, self.clock, self.slow, self.refused,
        )  # fmt: skip
        peer, destination, tap = self.peer, self.destination, self._tap()
        unpack, pack_into, buffer, views = _FAST_HEADER.unpack_from, _FAST_HEADER.pack_into, BUFFER, VIEWS
        expected_word, out_word = PLAIN << 8 | self.payload_type, PLAIN << 8 | self.out_type
        ssrc, our_ssrc, rate, gain = stream.ssrc, sent.ssrc, stream.clock_rate, JITTER_GAIN
        sequence_offset, timestamp_offset = self.sequence_offset, self.timestamp_offset
        greatest_change = rate * MAX_TRANSIT_STEP_SECONDS

        def receive_one() -> None:
            try:
                length, source = receive_into(buffer)
            except OSError:
                return
            word, sequence, timestamp, source_ssrc = unpack(buffer)
            highest = stream.highest + 1
            if (
                word != expected_word
                or sequence != highest & 0xFFFF
                or source_ssrc != ssrc
                or source != peer
                or not 12 < length < 2048
            ):
                slow(length, source)
                return
            now = clock()
            transit = now * rate - timestamp
            change = transit - stream.transit
            if change < 0:
                change = -change
            if change < greatest_change:
                stream.jitter += (change - stream.jitter) * gain
            octets = length - 12
            stream.highest = highest
            stream.transit = transit
            stream.timestamp = timestamp
            stream.octets += octets
            if tap is not None:
                tap(bytes(views[length][12:]), timestamp, now)
            sent.sequence = sequence = (sequence + sequence_offset) & 0xFFFF
            sent.timestamp = timestamp = (timestamp + timestamp_offset) & 0xFFFFFFFF
            sent.sent_at = now
            sent.packets += 1
            sent.octets += octets
            pack_into(buffer, 0, out_word, sequence, timestamp, our_ssrc)
            try:
                send_to(views[length], destination)
            except OSError:
                refused()

        return receive_one

    def _tap(self) -> Callable[[bytes, int, float], None] | None:
        """Takes a payload, its timestamp as received, and the time."""
        law, left, right = self.law, self.left, self.right
        if law is None or (left is None and right is None):
            return None
        ssrc, our_ssrc, offset = self.stream.ssrc, self.sent.ssrc, self.timestamp_offset

        def tap(payload: bytes, timestamp: int, now: float) -> None:
            if left is not None:
                left.tap(TappedPacket(LEFT, law, ssrc, timestamp, payload, now))
            if right is not None:
                right.tap(TappedPacket(RIGHT, law, our_ssrc, (timestamp + offset) & TIMESTAMP_MASK, payload, now))

        return tap
