"""SIP messages, whole and out of a stream."""

from __future__ import annotations

from sip_daemon.message import (
    Frame,
    MalformedMessage,
    Pong,
    Request,
    Response,
    StreamFramer,
    parse_message,
)
from sip_daemon.message.parser import CHECKED

STATUSES = {400, 413, 414, 505}


def check_message(data: bytes) -> None:
    """Any bytes give a message or `MalformedMessage`. What parses can be read, and is written as bytes that parse to
    the same message; what does not parse can be answered when the error carries a partial."""
    try:
        message = parse_message(data)
    except MalformedMessage as error:
        check_refusal(error)
        return
    check_readable(message)
    written = bytes(message)
    again = parse_message(written)
    assert type(again) is type(message)
    assert again.start_line == message.start_line
    assert again.body == message.body
    assert fields(again) == fields(message)
    assert (again.cseq, again.from_, again.to, again.top_via) == (
        message.cseq, message.from_, message.to, message.top_via,
    )  # fmt: skip
    assert bytes(again) == written


def fields(message: Request | Response) -> list[tuple[str, str]]:
    """Content-Length is ours on the way out."""
    return [item for item in message.headers.items() if item[0] != "Content-Length"]


def check_refusal(error: MalformedMessage) -> None:
    assert error.status in STATUSES, error.status
    if error.partial is not None:
        answer = bytes(Response.to_request(error.partial, error.status))
        assert answer.startswith(b"SIP/2.0 %d " % error.status)
        assert answer.count(b"\r\n\r\n") == 1


def check_readable(message: Request | Response) -> None:
    _ = message.top_via, message.from_, message.to, message.call_id, message.cseq
    _ = message.supported, message.require, message.allow, message.content_type, message.user_agent
    if isinstance(message, Request):
        for read in CHECKED.values():
            read(message.headers)
        answer = Response.to_request(message, 404)
        assert parse_message(bytes(answer)).to.tag


def check_stream(data: bytes) -> None:
    """The pieces in which a stream comes make no difference, and each message cut out of it keeps the invariant."""
    whole = run([data])
    assert run([data[at : at + 1] for at in range(len(data))]) == whole
    size = 1 + sum(data) % 400
    assert run([data[at : at + size] for at in range(0, len(data), size)]) == whole
    for frame in whole[0]:
        if isinstance(frame, bytes):
            check_message(frame)


def run(pieces: list[bytes]) -> tuple[list[Frame], str | None]:
    """All frames but pongs (their number may depend on the pieces), and the fault at the end."""
    framer = StreamFramer()
    frames: list[Frame] = []
    for piece in pieces:
        try:
            frames += framer.receive_data(piece)
        except MalformedMessage as error:
            check_refusal(error)
            break
    fault = None if framer.error is None else str(framer.error)
    return [frame for frame in frames if not isinstance(frame, Pong)], fault
