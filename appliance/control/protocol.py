"""JSON-RPC 2.0, one object a line, without a socket.

Theory of operation: the server's first line is a greeting, `{"gosip": PROGRAM, "protocol": 1}`; after that each side
sends requests, responses and notifications. Both classes are fed with `receive_data` and emptied with `take_output`;
what they have to say is queued, so that a shell of any kind (blocking socket, asyncio, an epoll loop) only moves bytes:

    protocol = ServerProtocol("media-0")
    connection.send(protocol.take_output())                      # the greeting
    for request in protocol.receive_data(connection.recv(65536)):
        protocol.reply(request, {"state": "ready"})
    connection.send(protocol.take_output())

Of JSON-RPC we leave out batches and parameters by position: nobody needs them, and both make limits harder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from appliance.control.errors import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    CallRefused,
    ProtocolMismatch,
)

PROTOCOL_VERSION = 1
MAX_REQUEST_BYTES = 1024 * 1024
"""What a server reads as one line: the longest request is a session's description with an opaque state blob."""
MAX_RESPONSE_BYTES = 64 * 1024 * 1024
"""What a client reads as one line: the list of 20,000 bindings is some 6 MB."""

Params = Mapping[str, Any]
RequestId = int | str


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first line of a server."""

    program: str
    protocol: int


@dataclass(frozen=True, slots=True)
class Request:
    """A call that wants an answer; with `id` None it is a notification and wants none."""

    method: str
    params: dict[str, Any] = field(default_factory=dict)
    id: RequestId | None = None

    @property
    def is_notification(self) -> bool:
        return self.id is None


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to the request of that id: a result, or an error."""

    id: RequestId | None
    result: Any = None
    error: CallRefused | None = None

    def value(self) -> Any:
        """The result; raises the `CallRefused` that came instead of it."""
        if self.error is not None:
            raise self.error
        return self.result


class LineFramer:
    """Cuts a byte stream into lines without their line ends. A line that grows over the limit raises."""

    def __init__(self, max_line_bytes: int) -> None:
        self._limit = max_line_bytes
        self._buffer = bytearray()
        self._searched = 0

    def receive_data(self, data: bytes) -> list[bytes]:
        """Raises `ProtocolMismatch` for a line that is too long: the stream cannot be read any further."""
        self._buffer += data
        lines: list[bytes] = []
        start = 0
        while (end := self._buffer.find(b"\n", max(start, self._searched))) >= 0:
            self._check_length(end - start)
            lines.append(bytes(self._buffer[start:end]))
            start = end + 1
        del self._buffer[:start]
        self._searched = len(self._buffer)
        self._check_length(self._searched)
        return lines

    def _check_length(self, length: int) -> None:
        if length > self._limit:
            raise ProtocolMismatch(f"A control message is longer than {self._limit} bytes.")


class ServerProtocol:
    """The answering side of one connection."""

    def __init__(self, program: str, max_line_bytes: int = MAX_REQUEST_BYTES) -> None:
        self._framer = LineFramer(max_line_bytes)
        self._output = [line({"gosip": program, "protocol": PROTOCOL_VERSION})]

    def receive_data(self, data: bytes) -> list[Request]:
        """The requests that are complete now. A malformed one is answered here and not reported.

        Raises `ProtocolMismatch` for a line that is too long; write `take_output` and close the connection then.
        """
        try:
            lines = self._framer.receive_data(data)
        except ProtocolMismatch as error:
            self._fail(None, CallRefused(INVALID_REQUEST, str(error)))
            raise
        return [request for text in lines if text.strip() and (request := self._request(text)) is not None]

    def reply(self, request: Request, result: Any) -> None:
        """Queue the result (a JSON value) of a request; nothing is sent for a notification."""
        if request.id is not None:
            self._output.append(line({"jsonrpc": "2.0", "id": request.id, "result": result}))

    def refuse(self, request: Request, error: CallRefused) -> None:
        """Queue an error as the answer."""
        if request.id is not None:
            self._fail(request.id, error)

    def notify(self, method: str, params: Params) -> None:
        """Queue a notification to the client."""
        self._output.append(notification_line(method, params))

    def take_output(self) -> bytes:
        """The bytes to send now; empty when there are none."""
        data = b"".join(self._output)
        self._output.clear()
        return data

    def _request(self, text: bytes) -> Request | None:
        value: Any = None
        try:
            value = parse_json(text)
            return request_from(value)
        except CallRefused as error:
            self._fail(request_id(value), error)
            return None

    def _fail(self, number: RequestId | None, error: CallRefused) -> None:
        body: dict[str, Any] = {"code": error.code, "message": str(error)}
        if error.data is not None:
            body["data"] = error.data
        self._output.append(line({"jsonrpc": "2.0", "id": number, "error": body}))


