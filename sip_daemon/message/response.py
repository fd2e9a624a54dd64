"""Responses (RFC 3261 §7.2), and how one is made from its request (§8.2.6).

One rule: what a response copies from the request goes back as it came.
"""

from __future__ import annotations

from contextlib import suppress

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.headers import Headers
from sip_daemon.message.identifiers import new_tag
from sip_daemon.message.message import Message
from sip_daemon.message.request import Request
from sip_daemon.message.status import reason_phrase


class Response(Message):
    """A response (§7.2)."""

    __slots__ = ("reason", "status")

    status: int
    reason: str

    def __init__(
        self, status: int, reason: str | None = None, headers: Headers | None = None, body: bytes = b""
    ) -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason_phrase(status) if reason is None else reason

    @property
    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def copy(self) -> Response:
        """An independent copy."""
        made = Response(self.status, self.reason, self.headers.copy(), self.body)
        made.charset = self.charset
        return made

    @property
    def is_provisional(self) -> bool:
        return self.status < 200

    @property
    def is_final(self) -> bool:
        return self.status >= 200

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @classmethod
    def to_request(
        cls, request: Request, status: int, reason: str | None = None, *, to_tag: str | None = None
    ) -> Response:
        """A response with what §8.2.6.2 copies: all Via, From, To, Call-ID, CSeq; Timestamp into a 100.

        To gets `to_tag` unless it has a tag. Without `to_tag` a random one is made, except for a 100. The fields
        go back as they came, so that a request with a malformed one can be refused too.
        """
        response = cls(status, reason)
        response.charset = request.charset
        headers = request.headers
        copied = [("Via", value) for value in headers.get_all("Via")]
        for name in ("From", "To", "Call-ID", "CSeq"):
            value = headers.get(name)
            if value is not None:
                copied.append((name, value))
        if status == 100 and (timestamp := headers.get("Timestamp")) is not None:
            copied.append(("Timestamp", timestamp))
        if to_tag is None and status > 100:
            to_tag = new_tag()
        if to_tag is not None and not _has_tag(request):
            copied = [(name, _tagged(request, value, to_tag) if name == "To" else value) for name, value in copied]
        response.headers = Headers.from_checked(copied)
        return response


def _tagged(request: Request, to: str, tag: str) -> str:
    """`to` with the tag; an empty one gives way to it, since nobody can read a To with two."""
    if "tag" in to:
        with suppress(RemoteProtocolError):
            if "tag" in request.to.parameters:
                return str(request.to.with_tag(tag))
    return f"{to};tag={tag}"


def _has_tag(request: Request) -> bool:
    try:
        return request.to.tag is not None
    except RemoteProtocolError:
        return "tag" in (request.headers.get("To") or "").rpartition(">")[2].lower()
