"""A leg: one RTP endpoint with its sockets, its peer, and what happens to the audio.

The rule: one SSRC, one unbroken stream and one RTCP report for its whole life, whatever is bridged, played or
echoed to it. Every packet can be handled by `receive`; `resolve` puts the fast path in its place while nothing
special is going on, and whoever changes the state of a leg calls it.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from sip_daemon.errors import MediaError
from sip_daemon.media.audio.g711 import Law
from sip_daemon.media.packets.demux import PacketKind, packet_kind
from sip_daemon.media.packets.rtp import HEADER, MARKER, PLAIN, TIMESTAMP_MASK
from sip_daemon.media.session.counters import LegStatistics
from sip_daemon.media.session.description import LegDescription, Route, law_of, route
from sip_daemon.media.session.events import Finished, LegEvent, Silent
from sip_daemon.media.session.learning import SocketAddress, plain_host
from sip_daemon.media.session.loop import EventLoop, Timer
from sip_daemon.media.session.player import Player
from sip_daemon.media.session.ports import SocketPair
from sip_daemon.media.session.receiver import Accepted, Receiver
from sip_daemon.media.session.recorder import LEFT, RIGHT, Recording, RecordingWriter, TappedPacket
from sip_daemon.media.session.relay import BUFFER, BUFFER_BYTES, VIEWS, FastPath, Forward, Forwarding
from sip_daemon.media.session.reports import ReportExchange, next_interval
from sip_daemon.media.session.rtcp_port import RtcpPort
from sip_daemon.media.session.silence import SilenceWatch
from sip_daemon.media.session.sounds import Sound, SoundLibrary, SoundSource
from sip_daemon.media.session.stream import SendStream
from sip_daemon.sdp.codec import Codec

Transform = Callable[[bytes], bytes]
"""Encryption of a packet, or its reversal. A packet that fails raises `ValueError` and is dropped."""

MAX_PAUSE_SECONDS = 1.0
"""A player whose last frame is older joins the stream anew, so that the timestamp shows the pause."""


@dataclass(frozen=True, slots=True)
class LegServices:
    """What all legs of a worker share."""

    loop: EventLoop
    sounds: SoundLibrary
    recordings: RecordingWriter
    silence_seconds: float = 30.0
    """How long a peer may be silent before it is reported."""


class Leg:
    """One endpoint. The worker opens it, configures it, joins it to others, closes it."""

    def __init__(self, services: LegServices, sockets: SocketPair, on_event: Callable[[LegEvent], None]) -> None:
        self.sockets = sockets
        self.description: LegDescription | None = None
        self.receiver = Receiver()
        self.sent = SendStream(
            secrets.randbits(32) or 1,
            secrets.randbits(15),  # the upper half stays free: no wrap for the first ten minutes (RFC 3711 §3.3.1)
            secrets.randbits(32),
        )
        self.unprotect: Transform | None = None
        self.protect: Transform | None = None
        """Set before the first packet, once keys are agreed; such a leg does without the fast path."""
        self.other: Leg | None = None
        """The leg of this worker that it is bridged with."""
        self.recording: Recording | None = None
        self._services, self._loop, self._on_event = services, services.loop, on_event
        self._forward: Forward | None = None
        self._player: Player | None = None
        self._play_request = 0
        self._routes: dict[Codec, Route | None] = {}
        self._sent_laws: dict[int, Law | None] = {}
        self._fast: FastPath | None = None
        """What the present handler was made of, if it is a fast one."""
        self._silence = SilenceWatch(services.silence_seconds)
        reports = ReportExchange(self.sent.ssrc, secrets.token_hex(12))
        self.rtcp = RtcpPort(
            sockets.rtcp, sockets.rtp, reports, self.receiver.learner, self.receiver.counters, self._loop.now
        )
        self._report_timer: Timer | None = None
        self._press_timer: Timer | None = None
        self._is_closed = False
        self._loop.add(sockets.rtp.fileno(), self._receive_one)
        self._loop.add(sockets.rtcp.fileno(), self.rtcp.receive_one)

    # What signalling asks for

    def configure(self, description: LegDescription) -> None:
        """The result of an offer and its answer. Raises `MediaError` for an address that we cannot reach."""
        self._check_family(description)
        self.description = description
        self.receiver.describe(description)
        self.rtcp.describe(description)
        self._routes = {}
        self._sent_laws = {codec.payload_type: law_of(codec) for codec in description.codecs}
        if description.direction.sends and description.described is not None:
            self._silence.start(self._loop.now())
        else:
            self._silence.stop()
        playable = description.playable
        if self._player is not None and playable is not None:
            self._player.change_law(Law(playable.name.upper()))
        if self._report_timer is None:
            self._report_timer = self._loop.call_later(next_interval() / 2, self._report)
        self.resolve_around()

    def bridge(self, other: Leg | None) -> None:
        """Join with another leg of this worker, or with none. Ends echo and the former bridge of both."""
        for leg in (self, other):
            if leg is not None:
                leg._unbridge()
        if other is not None:
            self.other, other.other = other, self
            self._forward, other._forward = Forwarding(other), Forwarding(self)
            other.resolve()
        self.resolve()

    def bridge_away(self, forward: Forward | None) -> None:
        """Send what the peer says to somewhere else: to a leg in another worker."""
        self._unbridge()
        self._forward = forward
        self.resolve()

    def echo(self, enabled: bool) -> None:
        if enabled:
            self._unbridge()
            self._forward = Forwarding(self)
        elif self.is_echoing:
            self._forward = None
        self.resolve()

    @property
    def is_echoing(self) -> bool:
        return isinstance(self._forward, Forwarding) and self._forward.target is self

    def play(self, source: SoundSource, *, repeat: bool, on_started: Callable[[MediaError | None], None]) -> None:
        """Play instead of what is heard now. `on_started` is called once: with the error, or None when it plays."""
        law = self._player_law()
        self._play_request += 1
        request = self._play_request

        def deliver(result: Sound | MediaError) -> None:
            if isinstance(result, MediaError):
                on_started(result)
            elif self._is_closed or request != self._play_request:
                on_started(None)  # overtaken by another request
            else:
                self._start_player(result, repeat)
                on_started(None)

        self._services.sounds.load(source, law, deliver)

    def stop_playing(self) -> None:
        self._play_request += 1
        if self._player is not None:
            self._player.stop()
            self._player = None
            self.resolve_around()

    def record(self, path: Path | None) -> None:
        """Begin a recording in a new file, or end the running one. Raises `MediaError`."""
        recording = self._services.recordings.start(path) if path is not None else None
        if self.recording is not None:
            self._services.recordings.stop(self.recording)
        self.recording = recording
        self.resolve_around()

    def statistics(self) -> LegStatistics:
        receiver, reports, sent = self.receiver, self.rtcp.reports, self.sent
        target = receiver.learner.target
        jitter = reports.remote_jitter
        return LegStatistics(
            packets_received=receiver.packets,
            bytes_received=receiver.octets,
            packets_sent=sent.packets,
            bytes_sent=sent.octets,
            packets_lost=receiver.lost,
            jitter_ms=receiver.jitter_ms,
            dropped_source=receiver.counters.dropped_source,
            dropped_malformed=receiver.counters.dropped_malformed,
            codec=receiver.codec.encoding if receiver.codec is not None else None,
            remote=(target[0], target[1]) if target is not None else None,
            rtt_ms=reports.rtt * 1000 if reports.rtt is not None else None,
            remote_packets_lost=reports.remote_packets_lost,
            remote_jitter_ms=1000 * jitter / sent.clock_rate if jitter is not None else None,
            recording_error=self.recording.error if self.recording is not None else None,
        )

    def check(self) -> None:
        """Called about once a second."""
        seconds = self._silence.check(self.receiver.packets + self.rtcp.received, self._loop.now())
        if seconds is not None:
            self._on_event(Silent(seconds))

    def close(self) -> None:
        """Say goodbye and let go of everything; the caller gives the port back."""
        if self._is_closed:
            return
        self._is_closed = True
        self.stop_playing()
        self._unbridge()
        if self.recording is not None:
            self._services.recordings.stop(self.recording)
        if self._report_timer is not None:
            self._report_timer.cancel()
            self.rtcp.send(self.rtcp.reports.make(self.sent, self.receiver.stream, self._loop.now(), goodbye=True))
        if self._press_timer is not None:
            self._press_timer.cancel()
        self._loop.remove(self.sockets.rtp.fileno())
        self._loop.remove(self.sockets.rtcp.fileno())
        self.sockets.close()

    # The packet path

    def receive(self, length: int, source: SocketAddress) -> None:
        """Any datagram, in `BUFFER`."""
        if length == BUFFER_BYTES:  # cut off: no audio packet is that long
            self.receiver.counters.dropped_malformed += 1
            return
        data = bytes(VIEWS[length])
        kind = packet_kind(data)
        if kind is PacketKind.RTCP:
            self.rtcp.receive(data, source)
        elif kind is PacketKind.RTP:
            self._receive_rtp(data, source)
        else:
            self.receiver.counters.dropped_malformed += 1

    def transmit(
        self, payload_type: int, marker: bool, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        """Send a packet with numbers of our stream."""
        destination = self.receiver.learner.target
        if destination is None:
            return
        second = payload_type | (MARKER if marker else 0)
        data = HEADER.pack(PLAIN, second, sequence, timestamp, self.sent.ssrc) + payload
        try:
            self.sockets.rtp.sendto(self.protect(data) if self.protect is not None else data, destination)
        except (OSError, ValueError):
            self.send_refused()
        self.sent.count(sequence, timestamp, len(payload), now)
        if self.recording is not None:
            law = self._sent_laws.get(payload_type)
            if law is not None:
                self.recording.tap(TappedPacket(RIGHT, law, self.sent.ssrc, timestamp, payload, now))

    def send_frame(self, law: Law, codes: bytes, *, is_first: bool) -> None:
        """A frame of our own player."""
        description, player, now = self.description, self._player, self._loop.now()
        if description is None or player is None or not description.direction.receives:
            return
        codec = next((codec for codec in description.codecs if law_of(codec) is law), None)
        if codec is None:
            return
        sent = self.sent
        starts = is_first or sent.feed is not player or sent.sent_at is None or now - sent.sent_at > MAX_PAUSE_SECONDS
        if starts:
            sequence, timestamp = sent.join(player, 0, 0, codec.clock_rate, len(codes), now)
        else:
            sequence, timestamp = (sent.sequence + 1) & 0xFFFF, (sent.timestamp + len(codes)) & TIMESTAMP_MASK
        self.transmit(codec.payload_type, starts, sequence, timestamp, codes, now)

    def send_refused(self) -> None:
        self.receiver.counters.send_refused += 1

    @property
    def takes_audio(self) -> bool:
        """Whether relayed audio may go to the peer now."""
        description = self.description
        return description is not None and description.direction.receives and self._player is None

    def route_of(self, codec: Codec) -> Route | None:
        """How a format of another leg goes out here."""
        if codec not in self._routes:
            self._routes[codec] = route(codec, self.description.codecs) if self.description is not None else None
        return self._routes[codec]

    def resolve_around(self) -> None:
        """Resolve this leg and the one whose audio goes to it."""
        self.resolve()
        if self.other is not None:
            self.other.resolve()

    def resolve(self) -> None:
        """Make the fast path that fits the present state, or go without."""
        if self._is_closed:
            return
        fast = self._fast_path()
        if fast is None:
            if self._fast is not None:
                self._fast = None
                self._loop.handlers[self.sockets.rtp.fileno()] = self._receive_one
        elif fast != self._fast:
            self._fast = fast
            self._loop.handlers[self.sockets.rtp.fileno()] = fast.handler()

    def _receive_one(self) -> None:
        try:
            length, source = self.sockets.rtp.recvfrom_into(BUFFER)
        except OSError:
            return
        self.receive(length, source)

    def _receive_rtp(self, data: bytes, source: SocketAddress) -> None:
        now = self._loop.now()
        learner = self.receiver.learner
        learned_before = learner.learned
        if self.unprotect is not None:
            try:
                data = self.unprotect(data)
            except ValueError:
                self.receiver.counters.dropped_malformed += 1
                return
        accepted = self.receiver.accept(data, source, now)
        if accepted is None:
            return
        self._report_presses()
        self._tap_received(accepted, now)
        if self._forward is not None and self.description is not None and self.description.direction.sends:
            self._forward.forward(accepted.packet, accepted.codec, accepted.extended, now)
        if learner.learned != learned_before:
            self.resolve_around()
        else:
            self.resolve()

    def _report_presses(self) -> None:
        for press in self.receiver.take_presses():
            self._on_event(press)
        deadline = self.receiver.detector.next_timer()
        if deadline is not None and self._press_timer is None:
            self._press_timer = self._loop.call_at(deadline, self._press_overdue)

    def _press_overdue(self) -> None:
        self._press_timer = None
        self.receiver.handle_timer(self._loop.now())
        self._report_presses()

    def _tap_received(self, accepted: Accepted, now: float) -> None:
        law = law_of(accepted.codec)
        if self.recording is not None and law is not None:
            packet = accepted.packet
            self.recording.tap(TappedPacket(LEFT, law, packet.ssrc, packet.timestamp, packet.payload, now))

    def _fast_path(self) -> FastPath | None:
        """The parts of the fast path, if the present state allows for one."""
        receiver, forward, description = self.receiver, self._forward, self.description
        stream, codec, peer = receiver.stream, receiver.codec, receiver.learner.learned
        if stream is None or codec is None or peer is None or not isinstance(forward, Forwarding):
            return None
        target = forward.target
        if not isinstance(target, Leg) or not forward.is_joined_by(stream.ssrc) or not target.takes_audio:
            return None
        destination = target.receiver.learner.target
        way = target.route_of(codec)
        if destination is None or way is None or way.conversion is not None:
            return None
        if self.unprotect is not None or target.protect is not None:
            return None
        if description is None or not description.direction.sends:
            return None
        return FastPath(
            receive_into=self.sockets.rtp.recvfrom_into,
            peer=peer,
            stream=stream,
            payload_type=codec.payload_type,
            slow=self.receive,
            sent=target.sent,
            sequence_offset=forward.sequence_offset,
            timestamp_offset=forward.timestamp_offset,
            out_type=way.payload_type,
            send_to=target.sockets.rtp.sendto,
            destination=destination,
            refused=target.send_refused,
            law=law_of(codec),
            left=self.recording,
            right=target.recording,
            clock=self._loop.now,
        )

    def _start_player(self, sound: Sound, repeat: bool) -> None:
        if self._player is not None:
            self._player.stop()
        ptime = self.description.ptime if self.description is not None else 20
        self._player = Player(self._loop, self, sound, repeat=repeat, ptime=ptime, on_finished=self._playing_finished)
        law = self._player_law()
        if law is not sound.law:  # the codec changed while the sound was loaded
            self._player.change_law(law)
        self.resolve_around()

    def _playing_finished(self) -> None:
        self._player = None
        self.resolve_around()
        self._on_event(Finished())

    def _player_law(self) -> Law:
        if self.description is None:
            raise MediaError("nothing can be played before an offer and an answer")
        playable = self.description.playable
        if playable is None:
            raise MediaError("nothing can be played to a peer that takes no G.711")
        return Law(playable.name.upper())

    def _unbridge(self) -> None:
        other, self.other = self.other, None
        self._forward = None
        self.resolve()
        if other is not None:
            other.other = None
            other._forward = None
            other.resolve()

    def _report(self) -> None:
        self.rtcp.send(self.rtcp.reports.make(self.sent, self.receiver.stream, self._loop.now()))
        self._report_timer = self._loop.call_later(next_interval(), self._report)

    def _check_family(self, description: LegDescription) -> None:
        """A name would mean a look-up on the packet path, and IPv4 cannot be spoken from an IPv6 socket."""
        host = description.address.host
        try:
            address = ip_address(plain_host(host))
        except ValueError:
            raise MediaError("the peer's media address is not an IP address") from None
        ours = self.sockets.rtp.family
        if description.described is not None and (address.version == 6) != (ours == socket.AF_INET6):
            raise MediaError("the peer's media address is of another IP version than ours")
