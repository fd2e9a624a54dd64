"""What a leg does with a datagram before anybody hears it: source, form, meaning, counting, key presses.

No socket and no clock: tests feed it bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.media.packets.dtmf import KeyPress, KeyPressDetector, TelephoneEvent
from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.counters import LegCounters, Tally
from sip_daemon.media.session.description import LegDescription
from sip_daemon.media.session.learning import AddressLearner, Arrival, SocketAddress
from sip_daemon.media.session.stream import Accepted, ReceiveStream
from sip_daemon.sdp.codec import Codec


class Receiver:
    """The receiving half of a leg."""

    def __init__(self) -> None:
        self.learner = AddressLearner()
        self.counters = LegCounters()
        self.stream: ReceiveStream | None = None
        self.codec: Codec | None = None
        """What the peer speaks now."""
        self.detector = KeyPressDetector()
        self.own_sources: frozenset[int] = frozenset()
        """SSRCs of ours that must not come back: a peer whose description names our own port makes a loop (RFC 3550
        §8.2), in which one packet would run for ever."""
        self._rested_at = -1
        self._formats: Mapping[int, Codec] = {}
        self._presses: list[KeyPress] = []

    def describe(self, description: LegDescription) -> None:
        """An offer/answer was concluded."""
        self._formats = description.received_formats
        self.learner.start(description.described, description.signalling_host)
        if self.codec not in self._formats.values():
            self.codec = None

    def accept(self, data: bytes, source: SocketAddress, now: float) -> list[Accepted]:
        """The packet, if it is the peer's and can be understood; otherwise it is counted and dropped.

        With the packet by which an address is learned come those that showed it.
        """
        try:
            packet = RtpPacket.parse(data)
        except RemoteProtocolError:
            self.counters.dropped_malformed += 1
            return []
        if packet.payload_type not in self._formats and self.learner.is_described(source):
            self.counters.dropped_malformed += 1
            return []
        arrivals = ((packet, now),) if source == self.learner.learned else self._learn(packet, source, now)
        # Those that were kept count as dropped until then.
        self.counters.dropped_source += 1 - len(arrivals)
        understood = (self._understand(*arrival) for arrival in arrivals)
        return [accepted for accepted in understood if accepted is not None]

    @property
    def is_resting(self) -> bool:
        """Whether comfort noise was the last that came (RFC 3389)."""
        return self._rested_at == self.packets

    def _understand(self, packet: RtpPacket, at: float) -> Accepted | None:
        codec = self._formats.get(packet.payload_type)
        if codec is None or not packet.payload:
            self.counters.dropped_malformed += 1
            return None
        if packet.ssrc in self.own_sources:
            self.counters.dropped_source += 1
            return None
        if codec.is_speech:
            self.codec = codec
        stream, extended = self._count(packet, codec, at)
        if codec.is_comfort_noise:
            self._rested_at = self.packets
        return Accepted(packet, codec, stream, extended, at)

    def take_presses(self) -> list[KeyPress]:
        presses, self._presses = self._presses, []
        return presses

    def handle_timer(self, now: float) -> None:
        """A key press may be overdue: see `detector.next_timer`."""
        self._presses += self.detector.handle_timer(now)

    @property
    def packets(self) -> int:
        """Of all streams: grows as long as the peer is alive."""
        return self.counters.over.packets + (self.stream.received if self.stream is not None else 0)

    @property
    def tally(self) -> Tally:
        """Everything that was counted, over all streams."""
        return self.counters.with_current(self.stream)

    @property
    def jitter_ms(self) -> float:
        return 1000 * self.stream.jitter / self.stream.clock_rate if self.stream is not None else 0.0

    def _learn(self, packet: RtpPacket, source: SocketAddress, now: float) -> Sequence[Arrival]:
        """Well-formed means too that the payload type is one that was agreed: before that, nobody is the peer."""
        return self.learner.receive(source, packet, now) if packet.payload_type in self._formats else ()

    def _count(self, packet: RtpPacket, codec: Codec, now: float) -> tuple[ReceiveStream, int]:
        stream = self.stream
        if stream is None or not stream.is_continued_by(packet, codec):
            stream = self._begin(packet, codec, now)
        if not codec.is_telephone_event:
            extended = stream.count(
                packet.sequence, packet.timestamp, len(packet.payload), now, is_talkspurt=packet.marker
            )
            return stream, extended
        self._observe_event(packet, codec.clock_rate, now)
        # Its timestamp stands still while the event lasts (RFC 4733 §2.5.1.2): that is not jitter.
        return stream, stream.count_untimed(packet.sequence, len(packet.payload))

    def _begin(self, packet: RtpPacket, codec: Codec, now: float) -> ReceiveStream:
        self.counters.add(self.stream)
        self._presses += self.detector.restart()
        self.stream = ReceiveStream(packet.ssrc, packet.sequence, packet.timestamp, codec.clock_rate, now)
        return self.stream

    def _observe_event(self, packet: RtpPacket, clock_rate: int, now: float) -> None:
        try:
            event = TelephoneEvent.parse(packet.payload)
        except RemoteProtocolError:
            self.counters.dropped_malformed += 1
            return
        self._presses += self.detector.receive(packet.timestamp, event, now, clock_rate)
