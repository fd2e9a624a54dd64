"""The line to one worker: kept up, and made anew with growing pauses when the worker was gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

from appliance.control.aio import AsyncControlClient
from appliance.control.errors import ControlError, NotReachable
from sip_daemon.errors import MediaError
from sip_daemon.media_plane.values import WorkerState, WorkerStatus
from sip_daemon.media_plane.wire import media_error

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
STATUS_INTERVAL = 5.0

Notified = Callable[[dict[str, Any]], None]


class Operation(Awaitable[Any]):
    """Something that was asked of a worker, its answer to be awaited once. No task stands behind it."""

    __slots__ = ("_answer",)

    def __init__(self, answer: asyncio.Future[Any]) -> None:
        self._answer = answer

    @classmethod
    def failed(cls, error: ControlError | MediaError) -> Operation:
        """One that could not even be asked."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.set_exception(error)
        return cls(answer)

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            return (yield from self._answer)
        except ControlError as error:
            raise media_error(error) from error


class WorkerLink:
    """Connects by itself from `start` on.

    `on_event` gets session events, `on_lost` the reason when the line breaks; `on_found` is told of each new line.
    """

    def __init__(
        self,
        index: int,
        path: Path,
        on_event: Notified,
        on_lost: Callable[[str], None],
        on_found: Callable[[WorkerLink], Awaitable[None]],
    ) -> None:
        self.index = index
        self._path, self._on_event, self._on_lost, self._on_found = path, on_event, on_lost, on_found
        self._client: AsyncControlClient | None = None
        self._answers = False
        self._broken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sessions = 0
        self._ports_free = 0

    @property
    def is_up(self) -> bool:
        """Whether the worker is connected and answers."""
        return self._client is not None and self._answers

    @property
    def status(self) -> WorkerStatus:
        state = WorkerState.CONNECTED if self.is_up else WorkerState.AWAY
        return WorkerStatus(self.index, state, self._sessions, self._ports_free if self.is_up else 0)

    async def start(self) -> None:
        """Try once, then go on in the background."""
        await self._connect()
        self._task = asyncio.create_task(self._run(), name=f"link to media worker {self.index}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
            self._client = None

    def call(self, method: str, params: dict[str, Any]) -> Operation:
        """Ask now. Raises when awaited: `MediaUnavailable` if the worker is away or has nothing free, `MediaError` if
        it refuses."""
        client = self._client
        if client is None:
            return Operation.failed(NotReachable(f"Media worker {self.index} is not there."))
        return Operation(client.request(method, params))

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Ask for something whose result nobody waits for."""
        if self._client is not None:
            self._client.notify(method, params)

    def _take_notification(self, method: str, params: dict[str, Any]) -> None:
        if method == "session.event":
            self._on_event(params)

    def _take_end(self, error: ControlError) -> None:
        self._client, self._answers = None, False
        self._sessions = 0
        self._broken.set()
        self._on_lost(str(error))

    async def _connect(self) -> None:
        self._broken.clear()
        try:
            self._client = await AsyncControlClient.connect(
                self._path, on_notification=self._take_notification, on_closed=self._take_end
            )
            await self._on_found(self)
            await self._refresh()
        except (ControlError, MediaError) as error:
            logger.debug("media worker %d: %s", self.index, error)
            return
        logger.info("media worker %d is connected", self.index)

    async def _refresh(self) -> None:
        """Ask how it stands; a worker that does not answer gets no new calls, but keeps those that it has."""
        if self._client is None:
            return
        try:
            status = await self._client.call("worker.status", {})
        except NotReachable:
            self._answers = False
            raise
        self._answers = True
        self._sessions, self._ports_free = status["sessions"], status["ports_free"]

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            if self._client is not None:
                pause = FIRST_PAUSE
                await self._watch()
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            await self._connect()

    async def _watch(self) -> None:
        """Until the line breaks."""
        while not self._broken.is_set():
            try:
                async with asyncio.timeout(STATUS_INTERVAL):
                    await self._broken.wait()
            except TimeoutError:
                await self._refresh_quietly()

    async def _refresh_quietly(self) -> None:
        try:
            await self._refresh()
        except ControlError as error:
            logger.warning("media worker %d: %s", self.index, error)
