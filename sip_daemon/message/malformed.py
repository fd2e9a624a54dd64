"""What is left of a message that could not be parsed.

One rule: whatever was sent, `salvage` does not raise.
"""

from __future__ import annotations

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.fields import MANDATORY
from sip_daemon.message.grammar import LWS, is_token
from sip_daemon.message.head import decode_head
from sip_daemon.message.headers import Headers, canonical_name
from sip_daemon.message.request import Request
from sip_daemon.message.uri import Uri

_MANDATORY_NAMES = frozenset(name for name, _, _ in MANDATORY)


class MalformedMessage(RemoteProtocolError):
    """The one error of parser and framer. `partial` is what to answer with `status`; None means silence."""

    def __init__(self, message: str, *, status: int = 400, partial: Request | None = None) -> None:
        super().__init__(message, status=status)
        self.partial = partial


def salvage(head: bytes) -> Request | None:
    """What can be read of a malformed request, if that is enough for an answer that finds its way.

    An ACK is never answered, and neither is a response.
    """
    text, charset = decode_head(head)
    lines = text.replace("\r\n", "\n").replace("\r", " ").split("\n")
    method = lines[0].partition(" ")[0]
    if not is_token(method) or method == "ACK":
        return None
    request = Request(method, Uri("invalid", opaque="request-line"), _salvage_headers(lines[1:]))
    request.charset = charset
    if any(not request.headers.get(name) for name, _, _ in MANDATORY):
        return None
    try:
        _ = request.top_via
    except RemoteProtocolError:
        return None
    return request


def _salvage_headers(lines: list[str]) -> Headers:
    """The first line of each mandatory field, and every Via."""
    items: list[tuple[str, str]] = []
    name: str | None = None
    for line in lines:
        if line[:1] in (" ", "\t") and name is not None:
            items[-1] = (name, f"{items[-1][1]} {line.strip(LWS)}")
            continue
        spelling, _, value = line.partition(":")
        name = canonical_name(spelling.rstrip(LWS))
        if name not in _MANDATORY_NAMES or (name != "Via" and any(name == known for known, _ in items)):
            name = None
            continue
        items.append((name, value.strip(LWS)))
    return Headers.from_checked(items)
