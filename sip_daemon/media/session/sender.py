"""The sending half of a leg: what its peer hears, whoever it comes from, in one SSRC and one unbroken stream."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable

from sip_daemon.media.audio.g711 import Law
from sip_daemon.media.packets.rtp import HEADER, MARKER, PLAIN, TIMESTAMP_MASK
from sip_daemon.media.session.counters import LegCounters
from sip_daemon.media.session.description import LegDescription, Route, law_of, route
from sip_daemon.media.session.learning import AddressLearner
from sip_daemon.media.session.recorder import RIGHT, Recording, TappedPacket
from sip_daemon.media.session.stream import SendStream
from sip_daemon.sdp.codec import Codec

Transform = Callable[[bytes], bytes]
"""Encryption of a packet, or its reversal. A packet that fails raises `ValueError` and is dropped."""

MAX_PAUSE_SECONDS = 1.0
"""A player whose last frame is older joins the stream anew, so that the timestamp shows the pause."""


class Sender:
    """Implements `relay.Target` for what is relayed, and `player.FrameSink` for what is played."""

    def __init__(self, rtp: socket.socket, learner: AddressLearner, counters: LegCounters) -> None:
        self.sent = SendStream(
            secrets.randbits(32) or 1,
            secrets.randbits(15),  # the upper half stays free: no wrap for the first ten minutes (RFC 3711 §3.3.1)
            secrets.randbits(32),
        )
        self.rtp, self.learner = rtp, learner
        self.protect: Transform | None = None
        """Set before the first packet, once keys are agreed."""
        self.is_playing = False
        """Whether a player speaks instead of what is relayed."""
        self.recording: Recording | None = None
        self._counters = counters
        self._description: LegDescription | None = None
        self._routes: dict[Codec, Route | None] = {}
        self._laws: dict[int, Law | None] = {}

    def describe(self, description: LegDescription) -> None:
        """An offer/answer was concluded."""
        self._description = description
        self._routes = {}
        self._laws = {codec.payload_type: law_of(codec) for codec in description.codecs}

    @property
    def takes_audio(self) -> bool:
        """Whether relayed audio may go to the peer now."""
        return self._is_wanted and not self.is_playing

    def route_of(self, codec: Codec) -> Route | None:
        """How a format of another leg goes out here."""
        if codec not in self._routes:
            self._routes[codec] = route(codec, self._description.codecs) if self._description is not None else None
        return self._routes[codec]

    def transmit(
        self, payload_type: int, marker: bool, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        """Send a packet with numbers of our stream."""
        destination = self.learner.target
        if destination is None:
            return
        second = payload_type | (MARKER if marker else 0)
        data = HEADER.pack(PLAIN, second, sequence, timestamp, self.sent.ssrc) + payload
        try:
            self.rtp.sendto(self.protect(data) if self.protect is not None else data, destination)
        except (OSError, ValueError):
            self.refused()
        self.sent.count(sequence, timestamp, len(payload), now)
        if self.recording is not None:
            law = self._laws.get(payload_type)
            if law is not None:
                self.recording.tap(TappedPacket(RIGHT, law, self.sent.ssrc, timestamp, payload, now))

    def send_frame(self, player: object, law: Law, codes: bytes, now: float, *, is_first: bool) -> None:
        """A frame of one of our own players."""
        description, sent = self._description, self.sent
        if description is None or not self._is_wanted:
            return
        codec = next((codec for codec in description.codecs if law_of(codec) is law), None)
        if codec is None:
            return
        starts = is_first or sent.feed is not player or sent.sent_at is None or now - sent.sent_at > MAX_PAUSE_SECONDS
        if starts:
            sequence, timestamp = sent.join(player, 0, 0, codec.clock_rate, len(codes), now)
        else:
            sequence, timestamp = (sent.sequence + 1) & 0xFFFF, (sent.timestamp + len(codes)) & TIMESTAMP_MASK
        self.transmit(codec.payload_type, starts, sequence, timestamp, codes, now)

    def refused(self) -> None:
        """The kernel did not take a packet."""
        self._counters.send_refused += 1

    @property
    def _is_wanted(self) -> bool:
        return self._description is not None and self._description.direction.receives
