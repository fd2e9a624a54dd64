"""Requests (RFC 3261 §7.1).

One rule: method and Request-URI are read when the message is parsed; all else is in `message`.
"""

from __future__ import annotations

from sip_daemon.message.credentials import DigestCredentials
from sip_daemon.message.fields import read_authorization, read_proxy_authorization
from sip_daemon.message.headers import Headers
from sip_daemon.message.message import Message
from sip_daemon.message.uri import Uri


class Request(Message):
    """A request (§7.1)."""

    __slots__ = ("method", "uri")

    method: str
    uri: Uri

    def __init__(self, method: str, uri: Uri | str, headers: Headers | None = None, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = Uri.parse(uri) if isinstance(uri, str) else uri

    @property
    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    def copy(self) -> Request:
        """An independent copy."""
        made = Request(self.method, self.uri, self.headers.copy(), self.body)
        made.charset = self.charset
        return made

    @property
    def authorizations(self) -> tuple[DigestCredentials, ...]:
        """The Digest credentials of Authorization; other schemes are passed over (RFC 4475 §3.3.7)."""
        return self.headers.typed("Authorization", read_authorization)

    @property
    def proxy_authorizations(self) -> tuple[DigestCredentials, ...]:
        """The same of Proxy-Authorization."""
        return self.headers.typed("Proxy-Authorization", read_proxy_authorization)
