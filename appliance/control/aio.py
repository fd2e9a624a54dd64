"""Control sockets for asyncio programs: a server with subscriptions; the client is in `async_client`.

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

from appliance.control.async_client import AsyncControlClient
from appliance.control.errors import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    CallRefused,
    ProtocolMismatch,
)
from appliance.control.protocol import Request, ServerProtocol, notification_line
from appliance.control.sockets import listening_socket

log = logging.getLogger(__name__)

__all__ = ["AsyncControlClient", "ControlServer"]

CHUNK = 256 * 1024
MAX_BACKLOG_BYTES = 4 * 1024 * 1024
SUBSCRIBE = "subscribe"

Handler = Callable[[dict[str, Any]], Any | Awaitable[Any]]
"""Takes the parameters and returns a JSON value, at once or awaited. `CallRefused` becomes the error of the answer."""


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

    @property
    def has_subscribers(self) -> bool:
        """Whether anybody hears what is published: to be asked where making it costs something."""
        return any(connection.topics for connection in self._connections.values())

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
