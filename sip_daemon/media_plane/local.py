"""The media plane of our own worker processes, reached by their control sockets."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sip_daemon.errors import MediaError, MediaUnavailable
from sip_daemon.flow import TransportAddress
from sip_daemon.media_plane.link import Operation, WorkerLink
from sip_daemon.media_plane.plane import FoundHandler, LostHandler, MediaListener, MediaSession
from sip_daemon.media_plane.values import (
    AdoptableSession,
    MediaEvent,
    MediaStatistics,
    OpenRequest,
    PlaySource,
    RemoteMedia,
    SessionLost,
    WorkerStatus,
)
from sip_daemon.media_plane.wire import (
    adoptable_from,
    event_from,
    remote_params,
    source_params,
    state_param,
    statistics_from,
)

logger = logging.getLogger(__name__)

ASKED_AT_ONCE = 32
"""Sessions in one request for counters; the workers take no more."""


class LocalMediaSession:
    """Implements `MediaSession` for a session in one of our workers."""

    def __init__(
        self,
        link: WorkerLink,
        identifier: str,
        address: TransportAddress,
        siblings: MutableMapping[str, LocalMediaSession],
    ) -> None:
        """`siblings` are the open sessions of the worker, which it leaves when it is closed."""
        self.listener: MediaListener | None = None
        self._link, self._id, self._address = link, identifier, address
        self._siblings = siblings
        self._partner: LocalMediaSession | None = None
        """The session in another worker that it is bridged with."""
        self._lost: str | None = None
        self._last: MediaStatistics | None = None
        """Its last counters, once it is closed."""

    @property
    def id(self) -> str:
        return self._id

    @property
    def worker(self) -> int:
        return self._link.index

    @property
    def address(self) -> TransportAddress:
        return self._address

    def configure(self, remote: RemoteMedia) -> Awaitable[None]:
        return self._ask("session.configure", remote_params(remote))

    def bridge(self, other: MediaSession | None) -> Awaitable[None]:
        if other is not None and not isinstance(other, LocalMediaSession):
            return Operation.failed(MediaError("a bridge joins sessions of one media plane"))
        is_near = other is None or (other.worker == self.worker and other._partner is None)
        if is_near and self._partner is None:
            return self._ask("session.bridge", {"other": other.id if other is not None else None})
        return self._bridge_afar(other)

    async def _bridge_afar(self, other: LocalMediaSession | None) -> None:
        """With a session in another worker, or away from one."""
        await self._leave_partner()
        if other is not None:
            await other._leave_partner()
        if other is None or other.worker == self.worker:
            await self._ask("session.bridge", {"other": other.id if other is not None else None})
            return
        here, there = self._ask("session.hop", {}), other._ask("session.hop", {})
        ways = await here, await there
        self._partner, other._partner = other, self
        joined = self._ask("session.bridge", {"hop": ways[1]}), other._ask("session.bridge", {"hop": ways[0]})
        for operation in joined:
            await operation

    def play(self, source: PlaySource, *, repeat: bool = False) -> Awaitable[None]:
        return self._ask("session.play", {"source": source_params(source), "repeat": repeat})

    def stop_playing(self) -> Awaitable[None]:
        return self._ask("session.stop", {})

    def echo(self, enabled: bool) -> Awaitable[None]:
        return self._ask("session.echo", {"enabled": enabled})

    def record(self, path: str | None) -> Awaitable[None]:
        return self._ask("session.record", {"path": path})

    def attach(self, state: bytes) -> Awaitable[None]:
        return self._ask("session.attach", {"state": state_param(state)})

    async def statistics(self) -> MediaStatistics:
        return statistics_from(await self._ask("session.statistics", {}))

    async def quality(self) -> Mapping[str, Any]:
        values: Mapping[str, Any] = await self._ask("session.quality", {})
        return values

    def close(self) -> Awaitable[MediaStatistics]:
        if self._last is not None:
            return self._closed(None)
        self._last = MediaStatistics()
        self._siblings.pop(self._id, None)
        return self._closed(self._link.call("session.close", {"id": self._id}))

    async def _closed(self, operation: Operation | None) -> MediaStatistics:
        if operation is not None:
            try:
                self._last = statistics_from(await operation)
            except MediaError as error:
                if self._lost is None:
                    logger.warning("closing media session %s: %s", self._id, error)
        assert self._last is not None  # `close` saw to it
        return self._last

    def emit(self, event: MediaEvent) -> None:
        """Tell the listener; whatever it raises stays here."""
        if self.listener is not None:
            try:
                self.listener(event)
            except Exception:
                logger.exception("the listener of media session %s failed", self._id)

    def lose(self, reason: str) -> None:
        self._lost = reason
        self.emit(SessionLost(reason))

    @property
    def is_over(self) -> bool:
        return self._lost is not None or self._last is not None

    async def _leave_partner(self) -> None:
        """End a bridge to another worker at its far end; the near end is set anew by whoever calls."""
        partner, self._partner = self._partner, None
        if partner is not None and partner._partner is self:
            partner._partner = None
            if not partner.is_over:
                await partner._ask("session.bridge", {"other": None})

    def _ask(self, method: str, params: dict[str, Any]) -> Operation:
        if self._lost is not None:
            return Operation.failed(MediaError(f"the media session was lost: {self._lost}"))
        if self._last is not None:
            return Operation.failed(MediaError("the media session is closed"))
        params["id"] = self._id
        return self._link.call(method, params)


class LocalMediaPlane:
    """Implements `MediaPlane` with the workers that listen on these control sockets, in order of their index.

    `found` is to be set before `start`.
    """

    def __init__(self, sockets: Iterable[Path]) -> None:
        self.lost: LostHandler | None = None
        self.found: FoundHandler | None = None
        self._seen: set[int] = set()
        """The workers that were found at least once."""
        self._sessions: list[dict[str, LocalMediaSession]] = []
        self._links: list[WorkerLink] = []
        for index, path in enumerate(sockets):
            self._sessions.append({})
            self._links.append(
                WorkerLink(
                    index,
                    path,
                    self._take_event,
                    lambda reason, i=index: self._take_loss(i, reason),  # type: ignore[misc]
                    self._take_worker,
                )
            )

    async def start(self) -> None:
        """Connect to all workers that are there; the others are joined when they come."""
        await asyncio.gather(*(link.start() for link in self._links))

    async def open(
        self, requests: Sequence[OpenRequest], *, call_id: str, beside: MediaSession | None = None
    ) -> tuple[MediaSession, ...]:
        failure = MediaUnavailable("no media worker is there")
        for link in self._choice(beside):
            try:
                return await self._open(link, requests, call_id)
            except MediaUnavailable as error:
                failure = error
        try:
            raise failure
        finally:
            del failure  # it has this frame in its traceback: no circle is left behind

    @property
    def is_complete(self) -> bool:
        return len(self._seen) == len(self._links)

    async def adopt(self, session: AdoptableSession) -> MediaSession:
        link = self._links[session.worker]
        await link.call("session.attach", {"id": session.id})
        return self._remember(link, session.id, session.address)

    async def statistics(self, sessions: Sequence[MediaSession], *, within: float) -> Mapping[str, MediaStatistics]:
        """The workers are asked at once, each for a portion at a time: between two of them it serves its packets."""
        by_worker: dict[int, list[str]] = {}
        for session in sessions:
            by_worker.setdefault(session.worker, []).append(session.id)
        found: dict[str, MediaStatistics] = {}
        await asyncio.gather(*(self._ask(self._links[worker], ids, found, within) for worker, ids in by_worker.items()))
        return found

    async def _ask(
        self, link: WorkerLink, ids: Sequence[str], found: dict[str, MediaStatistics], within: float
    ) -> None:
        try:
            async with asyncio.timeout(within):
                for start in range(0, len(ids), ASKED_AT_ONCE):
                    result = await link.call("session.statistics", {"ids": ids[start : start + ASKED_AT_ONCE]})
                    for identifier, values in result["sessions"].items():
                        found[identifier] = statistics_from(values)
        except (MediaError, TimeoutError) as error:
            logger.debug("media worker %d tells no counters: %s", link.index, error)

    async def discard(self, sessions: Sequence[AdoptableSession]) -> None:
        closings = (self._links[one.worker].call("session.close", {"id": one.id}) for one in sessions)
        for error in await asyncio.gather(*closings, return_exceptions=True):
            if isinstance(error, MediaError):
                logger.warning("a session that was left could not be closed: %s", error)

    def status(self) -> list[WorkerStatus]:
        # The workers are asked now and then only; how many sessions are ours is known at any time.
        return [replace(link.status, sessions=len(self._sessions[link.index])) for link in self._links]

    async def close(self) -> None:
        await asyncio.gather(*(link.close() for link in self._links))

    def _choice(self, beside: MediaSession | None) -> list[WorkerLink]:
        """The workers to be asked, in this order."""
        if beside is not None:
            return [self._links[beside.worker]]
        there = [link for link in self._links if link.is_up]
        return sorted(there, key=lambda link: len(self._sessions[link.index]))

    async def _open(self, link: WorkerLink, requests: Sequence[OpenRequest], call_id: str) -> tuple[MediaSession, ...]:
        identifiers = [secrets.token_hex(8) for _ in requests]
        legs = [
            {"id": identifier, "bind_host": request.bind_host, "advertised_host": request.advertised_host}
            for identifier, request in zip(identifiers, requests, strict=True)
        ]
        try:
            ports = (await link.call("session.open", {"call_id": call_id, "legs": legs}))["ports"]
        except BaseException:
            # Refused, too late, or nobody wants it any more: what may have been opened is closed behind it.
            for identifier in identifiers:
                link.notify("session.close", {"id": identifier})
            raise
        return tuple(
            self._remember(link, identifier, TransportAddress(request.advertised_host, port))
            for identifier, request, port in zip(identifiers, requests, ports, strict=True)
        )

    def _remember(self, link: WorkerLink, identifier: str, address: TransportAddress) -> LocalMediaSession:
        sessions = self._sessions[link.index]
        session = sessions[identifier] = LocalMediaSession(link, identifier, address, sessions)
        return session

    async def _take_worker(self, link: WorkerLink) -> None:
        """A worker was found, or found again. Nobody else opens sessions, so those without an owner are of the past."""
        if self.found is None:
            closed = (await link.call("session.discard", {}))["closed"]
            if closed:
                logger.warning("%d sessions that were left in media worker %d are closed", closed, link.index)
        elif orphans := await orphans_of(link):
            await self.found(tuple(orphans))
        self._seen.add(link.index)

    def _take_event(self, params: dict[str, Any]) -> None:
        event = event_from(params)
        for sessions in self._sessions:
            session = sessions.get(params.get("id", ""))
            if session is not None and event is not None:
                session.emit(event)

    def _take_loss(self, index: int, reason: str) -> None:
        gone = tuple(self._sessions[index].values())
        self._sessions[index].clear()
        logger.warning("media worker %d is away, and %d sessions with it: %s", index, len(gone), reason)
        for session in gone:
            session.lose(reason)
        if self.lost is not None:
            self.lost(index, gone)


async def orphans_of(link: WorkerLink) -> list[AdoptableSession]:
    """The sessions of a worker that belong to no connection, page by page. Raises `MediaError`."""
    found: list[AdoptableSession] = []
    offset = 0
    while page := (await link.call("session.list", {"offset": offset}))["sessions"]:
        offset += len(page)
        found += [adoptable_from(link.index, entry) for entry in page if not entry["owned"]]
    return found
