"""The path of a packet that is exactly the expected one, which nearly all are.

Theory of operation: once a stream has joined another leg's (`relay.Forwarding`) and its packets follow one another in
one format, nothing remains to be decided. `FastPath` makes a closure for exactly this state, in which everything is a
local name: it reads into a buffer, compares, writes a new header over the old one in place and sends. Whatever it does
not expect it hands to the leg. Whoever changes something that a closure was made of makes a new one (`Leg.resolve`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from sip_daemon.media.audio.g711 import Law
from sip_daemon.media.packets.rtp import PLAIN, TIMESTAMP_MASK
from sip_daemon.media.session.description import law_of
from sip_daemon.media.session.learning import SocketAddress
from sip_daemon.media.session.loop import Handler
from sip_daemon.media.session.receiver import Receiver
from sip_daemon.media.session.recorder import LEFT, RIGHT, Recording, TappedPacket
from sip_daemon.media.session.relay import Forward, Forwarding
from sip_daemon.media.session.sender import Sender
from sip_daemon.media.session.stream import BUFFER_SECONDS, JITTER_GAIN, ReceiveStream, SendStream

BUFFER_BYTES = 2048
"""Longer datagrams than any audio packet: an Ethernet frame carries 1,500."""

BUFFER = bytearray(BUFFER_BYTES)
"""The one buffer of the process: a datagram never outlives the handler that read it."""

VIEWS = [memoryview(BUFFER)[:length] for length in range(BUFFER_BYTES + 1)]
"""Its beginnings, by length: made once instead of for each packet."""

_FAST_HEADER = Struct("!HHII")
"""RTP's, with the first two octets taken as one number: version to payload type in a single comparison."""


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
        greatest_change, step = rate * BUFFER_SECONDS, stream.step

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
            else:
                step(transit, timestamp)
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


def fast_path(
    rtp: socket.socket,
    receiver: Receiver,
    forward: Forward | None,
    recording: Recording | None,
    slow: Callable[[int, SocketAddress], None],
    clock: Callable[[], float],
) -> FastPath | None:
    """The parts for what this receiver gets, if its present state allows for one."""
    stream, codec, peer = receiver.stream, receiver.codec, receiver.learner.learned
    if stream is None or codec is None or peer is None or not isinstance(forward, Forwarding):
        return None
    target = forward.target
    if not isinstance(target, Sender) or not forward.is_joined_by(stream) or not target.takes_audio:
        return None
    destination, way = target.learner.target, target.route_of(codec)
    if destination is None or way is None or way.conversion is not None or target.protect is not None:
        return None
    return FastPath(
        receive_into=rtp.recvfrom_into,
        peer=peer,
        stream=stream,
        payload_type=codec.payload_type,
        slow=slow,
        sent=target.sent,
        sequence_offset=forward.sequence_offset,
        timestamp_offset=forward.timestamp_offset,
        out_type=way.payload_type,
        send_to=target.rtp.sendto,
        destination=destination,
        refused=target.refused,
        law=law_of(codec),
        left=recording,
        right=target.recording,
        clock=clock,
    )
