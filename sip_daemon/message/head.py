"""Where the head of a message ends, and its lines.

One rule: framer and parser find the same end, so that no message hides inside another.
"""

from __future__ import annotations

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.limits import MessageLimits


def find_head_end(data: bytes | bytearray, start: int = 0) -> tuple[int, int]:
    """Where the head stops (before its last line end) and where the body starts.

    Without a blank line the whole of `data` is head, and the second figure is -1.
    """
    # "\r\n\r\n" contains "\n\r\n"; only heads with bare LF contain "\n\n". Whichever is complete first ends the head.
    mixed = data.find(b"\n\r\n", start)
    bare = data.find(b"\n\n", start, mixed + 1 if mixed >= 0 else len(data))
    if bare >= 0:
        return bare, bare + 2
    if mixed >= 0:
        return mixed - (data[mixed - 1 : mixed] == b"\r"), mixed + 3
    return len(data), -1


def split_head(data: bytes, limits: MessageLimits) -> tuple[list[str], int, str]:
    """The lines of the head, where the body starts, and how the head is encoded."""
    stop = data.find(b"\r\n\r\n")
    if 0 <= stop <= limits.max_head_bytes:
        text, charset = decode_head(data[:stop])
        lines = text.split("\r\n")
        if text.count("\n") == text.count("\r") == len(lines) - 1:
            return lines, stop + 4, charset
    # Some line ends in LF alone, a CR stands alone, or the blank line is missing.
    stop, body_start = find_head_end(data)
    if stop > limits.max_head_bytes:
        raise RemoteProtocolError("head is too long", status=413)
    if body_start < 0 and not data.endswith(b"\n"):
        raise RemoteProtocolError("head has no end")
    text, charset = decode_head(data[:stop])
    text = text.replace("\r\n", "\n")
    if "\r" in text:
        raise RemoteProtocolError("carriage return inside a line")
    return text.split("\n"), body_start, charset


def decode_head(head: bytes) -> tuple[str, str]:
    try:
        return head.decode(), "utf-8"
    except UnicodeDecodeError:
        # Older phones write Latin-1. Each byte has a character there, and goes out as that byte again.
        return head.decode("latin-1"), "latin-1"
