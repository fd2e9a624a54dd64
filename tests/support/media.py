"""A media plane that lives in memory: it remembers what it was asked for, and tests make it speak and fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sip_daemon.errors import MediaError, MediaUnavailable
from sip_daemon.flow import TransportAddress
from sip_daemon.media_plane import (
    AdoptableSession,
    FoundHandler,
    LostHandler,
    MediaEvent,
    MediaListener,
    MediaSession,
    MediaStatistics,
    OpenRequest,
    PlayFinished,
    PlaySource,
    RemoteMedia,
    SessionLost,
    WorkerState,
    WorkerStatus,
)

FIRST_PORT = 20000


@dataclass(eq=False)
class MemoryMediaSession:
    """One leg. Its fields show the present state; `configured` keeps every `RemoteMedia` in order."""

    plane: MemoryMediaPlane
    id: str
    worker: int
    address: TransportAddress
    call_id: str
    request: OpenRequest
    listener: MediaListener | None = None
    configured: list[RemoteMedia] = field(default_factory=list)
    bridged: MemoryMediaSession | None = None
    playing: PlaySource | None = None
    repeating: bool = False
    played: list[PlaySource] = field(default_factory=list)
    echoing: bool = False
    recording: str | None = None
    state: bytes = b""
    closed: bool = False
    is_lost: bool = False
    series: Mapping[str, Any] = field(default_factory=dict)
    counters: MediaStatistics = field(default_factory=lambda: MediaStatistics(packets_received=100, packets_sent=100))

    @property
    def remote(self) -> RemoteMedia:
        """What the last offer/answer settled."""
        return self.configured[-1]

    async def configure(self, remote: RemoteMedia) -> None:
        self._check()
        self.configured.append(remote)

    async def bridge(self, other: MediaSession | None) -> None:
        self._check()
        self._unbridge()
        if other is not None:
            assert isinstance(other, MemoryMediaSession)
            other._check()
            other._unbridge()
            self.bridged, other.bridged = other, self
            self.echoing = other.echoing = False

    async def play(self, source: PlaySource, *, repeat: bool = False) -> None:
        self._check()
        self.playing, self.repeating = source, repeat
        self.played.append(source)

    async def stop_playing(self) -> None:
        self._check()
        self.playing = None

    async def echo(self, enabled: bool) -> None:
        self._check()
        self.echoing = enabled

    async def record(self, path: str | None) -> None:
        self._check()
        self.recording = path

    async def attach(self, state: bytes) -> None:
        self._check()
        self.state = state
        self.plane.on_attach(self)

    async def statistics(self) -> MediaStatistics:
        self._check()
        return self.counters

    async def quality(self) -> Mapping[str, Any]:
        self._check()
        return self.series

    async def close(self) -> MediaStatistics:
        if not self.closed:
            self.closed = True
            self._unbridge()
            self.plane.sessions.pop(self.id, None)
        return self.counters

    def emit(self, event: MediaEvent) -> None:
        """Let the worker report something."""
        if isinstance(event, PlayFinished):
            self.playing = None
        if self.listener is not None:
            self.listener(event)

    def _unbridge(self) -> None:
        if self.bridged is not None:
            self.bridged.bridged = None
            self.bridged = None

    def _check(self) -> None:
        if self.closed or self.is_lost:
            raise MediaError(f"media session {self.id} is gone")


class MemoryMediaPlane:
    """Opens at most `capacity` sessions, spread over `workers`."""

    def __init__(self, *, capacity: int = 10_000, workers: int = 1) -> None:
        self.lost: LostHandler | None = None
        self.capacity = capacity
        self.sessions: dict[str, MemoryMediaSession] = {}
        """The open ones, by id."""
        self.opened: list[MemoryMediaSession] = []
        """All that were ever opened, in order."""
        self.found: FoundHandler | None = None
        self.left: dict[str, MemoryMediaSession] = {}
        """Those that outlived their owner."""
        self.is_complete = True
        self.on_attach: Callable[[MemoryMediaSession], None] = lambda session: None
        """Called when state was left with a session."""
        self.is_closed = False
        self._workers = workers
        self._away: set[int] = set()

    async def open(
        self, requests: Sequence[OpenRequest], *, call_id: str, beside: MediaSession | None = None
    ) -> tuple[MediaSession, ...]:
        if len(self.sessions) + len(requests) > self.capacity:
            raise MediaUnavailable("no media port is free")
        worker = beside.worker if beside is not None else self._pick_worker()
        if worker in self._away:
            raise MediaUnavailable(f"media worker {worker} is not there")
        return tuple(self._open(request, call_id, worker) for request in requests)

    def orphan(self) -> tuple[AdoptableSession, ...]:
        """As if the process that owns the sessions had died: they go on, and may be adopted."""
        self.left, self.sessions = self.sessions, {}
        for session in self.left.values():
            session.listener = None
        return tuple(
            AdoptableSession(session.id, session.worker, session.call_id, session.address, session.state)
            for session in self.left.values()
        )

    async def adopt(self, session: AdoptableSession) -> MediaSession:
        if session.id not in self.left:
            raise MediaError("there is no such media session")
        adopted = self.sessions[session.id] = self.left.pop(session.id)
        return adopted

    async def statistics(self, sessions: Sequence[MediaSession], *, within: float) -> Mapping[str, MediaStatistics]:
        """Also of sessions that a test has made slow or broken."""
        found = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                for session in sessions:
                    with suppress(MediaError):
                        found[session.id] = await session.statistics()
        return found

    async def discard(self, sessions: Sequence[AdoptableSession]) -> None:
        for session in sessions:
            await self.left.pop(session.id).close()

    def status(self) -> list[WorkerStatus]:
        return [
            WorkerStatus(
                index,
                WorkerState.AWAY if index in self._away else WorkerState.CONNECTED,
                sessions=sum(session.worker == index for session in self.sessions.values()),
                ports_free=2 * (self.capacity - len(self.sessions)),
            )
            for index in range(self._workers)
        ]

    async def close(self) -> None:
        self.is_closed = True

    def lose_worker(self, index: int, reason: str = "media worker ended") -> None:
        """As if the worker process had been killed."""
        self._away.add(index)
        gone = tuple(session for session in self.sessions.values() if session.worker == index)
        for session in gone:
            session.is_lost = True
            del self.sessions[session.id]
            session.emit(SessionLost(reason))
        if self.lost is not None:
            self.lost(index, gone)

    def restore_worker(self, index: int) -> None:
        self._away.discard(index)

    def _pick_worker(self) -> int:
        there = [index for index in range(self._workers) if index not in self._away]
        if not there:
            raise MediaUnavailable("no media worker is there")
        return min(there, key=lambda index: sum(session.worker == index for session in self.sessions.values()))

    def _open(self, request: OpenRequest, call_id: str, worker: int) -> MemoryMediaSession:
        number = len(self.opened)
        address = TransportAddress(request.advertised_host, FIRST_PORT + 2 * number)
        session = MemoryMediaSession(self, f"session-{number}", worker, address, call_id, request)
        self.opened.append(session)
        self.sessions[session.id] = session
        return session
