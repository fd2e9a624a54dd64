"""From one leg's received stream into another leg's sent one.

Every case is known here: a first packet, another format, a late or lost one, a telephone-event. What follows in order
and in one format is taken over by `fast_path`.
"""

from __future__ import annotations

from typing import Protocol

from sip_daemon.media.audio.g711 import convert
from sip_daemon.media.packets.rtp import SEQUENCE_MASK, TIMESTAMP_MASK
from sip_daemon.media.session.description import Route
from sip_daemon.media.session.stream import Accepted, ReceiveStream, SendStream
from sip_daemon.sdp.codec import Codec

FRAME_MS = 20


class Forward(Protocol):
    """Where a leg's audio goes."""

    def forward(self, accepted: Accepted) -> None: ...


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

    __slots__ = ("joined_at", "sequence_offset", "source", "target", "timestamp_offset")

    def __init__(self, target: Target) -> None:
        self.target = target
        self.source: ReceiveStream | None = None
        """The run that has joined. A source that sets its numbers anew joins anew."""
        self.joined_at = 0
        """The extended number of its first packet."""
        self.sequence_offset = 0
        self.timestamp_offset = 0

    def is_joined_by(self, stream: ReceiveStream) -> bool:
        return self.source is stream and self.target.sent.feed is self

    def forward(self, accepted: Accepted) -> None:
        target, packet, codec = self.target, accepted.packet, accepted.codec
        route = target.route_of(codec) if target.takes_audio else None
        if route is None:
            # Left out of the numbering, so that the peer does not see a loss.
            self.sequence_offset -= 1
            return
        marker = packet.marker
        if not self.is_joined_by(accepted.stream):
            self._join(accepted)
            marker = marker or codec.is_speech
        elif accepted.extended < self.joined_at:
            return  # late, from before it joined: the number it would get is another packet's
        payload = convert(packet.payload, *route.conversion) if route.conversion is not None else packet.payload
        target.transmit(
            route.payload_type,
            marker,
            (packet.sequence + self.sequence_offset) & SEQUENCE_MASK,
            (packet.timestamp + self.timestamp_offset) & TIMESTAMP_MASK,
            payload,
            accepted.at,
        )

    def _join(self, accepted: Accepted) -> None:
        packet, clock_rate = accepted.packet, accepted.stream.clock_rate
        self.sequence_offset, self.timestamp_offset = self.target.sent.join(
            self, packet.sequence, packet.timestamp, clock_rate, clock_rate * FRAME_MS // 1000, accepted.at
        )
        self.source = accepted.stream
        self.joined_at = accepted.extended