class ClientProtocol:
    """The asking side of one connection. `greeting` is None until the server's first line was read."""

    def __init__(self, max_line_bytes: int = MAX_RESPONSE_BYTES) -> None:
        self._framer = LineFramer(max_line_bytes)
        self._output: list[bytes] = []
        self._last_id = 0
        self.greeting: Greeting | None = None

    def call(self, method: str, params: Params) -> int:
        """Queue a request; the response carries the returned id."""
        self._last_id += 1
        body = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": dict(params)}
        self._output.append(line(body))
        return self._last_id

    def notify(self, method: str, params: Params) -> None:
        """Queue a notification: no answer will come."""
        self._output.append(notification_line(method, params))

    def take_output(self) -> bytes:
        """The bytes to send now; empty when there are none."""
        data = b"".join(self._output)
        self._output.clear()
        return data

    def receive_data(self, data: bytes) -> list[Response | Request]:
        """The responses and notifications (a `Request` without id) that are complete now.

        Raises `ProtocolMismatch` when the server is not one of ours; the connection is of no use then.
        """
        messages: list[Response | Request] = []
        for text in self._framer.receive_data(data):
            value = self._parse(text)
            if self.greeting is None:
                self.greeting = greeting_from(value)
            else:
                messages.append(message_from(value))
        return messages

    @staticmethod
    def _parse(text: bytes) -> Any:
        try:
            return parse_json(text)
        except CallRefused as error:
            raise ProtocolMismatch("The program answered with something that is no JSON.") from error


def line(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def notification_line(method: str, params: Params) -> bytes:
    """A notification as bytes, for a server that sends the same one to many clients."""
    return line({"jsonrpc": "2.0", "method": method, "params": dict(params)})


def parse_json(text: bytes) -> Any:
    """Raises `CallRefused` with the code for text that is no JSON."""
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise CallRefused(PARSE_ERROR, "This is no JSON text.") from error


def request_from(value: Any) -> Request:
    """Raises `CallRefused` with the code that says what is wrong."""
    if not isinstance(value, dict):
        raise CallRefused(INVALID_REQUEST, "A request is one JSON object.")
    method, params = value.get("method"), value.get("params", {})
    if value.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise CallRefused(INVALID_REQUEST, 'A request has "jsonrpc": "2.0" and a method.')
    if not isinstance(params, dict):
        raise CallRefused(INVALID_PARAMS, "Parameters are given by name.")
    if value.get("id") is not None and request_id(value) is None:
        raise CallRefused(INVALID_REQUEST, "The id of a request is a number or a text.")
    return Request(method, params, request_id(value))


def request_id(value: Any) -> RequestId | None:
    number = value.get("id") if isinstance(value, dict) else None
    return number if isinstance(number, int | str) and not isinstance(number, bool) else None


def greeting_from(value: Any) -> Greeting:
    """Raises `ProtocolMismatch` when this is not our greeting, or not in our version."""
    if not isinstance(value, dict) or not isinstance(value.get("gosip"), str):
        raise ProtocolMismatch("The program on this socket is not a part of GoSIP.")
    program, protocol = value["gosip"], value.get("protocol")
    if protocol != PROTOCOL_VERSION:
        raise ProtocolMismatch(
            f"The program {program} speaks version {protocol} of the control protocol and this one version "
            f"{PROTOCOL_VERSION}: one of them was not restarted after an upgrade. Run `gosip down` and `gosip up`."
        )
    return Greeting(program, PROTOCOL_VERSION)


def message_from(value: Any) -> Response | Request:
    if isinstance(value, dict) and "method" in value:
        try:
            return request_from(value)
        except CallRefused as error:
            raise ProtocolMismatch(f"The program sent a notification that cannot be read: {error}") from error
    if not isinstance(value, dict) or not ("result" in value or "error" in value):
        raise ProtocolMismatch("The program sent something that is neither an answer nor a notification.")
    refusal = value.get("error")
    return Response(request_id(value), value.get("result"), None if refusal is None else refusal_from(refusal))


def refusal_from(value: Any) -> CallRefused:
    if not isinstance(value, dict) or not isinstance(value.get("code"), int):
        raise ProtocolMismatch("The program sent an error that cannot be read.")
    return CallRefused(value["code"], str(value.get("message", "")), value.get("data"))
