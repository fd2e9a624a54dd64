"""What crosses the seam between calls and audio: immutable values, free of sockets and processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sip_daemon.flow import TransportAddress
from sip_daemon.sdp.audio import Direction
from sip_daemon.sdp.codec import Codec

TONES = frozenset({"dial", "ringback", "busy", "congestion", "information", "beep", "test"})
"""The tones that every media plane can play; `test` is a steady 1004 Hz at -10 dBm0."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """One leg to be opened."""

    bind_host: str
    """Local address that its sockets are bound to."""
    advertised_host: str
    """Address to put into SDP for it; differs from `bind_host` for peers off the LAN."""


@dataclass(frozen=True, slots=True)
class RemoteMedia:
    """What an offer and its answer settled about one leg. Handed over again after each of them."""

    address: TransportAddress
    """Where the peer's description says that it receives. Host 0.0.0.0 or port 0: nothing is sent to it."""
    codecs: tuple[Codec, ...]
    """What the peer receives, under the peer's numbers; the first that is not telephone-event is sent by players."""
    local_codecs: tuple[Codec, ...]
    """What we receive, under the numbers that we announced."""
    direction: Direction = Direction.SENDRECV
    """The settled direction as seen from the peer: `sendonly` means that it sends and wants nothing."""
    signalling_host: str | None = None
    """Where its signalling comes from: preferred as a source of its audio, should the described address stay silent."""
    ptime: int = 20
    """Milliseconds of audio in each packet of our own players."""
    rtcp_port: int | None = None
    """From a=rtcp (RFC 3605); without it, the port above the one for RTP."""
    rtcp_mux: bool = False
    """RTCP shares the port of RTP (RFC 5761)."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A call progress tone of `TONES`. Cadenced and steady tones go on until stopped; a beep ends by itself."""

    name: str


@dataclass(frozen=True, slots=True)
class Wav:
    """A sound file on this machine: 8 kHz, mono, 16-bit PCM or G.711."""

    path: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Packets of silence, so that a peer which waits for audio hears a live line."""


PlaySource = Tone | Wav | Silence


@dataclass(frozen=True, slots=True)
class MediaStatistics:
    """One leg's counters since it was opened. "Received" is from the peer, "sent" is to the peer."""

    packets_received: int = 0
    bytes_received: int = 0
    """Octets of RTP payload, headers left out (RFC 3550 §6.4.1)."""
    packets_sent: int = 0
    bytes_sent: int = 0
    packets_lost: int = 0
    """Missing from what the peer sent, by sequence numbers."""
    jitter_ms: float = 0.0
    """Interarrival jitter of what the peer sent (RFC 3550 §6.4.1)."""
    dropped_source: int = 0
    """Datagrams that came from a stranger's address."""
    dropped_malformed: int = 0
    """Datagrams that were no RTP or RTCP of this leg's."""
    codec: str | None = None
    """Name and rate of what the peer last sent, e.g. `PCMA/8000`."""
    remote: TransportAddress | None = None
    """Where our packets go now: the learned address, or the described one until something is learned."""
    rtt_ms: float | None = None
    """Round trip measured by RTCP; None until the peer has reported."""
    remote_packets_lost: int | None = None
    """What the peer reports as missing from what we sent."""
    remote_jitter_ms: float | None = None
    recording_error: str | None = None
    """Why the recording ended before its time: the disk was full, or too slow."""
    packets_late: int = 0
    """Came behind a newer one, and filled its gap."""
    packets_duplicated: int = 0
    packets_discarded: int = 0
    """Came, and too late for a jitter buffer of 60 ms."""
    mos: float | None = None
    """Mean estimated opinion score (ITU-T G.107) of what the peer sends; `mos_now` is that of the last five seconds."""
    mos_now: float | None = None
    remote_mos: float | None = None
    """The same for what the peer hears, by its RTCP reports; None where it sends none."""
    remote_mos_now: float | None = None
    loss_percent_now: float | None = None
    """Lost or too late in the last five seconds."""
    remote_loss_percent_now: float | None = None
    level_db: float | None = None
    """Loudest packet of the last five seconds, in dB below full scale (0 is the loudest); G.711 only."""
    speaks: str = "unknown"
    """What the peer sends: unknown, fine, held, paused, muted, soundless or nothing."""
    hears: str = "unknown"
    """What it hears: unknown, fine, held or nothing."""
    suspicion: str = ""
    """Likely cause where one of the two is soundless or nothing: see `MediaHearing`."""
    announced: TransportAddress | None = None
    """Where the peer's description says that it receives."""
    phone_mos: float | None = None
    """The score that the phone itself gives to what it hears (RFC 3611)."""
    series: Mapping[str, Any] | None = None
    """Over time, as JSON values; only in what `close` returns. See `MediaSession.quality`."""


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A telephone-event (RFC 4733) ended. Reported once for each key press."""

    digit: str
    """One of 0-9 * # A-D, or `flash`."""
    duration_ms: int


@dataclass(frozen=True, slots=True)
class MediaSilent:
    """Audio is due from the peer, but nothing has come for so long: it may have vanished."""

    seconds: float


@dataclass(frozen=True, slots=True)
class MediaHearing:
    """One-way audio, or silence where a voice should be, has begun, changed or ended."""

    speaks: str
    """As in `MediaStatistics`; `soundless` and `nothing` are alarms."""
    hears: str
    suspicion: str
    """not-a-packet, other-address, other-format, nat, reports-only, microphone, or empty."""

    @property
    def is_alarm(self) -> bool:
        return bool(ALARMS & {self.speaks, self.hears})


ALARMS = frozenset({"soundless", "nothing"})


@dataclass(frozen=True, slots=True)
class PlayFinished:
    """What was played has come to its end by itself (not: was stopped or replaced)."""


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The session is gone and cannot come back; every further operation on it fails."""

    reason: str


MediaEvent = DigitPressed | MediaSilent | MediaHearing | PlayFinished | SessionLost


class WorkerState(StrEnum):
    """How a worker stands with us."""

    CONNECTED = "connected"
    AWAY = "away"
    """No answer on its control socket; tried again with growing pauses."""


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One line of the media plane's status."""

    worker: int
    state: WorkerState
    sessions: int = 0
    ports_free: int = 0


@dataclass(frozen=True, slots=True)
class AdoptableSession:
    """A session that outlived the signalling process which opened it."""

    id: str
    worker: int
    call_id: str
    address: TransportAddress
    state: bytes
    """What `MediaSession.attach` left there."""
