"""A leg: one RTP endpoint with its sockets, its peer, and what happens to the audio.

The rule: one SSRC, one unbroken stream and one RTCP report for its whole life, whatever is bridged, played or
echoed to it. Every packet can be handled by `receive`; `resolve` puts the fast path in its place while nothing
special is going on, and whoever changes the state of a leg calls it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sip_daemon.media.packets.demux import PacketKind, packet_kind
from sip_daemon.media.packets.rtp import PLAIN
from sip_daemon.media.session.counters import LegStatistics
from sip_daemon.media.session.description import LegDescription, law_of
from sip_daemon.media.session.events import Finished, HearingChanged, LegEvent, Silent
from sip_daemon.media.session.fast_path import BUFFER, BUFFER_BYTES, VIEWS, FastPath, fast_path
from sip_daemon.media.session.hearing import Facts
from sip_daemon.media.session.learning import SocketAddress
from sip_daemon.media.session.loop import EventLoop, Timer
from sip_daemon.media.session.playback import Playback, Started
from sip_daemon.media.session.ports import SocketPair
from sip_daemon.media.session.quality import QualityMeter
from sip_daemon.media.session.receiver import Receiver
from sip_daemon.media.session.recorder import LEFT, Recording, RecordingWriter, TappedPacket
from sip_daemon.media.session.relay import Forward, Forwarding
from sip_daemon.media.session.reports import ReportExchange, next_interval
from sip_daemon.media.session.rtcp_port import RtcpPort
from sip_daemon.media.session.sender import Sender, Transform
from sip_daemon.media.session.silence import SilenceWatch
from sip_daemon.media.session.sounds import SoundLibrary, SoundSource
from sip_daemon.media.session.stream import Accepted

TELEPHONE_EVENT_BYTES = 4
"""RFC 4733 §2.3: such a packet says nothing about the voice."""


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
        self.sender = Sender(sockets.rtp, self.receiver.learner, self.receiver.counters)
        self.unprotect: Transform | None = None
        """As the sender's `protect`; such a leg does without the fast path."""
        self.other: Leg | None = None
        """The leg of this worker that it is bridged with."""
        self._services, self._loop, self._on_event = services, services.loop, on_event
        self._forward: Forward | None = None
        self._playback = Playback(
            services.loop, services.sounds, self.sender, self._playing_changed, lambda: on_event(Finished())
        )
        self._fast: FastPath | None = None
        """What the present handler was made of, if it is a fast one."""
        self._silence = SilenceWatch(services.silence_seconds)
        reports = ReportExchange(self.sender.sent.ssrc, secrets.token_hex(12))
        self.rtcp = RtcpPort(
            sockets.rtcp, sockets.rtp, reports, self.receiver.learner, self.receiver.counters, self._loop.now
        )
        self.quality = QualityMeter(self.receiver, self.sender.sent, reports)
        self._is_looking = False
        """The next packet's payload is to be looked at."""
        self._report_timer: Timer | None = None
        self._press_timer: Timer | None = None
        self._is_closed = False
        self.receiver.own_sources = self._sources
        self._loop.add(sockets.rtp.fileno(), self._receive_one)
        self._loop.add(sockets.rtcp.fileno(), self.rtcp.receive_one)

    # What signalling asks for

    def configure(self, description: LegDescription) -> None:
        """The result of an offer and its answer. Raises `MediaError` for an address that we cannot reach."""
        description.check_family(self.sockets.rtp.family)
        self.description = description
        self.receiver.describe(description)
        self.sender.describe(description)
        self.rtcp.describe(description)
        self._playback.describe(description)
        if description.direction.sends and description.described is not None:
            self._silence.start(self._loop.now())
        else:
            self._silence.stop()
        speech = next((codec.name for codec in description.codecs if codec.is_speech), "")
        self.quality.start(self._facts(description), self._loop.now(), speech)
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
            self._forward, other._forward = Forwarding(other.sender), Forwarding(self.sender)
            self.receiver.own_sources = other.receiver.own_sources = self._sources | other._sources
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
            self._forward = Forwarding(self.sender)
        elif self.is_echoing:
            self._forward = None
        self.resolve()

    @property
    def is_echoing(self) -> bool:
        return isinstance(self._forward, Forwarding) and self._forward.target is self.sender

    def play(self, source: SoundSource, *, repeat: bool, on_started: Started) -> None:
        """Play instead of what is heard now. Raises `MediaError` when nothing can be played to this peer."""
        self._playback.play(source, repeat=repeat, on_started=on_started)

    def stop_playing(self) -> None:
        self._playback.stop()

    def record(self, path: Path | None) -> None:
        """Begin a recording in a new file, or end the running one. Raises `MediaError`."""
        recording = self._services.recordings.start(path) if path is not None else None
        if self.recording is not None:
            self._services.recordings.stop(self.recording)
        self.sender.recording = recording
        self.resolve_around()

    @property
    def recording(self) -> Recording | None:
        """What is recorded of this leg: both directions."""
        return self.sender.recording

    def statistics(self) -> LegStatistics:
        receiver, reports, sent = self.receiver, self.rtcp.reports, self.sender.sent
        target = receiver.learner.target
        tally, remote = receiver.tally, reports.remote
        return LegStatistics(
            packets_received=tally.packets,
            bytes_received=tally.octets,
            packets_sent=sent.packets,
            bytes_sent=sent.octets,
            packets_lost=tally.lost,
            jitter_ms=receiver.jitter_ms,
            dropped_source=receiver.counters.dropped_source,
            dropped_malformed=receiver.counters.dropped_malformed,
            codec=receiver.codec.encoding if receiver.codec is not None else None,
            remote=(target[0], target[1]) if target is not None else None,
            rtt_ms=reports.rtt * 1000 if reports.rtt is not None else None,
            remote_packets_lost=max(0, remote.packets_lost) if remote is not None else None,
            remote_jitter_ms=1000 * remote.jitter / sent.clock_rate if remote is not None else None,
            recording_error=self.recording.error if self.recording is not None else None,
            packets_late=tally.late,
            packets_duplicated=tally.duplicates,
            packets_discarded=tally.discarded,
            mos=self.quality.mos,
            mos_now=self.quality.latest.mos,
            remote_mos=self.quality.remote_mos,
            remote_mos_now=self.quality.latest.reported_mos,
            loss_percent_now=self.quality.latest.loss_percent,
            remote_loss_percent_now=self.quality.latest.reported_loss_percent,
            level_db=self.quality.latest.level_db,
            speaks=self.quality.hearing.speaks.value,
            hears=self.quality.hearing.hears.value,
            suspicion=self.quality.hearing.suspicion.value,
            announced=receiver.learner.described,
            phone_mos=reports.metrics.mos_listening if reports.metrics is not None else None,
        )

    def quality_values(self) -> dict[str, Any]:
        """Its series up to now."""
        return self.quality.values(self._loop.now())

    def forget_silence(self) -> None:
        """A silence that was reported to nobody is to be reported again."""
        self._silence.forget_report()

    def check(self) -> None:
        """Called about once a second."""
        now, description = self._loop.now(), self.description
        seconds = self._silence.check(self.receiver.packets + self.rtcp.received, now)
        if seconds is not None:
            self._on_event(Silent(seconds))
        if description is not None:
            changed = self.quality.tick(self._facts(description), now)
            if changed is not None:
                self._on_event(HearingChanged(changed))
            self._look_at_next()

    def close(self) -> None:
        """Say goodbye and let go of everything; the caller gives the port back."""
        if self._is_closed:
            return
        self._is_closed = True
        self._playback.close()
        self._unbridge()
        if self.recording is not None:
            self._services.recordings.stop(self.recording)
        if self._report_timer is not None:
            self._report_timer.cancel()
            self._send_report(goodbye=True)
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
        if accepted:
            self._report_presses()
        if self._is_looking and accepted and accepted[0].codec.is_speech:
            self._is_looking = False
            self.quality.listener.look(accepted[0].packet.payload, law_of(accepted[0].codec))
        for each in accepted:
            self._tap_received(each)
            if self._forward is not None and self._is_to_be_heard:
                self._forward.forward(each)
        if learner.learned != learned_before:
            self.resolve_around()
        elif accepted:
            self.resolve()

    def _facts(self, description: LegDescription) -> Facts:
        receiver, reports = self.receiver, self.rtcp.reports
        described = description.described
        return Facts(
            is_due=description.direction.sends and described is not None,
            is_listening=description.direction.receives and receiver.learner.target is not None,
            received=receiver.packets,
            silent_in_row=self.quality.listener.silent_in_row,
            is_resting=receiver.is_resting,
            dropped_source=receiver.counters.dropped_source,
            dropped_malformed=receiver.counters.dropped_malformed,
            sent=self.sender.sent.packets,
            reports=reports.taken,
            heard_up_to=reports.remote.highest_sequence if reports.remote is not None else None,
            announced=described[0] if described is not None else None,
            signalling=description.signalling_host,
        )

    def _look_at_next(self) -> None:
        """Have the next packet's payload looked at. On the fast path it is found in the buffer after it was relayed, so
        that the path itself knows nothing of it."""
        fast = self._fast
        self._is_looking = fast is None
        if fast is None:
            return
        handlers, descriptor, listener = self._loop.handlers, self.sockets.rtp.fileno(), self.quality.listener
        stream, law = fast.stream, fast.law
        handler = handlers[descriptor]

        def look_once() -> None:
            handlers[descriptor] = handler
            before = stream.octets
            handler()
            length = stream.octets - before
            # Anything but a plain packet of audio has its payload elsewhere: the next second will do.
            if BUFFER[0] == PLAIN and length > TELEPHONE_EVENT_BYTES:
                listener.look(bytes(VIEWS[12 + length][12:]), law)

        handlers[descriptor] = look_once

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

    def _tap_received(self, accepted: Accepted) -> None:
        law = law_of(accepted.codec)
        if self.recording is not None and law is not None:
            packet = accepted.packet
            self.recording.tap(TappedPacket(LEFT, law, packet.ssrc, packet.timestamp, packet.payload, accepted.at))

    def _fast_path(self) -> FastPath | None:
        """What handles this leg's packets now, if the present state allows for it."""
        if self.unprotect is not None or not self._is_to_be_heard:
            return None
        return fast_path(self.sockets.rtp, self.receiver, self._forward, self.recording, self.receive, self._loop.now)

    @property
    def _is_to_be_heard(self) -> bool:
        return self.description is not None and self.description.direction.sends

    def _playing_changed(self) -> None:
        self.sender.is_playing = self._playback.is_playing
        self.resolve_around()

    @property
    def _sources(self) -> frozenset[int]:
        return frozenset((self.sender.sent.ssrc,))

    def _unbridge(self) -> None:
        other, self.other = self.other, None
        self._forward = None
        self.receiver.own_sources = self._sources
        self.resolve()
        if other is not None:
            other.other = None
            other._forward = None
            other.receiver.own_sources = other._sources
            other.resolve()

    def _report(self) -> None:
        self._send_report()
        self._report_timer = self._loop.call_later(next_interval(), self._report)

    def _send_report(self, *, goodbye: bool = False) -> None:
        now = self._loop.now()
        self.rtcp.send(self.rtcp.reports.make(self.sender.sent, self.receiver.stream, now, goodbye=goodbye))
