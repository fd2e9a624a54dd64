"""The two interfaces of the seam. Whoever implements them raises `MediaError` or `MediaUnavailable`, nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from sip_daemon.flow import TransportAddress
from sip_daemon.media_plane.values import (
    AdoptableSession,
    MediaEvent,
    MediaStatistics,
    OpenRequest,
    PlaySource,
    RemoteMedia,
    WorkerStatus,
)

MediaListener = Callable[[MediaEvent], None]


class MediaSession(Protocol):
    """One leg's media: an RTP endpoint with one address, one SSRC and one unbroken stream for its whole life.

    A fresh session sends nothing. Bridge and echo are alternatives: starting one ends the other. What is played takes
    their place for this session's peer while it lasts (hold music, announcements), and gives it back at its end.

    Whatever is asked of a session may be asked at once and awaited later: it is carried out in the order of asking.
    """

    @property
    def id(self) -> str: ...

    @property
    def worker(self) -> int:
        """Index of the worker that it lives in."""

    @property
    def address(self) -> TransportAddress:
        """Advertised host and RTP port, for SDP. RTCP is on the port above."""

    listener: MediaListener | None
    """Called for each event, from the event loop; set by the leg."""

    def configure(self, remote: RemoteMedia) -> Awaitable[None]:
        """Take over the result of an offer and its answer. The peer's address is learned anew."""

    def bridge(self, other: MediaSession | None) -> Awaitable[None]:
        """Relay both ways between this session and `other`; None ends the bridge, on both sides."""

    def play(self, source: PlaySource, *, repeat: bool = False) -> Awaitable[None]:
        """Play to the peer, in place of what was played before. `PlayFinished` follows unless `repeat`."""

    def stop_playing(self) -> Awaitable[None]: ...

    def echo(self, enabled: bool) -> Awaitable[None]:
        """Send the peer's audio back to it."""

    def record(self, path: str | None) -> Awaitable[None]:
        """Record both directions into a new two-channel WAV file (left: from the peer); None ends the recording."""

    def attach(self, state: bytes) -> Awaitable[None]:
        """Leave `state` with the session, for whoever adopts it. Replaces the former one."""

    def statistics(self) -> Awaitable[MediaStatistics]: ...

    def quality(self) -> Awaitable[Mapping[str, Any]]:
        """How it went so far, as JSON values: `seconds` for each sample, `age` since the first began, and columns of
        equal length, oldest first. At most 120 samples, however long the call."""

    def close(self) -> Awaitable[MediaStatistics]:
        """End the session and return its last counters. Closing a second time returns them again."""


LostHandler = Callable[[int, tuple[MediaSession, ...]], None]


FoundHandler = Callable[[tuple[AdoptableSession, ...]], Awaitable[None]]


class MediaPlane(Protocol):
    """Where sessions come from."""

    found: FoundHandler | None
    """Called each time that a worker is found with sessions that nobody owns, before it takes new ones: each of them is
    to be adopted or discarded. While this is None they are discarded, so that their ports are free at once."""

    lost: LostHandler | None
    """Called with a worker's index and its sessions after the worker went; their listeners got `SessionLost` before."""

    async def open(
        self, requests: Sequence[OpenRequest], *, call_id: str, beside: MediaSession | None = None
    ) -> tuple[MediaSession, ...]:
        """Open one session for each request, all in one worker (the one of `beside`, if given), or none of them.

        Raises `MediaUnavailable` when no worker or no port is free.
        """

    @property
    def is_complete(self) -> bool:
        """Whether each worker was found at least once: only then is it known which calls outlived their process."""

    async def adopt(self, session: AdoptableSession) -> MediaSession:
        """Own it from now on."""

    async def statistics(self, sessions: Sequence[MediaSession], *, within: float) -> Mapping[str, MediaStatistics]:
        """Of many sessions, by id, in few requests; those that are gone, or do not answer in time, are left out."""

    async def discard(self, sessions: Sequence[AdoptableSession]) -> None:
        """Close them. One that cannot be reached ends by itself."""

    def status(self) -> list[WorkerStatus]: ...

    async def close(self) -> None:
        """Let go of the plane. Sessions that are still open live on for the grace period, to be adopted."""
