"""The control sockets: JSON-RPC lines of a client that went mad, or of a server that is none of ours."""

from __future__ import annotations

import json

from appliance.control.errors import ProtocolMismatch
from appliance.control.protocol import ClientProtocol, Request, Response, ServerProtocol

LIMIT = 4096


def check(data: bytes) -> None:
    """Any bytes give requests and answers, or `ProtocolMismatch`, in whatever pieces they come. What the server says
    is one JSON object a line."""
    assert serve([data]) == serve([data[at : at + 1] for at in range(len(data))])
    greeting = b'{"gosip": "sip", "protocol": 1}\n'
    for lead in (b"", greeting):
        assert ask([lead + data]) == ask([lead, *(data[at : at + 7] for at in range(0, len(data), 7))])


def serve(pieces: list[bytes]) -> tuple[list[Request], bytes]:
    protocol = ServerProtocol("sip", LIMIT)
    requests: list[Request] = []
    try:
        for piece in pieces:
            requests += protocol.receive_data(piece)
    except ProtocolMismatch:
        return [], b""
    for request in requests:
        protocol.reply(request, {"ok": True})
    output = protocol.take_output()
    for line in output.splitlines():
        assert isinstance(json.loads(line), dict)
    return requests, output


def ask(pieces: list[bytes]) -> list[Response | Request] | None:
    protocol = ClientProtocol(LIMIT)
    messages: list[Response | Request] = []
    try:
        for piece in pieces:
            messages += protocol.receive_data(piece)
    except ProtocolMismatch:
        return None
    return [comparable(message) for message in messages]


def comparable(message: Response | Request) -> Response | Request:
    """Errors compare by identity: their text stands for them."""
    if isinstance(message, Response) and message.error is not None:
        return Response(message.id, str(message.error))
    return message
