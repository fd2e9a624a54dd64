"""GET /api/events/stream: the HTTP side of the stream, on a unix socket behind nginx.

h11 reads and writes HTTP/1.1, asyncio moves the bytes. One request for each connection; after the head of the answer
the hub writes the chunks of the events to it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import parse_qs, urlsplit

import h11

from appliance.errors import ApplianceError
from appliance.event_stream.access import Identity, token_of
from appliance.event_stream.event import KINDS
from appliance.event_stream.hub import Hub, Reader, TooManyStreams
from appliance.secret import Secret

log = logging.getLogger(__name__)

PATH: Final = "/api/events/stream"
HEAD_SECONDS: Final = 10.0
"""For the request and for finding out whose it is."""
STREAM_HEADERS: Final = (
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),
    ("X-Content-Type-Options", "nosniff"),
    ("Transfer-Encoding", "chunked"),
    ("Connection", "close"),
)

Identify = Callable[[Secret, str], Awaitable[Identity | None]]
"""Whose token it is: the token, and the address that shows it."""


class Refused(Exception):
    """The stream is not opened."""

    def __init__(self, status: int, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after = status, detail, retry_after


@dataclass(frozen=True, slots=True)
class StreamServer:
    """What all connections share."""

    hub: Hub
    identify: Identify

    def __call__(self) -> StreamConnection:
        """A connection was accepted."""
        return StreamConnection(self)


class StreamConnection(asyncio.Protocol):
    """One connection of nginx: a request, then a stream or a refusal."""

    def __init__(self, server: StreamServer) -> None:
        self._server = server
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=32 * 1024)
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._reader: Reader | None = None
        self._deadline: asyncio.TimerHandle | None = None

    # -------------------------------------------------------------- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._deadline = asyncio.get_running_loop().call_later(HEAD_SECONDS, self.abort)

    def data_received(self, data: bytes) -> None:
        if self._task is not None:
            return  # nothing is expected behind the request
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            log.info("refused what is no HTTP: %s", error)
            self._answer(Refused(error.error_status_hint, "This is no HTTP request that can be read."))
            return
        if isinstance(event, h11.Request):
            self._task = asyncio.get_running_loop().create_task(self._open(event), name="stream")

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        if self._deadline is not None:
            self._deadline.cancel()
        if self._task is not None:
            self._task.cancel()
        if self._reader is not None:
            self._server.hub.leave(self._reader)
        self._transport = None

    # -------------------------------------------------------------- the hub's side

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def waiting_bytes(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def finish(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # -------------------------------------------------------------- the request

    async def _open(self, request: h11.Request) -> None:
        try:
            reader, last_seen = await self._admit(request)
        except Refused as refusal:
            self._answer(refusal)
            return
        except ApplianceError as error:
            self._answer(Refused(503, str(error), 2))
            return
        except Exception:
            log.exception("a stream could not be opened")
            self._answer(Refused(503, "This failed. The log of the program events says why.", 10))
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self.write(self._http.send(h11.Response(status_code=200, headers=list(STREAM_HEADERS))))
        self._reader = reader
        self._server.hub.join(reader, last_seen)

    async def _admit(self, request: h11.Request) -> tuple[Reader, str]:
        """Raises `Refused`."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        target = urlsplit(request.target.decode("latin-1"))
        if target.path != PATH:
            raise Refused(404, "There is nothing here.")
        if request.method != b"GET":
            raise Refused(405, "This address takes GET.")
        check_origin(headers)
        asked = parse_qs(target.query)
        kinds = read_kinds(asked.get("kinds", [""])[0])
        token = token_of(headers)
        address = headers.get("x-forwarded-for", "local")
        identity = await self._server.identify(token, address) if token is not None else None
        if identity is None:
            raise Refused(401, "Sign in first: this needs a session or a personal token.")
        try:
            self._server.hub.check_room(identity)
        except TooManyStreams as error:
            raise Refused(429, str(error), 60) from error
        last_seen = headers.get("last-event-id") or asked.get("lastEventId", [""])[0]
        return Reader(self, identity, kinds), last_seen[:100]

    def _answer(self, refusal: Refused) -> None:
        """A problem document (RFC 9457), and the end of the connection."""
        body = problem(refusal)
        headers = [
            ("Content-Type", "application/problem+json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
        ]
        if refusal.retry_after is not None:
            headers.append(("Retry-After", str(refusal.retry_after)))
        if refusal.status == 405:
            headers.append(("Allow", "GET"))
        try:
            head = self._http.send(h11.Response(status_code=refusal.status, headers=headers))
            self.write(head + (self._http.send(h11.Data(data=body)) or b""))
        except h11.LocalProtocolError:
            pass  # so broken a request that it gets no answer at all
        self.finish()


def check_origin(headers: Mapping[str, str]) -> None:
    """RFC 6454: a page of another site may not read the stream with the cookie of ours. Raises `Refused`."""
    origin = headers.get("origin")
    if origin is None:
        return
    host = headers.get("x-forwarded-host") or headers.get("host", "")
    scheme = headers.get("x-forwarded-proto", "https")
    if origin.lower() != f"{scheme}://{host}".lower():
        raise Refused(403, "This stream is read by pages of its own site only.")


def read_kinds(text: str) -> frozenset[str]:
    """What is wanted, by commas; empty for everything. Raises `Refused`."""
    kinds = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not kinds <= frozenset(KINDS):
        raise Refused(422, f"Kinds of events are {', '.join(KINDS)}.")
    return kinds


def problem(refusal: Refused) -> bytes:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.detail,
        "details": [],
    }
    return json.dumps(body).encode()
