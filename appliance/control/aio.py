"""Control sockets for asyncio programs: a client that tells when the other side goes, a server with subscriptions.

A slow subscriber never costs the program memory or time: beyond `MAX_BACKLOG_BYTES` of unread output its connection is
closed, and it asks anew.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from appliance.control.errors import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    CallRefused,
    ControlError,
    NoAnswerInTime,
    NotReachable,
    ProtocolMismatch,
)
from appliance.control.protocol import ClientProtocol, Greeting, Request, Response, ServerProtocol, notification_line
from appliance.control.sockets import listening_socket

log = logging.getLogger(__name__)

DEFAULT_TIMEOUT = 5.0
CHUNK = 256 * 1024
MAX_BACKLOG_BYTES = 4 * 1024 * 1024
SUBSCRIBE = "subscribe"

Handler = Callable[[dict[str, Any]], Any | Awaitable[Any]]
"""Takes the parameters and returns a JSON value, at once or awaited. `CallRefused` becomes the error of the answer."""


class AsyncControlClient:
    """One connection to one program, for as many calls at a time as there are.

    `on_closed` is called once when the connection ends by itself, with the reason; not after `close`.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        name: str,
        on_notification: Callable[[str, dict[str, Any]], None] | None = None,
        on_closed: Callable[[ControlError], None] | None = None,
    ) -> None:
        self._reader, self._writer, self._name = reader, writer, name
        self._on_notification, self._on_closed = on_notification, on_closed
        self._protocol = ClientProtocol()
        self._waiting: dict[int | str | None, asyncio.Future[Any]] = {}
        self._ended: ControlError | None = None
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls,
        path: Path,
        *,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - the caller wants our typed error, not TimeoutError
        on_notification: Callable[[str, dict[str, Any]], None] | None = None,
        on_closed: Callable[[ControlError], None] | None = None,
    ) -> AsyncControlClient:
        """Connect and read the greeting. Raises `NotReachable` or `ProtocolMismatch`."""
        name = path.name.removesuffix(".sock")
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await asyncio.open_unix_connection(str(path))
                client = cls(reader, writer, name, on_notification, on_closed)
                await client._start()
        except TimeoutError as error:
            raise NoAnswerInTime(f"The program {name} does not answer within {timeout:g} seconds.") from error
        except OSError as error:
            raise NotReachable(f"The program {name} is not running: nobody answers on {path}.") from error
        return client

    @property
    def greeting(self) -> Greeting:
        """Who answered."""
        assert self._protocol.greeting is not None  # read by `_start`
        return self._protocol.greeting

    @property
    def is_open(self) -> bool:
        return self._ended is None

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109
    ) -> Any:
        """The result of one call. Raises `NotReachable` (also when the program goes away meanwhile), `CallRefused`."""
        if self._ended is not None:
            raise self._ended
        number = self._protocol.call(method, params or {})
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._writer.write(self._protocol.take_output())
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError as error:
            raise NoAnswerInTime(f"The program {self._name} does not answer within {timeout:g} seconds.") from error
        finally:
            self._waiting.pop(number, None)

    def notify(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send without wanting an answer; nothing happens when the connection has ended."""
        if self._ended is None:
            self._protocol.notify(method, params or {})
            self._writer.write(self._protocol.take_output())

    async def close(self) -> None:
        """End the connection; calls that wait get `NotReachable`."""
        self._on_closed = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._end(NotReachable(f"The connection to {self._name} was closed."))

    async def _start(self) -> None:
        try:
            while self._protocol.greeting is None:
                self._take(await self._reader.read(CHUNK))
        except BaseException:
            self._writer.close()
            raise
        self._task = asyncio.create_task(self._run(), name=f"control client of {self._name}")

    async def _run(self) -> None:
        try:
            while True:
                self._take(await self._reader.read(CHUNK))
        except ControlError as error:
            self._end(error)
        except OSError as error:
            self._end(NotReachable(f"The connection to {self._name} broke: {error.strerror or error}."))

    def _take(self, data: bytes) -> None:
        if not data:
            raise NotReachable(f"The program {self._name} closed the connection: it stops or restarts.")
        for message in self._protocol.receive_data(data):
            if isinstance(message, Response):
                self._answered(message)
            elif self._on_notification is not None:
                self._notified(message)

    def _answered(self, response: Response) -> None:
        answer = self._waiting.pop(response.id, None)
        if answer is None or answer.done():
            return  # too late: the caller has given up
        if response.error is not None:
            answer.set_exception(response.error)
        else:
            answer.set_result(response.result)

    def _notified(self, notification: Request) -> None:
        assert self._on_notification is not None  # asked by `_take`
        try:
            self._on_notification(notification.method, notification.params)
        except Exception:
            log.exception("the listener failed on the notification %s of %s", notification.method, self._name)

    def _end(self, reason: ControlError) -> None:
        if self._ended is not None:
            return
        self._ended = reason
        self._writer.close()
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(reason)
        if self._on_closed is not None:
            self._on_closed(reason)


class ControlServer:
    """Answers on one socket. Calls of one connection are carried out in order, those of several side by side.

    The method `subscribe` with `{"topics": [...]}` is built in: what is given to `publish` under one of these names
    reaches the subscriber as a notification of that name.
    """

    def __init__(self, path: Path, program: str, methods: Mapping[str, Handler], topics: frozenset[str] = frozenset()):
        self._path, self._program, self._methods, self._topics = path, program, dict(methods), topics
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], _Connection] = {}

    async def start(self) -> None:
        """Open the socket. Raises `AlreadyRunning`, or `ControlError` when the file cannot be made."""
        self._server = await asyncio.start_unix_server(self._accepted, sock=listening_socket(self._path))

    async def close(self) -> None:
        """Close the socket and every connection, and wait for them."""
        if self._server is not None:
            # First the file: while we still listen, no successor has put its own there.
            self._path.unlink(missing_ok=True)
            self._server.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def publish(self, topic: str, params: Mapping[str, Any]) -> None:
        """Send a notification to those who subscribed to the topic; free of charge when nobody did."""
        data: bytes | None = None
        for connection in list(self._connections.values()):
            if topic in connection.topics:
                data = data or notification_line(topic, params)
                connection.publish(data)

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # asyncio runs this callback as a task
        connection = self._connections[task] = _Connection(writer, ServerProtocol(self._program))
        try:
            await self._serve(reader, connection)
        except (OSError, ProtocolMismatch) as error:
            log.debug("control connection ended: %s", error)
        finally:
            connection.flush()
            del self._connections[task]
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        connection.flush()
        while data := await reader.read(CHUNK):
            for request in connection.protocol.receive_data(data):
                await self._answer(request, connection)
            connection.flush()
            await connection.writer.drain()

    async def _answer(self, request: Request, connection: _Connection) -> None:
        try:
            result = await self._carry_out(request, connection)
        except CallRefused as refusal:
            connection.protocol.refuse(request, refusal)
        except Exception:
            # A fault of ours must not end the program, nor show its inside to whoever asks.
            log.exception("the control method %s failed", request.method)
            connection.protocol.refuse(request, CallRefused(INTERNAL_ERROR, "It failed; the log says why."))
        else:
            connection.protocol.reply(request, result)

    async def _carry_out(self, request: Request, connection: _Connection) -> Any:
        if request.method == SUBSCRIBE:
            return connection.subscribe(request.params, self._topics)
        handler = self._methods.get(request.method)
        if handler is None:
            raise CallRefused(METHOD_NOT_FOUND, f"{self._program} has no method {request.method!r}.")
        result = handler(request.params)
        return await result if inspect.isawaitable(result) else result


class _Connection:
    """One client of a `ControlServer`."""

    def __init__(self, writer: asyncio.StreamWriter, protocol: ServerProtocol) -> None:
        self.writer = writer
        self.protocol = protocol
        self.topics: frozenset[str] = frozenset()

    def flush(self) -> None:
        if data := self.protocol.take_output():
            self.send(data)

    def send(self, data: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(data)

    def publish(self, data: bytes) -> None:
        if self.writer.transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            log.warning("a subscriber does not read what it asked for; its connection is closed")
            self.writer.transport.abort()
            return
        self.send(data)

    def subscribe(self, params: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
        topics = params.get("topics")
        if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
            raise CallRefused(INVALID_PARAMS, "`topics` is a list of names.")
        if unknown := set(topics) - known:
            raise CallRefused(INVALID_PARAMS, f"There is no topic {', '.join(sorted(unknown))}.")
        self.topics = frozenset(topics)
        return {"topics": sorted(self.topics)}
