"""Messages out of a byte stream (RFC 3261 §18.3), with the keep-alive of RFC 5626 §4.4.1.

One rule: each byte is looked at a bounded number of times, however small the pieces in which it comes.

Between messages a double CRLF is a `Ping`, to be answered with one CRLF; a single CRLF is a `Pong`, never answered.
A ping may arrive in pieces: its first half is then reported as a Pong (which nobody waits for) and its second as
the Ping. Stray line ends in front of a message are passed over in the same way.

After an error nothing more can be framed: the stream has to be closed, and `receive_data` raises again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.grammar import LWS, parse_number
from sip_daemon.message.head import find_head_end
from sip_daemon.message.limits import DEFAULT_LIMITS, MessageLimits
from sip_daemon.message.malformed import MalformedMessage, salvage


@dataclass(frozen=True, slots=True)
class Ping:
    """A double CRLF: the peer asks whether we are there. Answer `PONG_BYTES`."""


@dataclass(frozen=True, slots=True)
class Pong:
    """A single CRLF: the peer's answer to a ping, or a stray one. Never answered."""


PING_BYTES = b"\r\n\r\n"
PONG_BYTES = b"\r\n"

# With the folded lines that belong to it. The first line, which has no line end before it, is no header.
_content_lengths = re.compile(
    rb"\n(?:content-length|l)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)",
    re.IGNORECASE,
).findall

Frame = bytes | Ping | Pong


class StreamFramer:
    """Cuts one TCP or TLS stream into messages."""

    __slots__ = ("_buffer", "_error", "_half_ping", "_length", "_limits", "_searched")

    def __init__(self, limits: MessageLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0
        self._length: int | None = None
        self._half_ping = False
        self._error: MalformedMessage | None = None

    @property
    def error(self) -> MalformedMessage | None:
        """Why this stream cannot be framed any more."""
        return self._error

    @property
    def is_inside_message(self) -> bool:
        """Whether part of a message is waiting for the rest."""
        return bool(self._buffer)

    def receive_data(self, data: bytes) -> list[Frame]:
        """What the bytes so far make up, in order.

        Raises `MalformedMessage` when the stream is broken. Whole messages in front of the fault are returned
        first: then `error` is set at once, and raised by the next call.
        """
        if self._error is not None:
            raise self._error
        self._buffer += data
        frames: list[Frame] = []
        try:
            while (frame := self._next_frame()) is not None:
                frames.append(frame)
        except MalformedMessage as error:
            self._error = error
            self._buffer.clear()
            if not frames:
                raise
        return frames

    def _next_frame(self) -> Frame | None:
        if not self._buffer:
            return None
        if self._length is None:
            if self._searched == 0 and (frame := self._keep_alive()) is not None:
                return frame
            self._length = self._message_length()
        if self._length is None or len(self._buffer) < self._length:
            return None
        message = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._length = None
        self._searched = 0
        return message

    def _keep_alive(self) -> Frame | None:
        """Read line ends between messages; None once the buffer starts with something else."""
        buffer = self._buffer
        while buffer.startswith(b"\n"):
            del buffer[:1]  # a bare LF is no keep-alive of any kind
            self._half_ping = False
        if buffer.startswith(PING_BYTES) and not self._half_ping:
            del buffer[:4]
            return Ping()
        if buffer.startswith(PONG_BYTES):
            del buffer[:2]
            self._half_ping = not self._half_ping
            return Pong() if self._half_ping else Ping()
        if buffer != b"\r":
            self._half_ping = False
        return None

    def _message_length(self) -> int | None:
        """Length of the message at the front of the buffer, None while its head is incomplete."""
        if len(self._buffer) < 2:
            return None  # this may still become a line end
        stop, body_start = find_head_end(self._buffer, self._searched)
        if body_start < 0:
            if len(self._buffer) > self._limits.max_head_bytes:
                raise self._refuse("head is too long", 413)
            self._searched = max(1, len(self._buffer) - 3)
            return None
        if stop > self._limits.max_head_bytes:
            raise self._refuse("head is too long", 413)
        length = self._content_length(stop)
        if body_start + length > self._limits.max_message_bytes:
            raise self._refuse("message is too long", 413)
        return body_start + length

    def _content_length(self, stop: int) -> int:
        try:
            return _find_content_length(bytes(self._buffer[:stop]))
        except RemoteProtocolError as error:
            raise self._refuse(str(error), error.status) from error

    def _refuse(self, reason: str, status: int) -> MalformedMessage:
        head = bytes(self._buffer[: self._limits.max_head_bytes])
        stop, _ = find_head_end(head)
        return MalformedMessage(reason, status=status, partial=salvage(head[:stop]))


def _find_content_length(head: bytes) -> int:
    """The one Content-Length of a head: on a stream it is mandatory (§20.14), and two of them hide a message."""
    found = _content_lengths(head)
    if len(found) != 1:
        raise RemoteProtocolError("Content-Length comes twice" if found else "Content-Length is missing on a stream")
    text = found[0].decode("latin-1").replace("\r", "").replace("\n", "")
    return parse_number(text.strip(LWS), 2**40, "Content-Length")
