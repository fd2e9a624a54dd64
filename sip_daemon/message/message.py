"""Requests and responses (RFC 3261 §7).

One rule: header fields stay raw until a property asks for their meaning; that value is immutable, kept, and
dropped when the header changes. Reading a malformed field raises `RemoteProtocolError(400)`; of what the parser
accepted, everything that it lists in `parser.CHECKED` has been read once already.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.address import STAR, NameAddress, Star
from sip_daemon.message.credentials import DigestCredentials
from sip_daemon.message.cseq import CSeq
from sip_daemon.message.fields import (
    Contacts,
    read_allow,
    read_authorization,
    read_contacts,
    read_cseq,
    read_expires,
    read_from,
    read_max_forwards,
    read_paths,
    read_proxy_authorization,
    read_record_routes,
    read_require,
    read_routes,
    read_supported,
    read_to,
    read_top_via,
    read_vias,
    required,
)
from sip_daemon.message.headers import TOP_VIA, Headers
from sip_daemon.message.identifiers import new_tag
from sip_daemon.message.status import reason_phrase
from sip_daemon.message.uri import Uri
from sip_daemon.message.via import Via

T = TypeVar("T")


class _Message:
    """What requests and responses have in common."""

    __slots__ = ("body", "charset", "headers")

    headers: Headers
    body: bytes
    charset: str
    """How the head is written: "utf-8", or "latin-1" where the peer sent bytes that are not UTF-8."""

    def __init__(self, headers: Headers | None, body: bytes) -> None:
        self.headers = Headers() if headers is None else headers
        self.body = body
        self.charset = "utf-8"

    @property
    def start_line(self) -> str:
        raise NotImplementedError

    def __bytes__(self) -> bytes:
        """The message as it goes out; Content-Length is that of the body, whatever the header said."""
        lines = [self.start_line]
        lines += [f"{name}: {value}" for name, value in self.headers.items() if name != "Content-Length"]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        head = "\r\n".join(lines)
        if self.charset == "latin-1":
            try:
                return head.encode("latin-1") + self.body
            except UnicodeEncodeError:
                pass
        return head.encode("utf-8", "replace") + self.body

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return bytes(self) == bytes(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.start_line}>"

    @property
    def vias(self) -> tuple[Via, ...]:
        return self.headers.typed("Via", read_vias)

    @vias.setter
    def vias(self, value: Iterable[Via]) -> None:
        self._write_list("Via", tuple(value))

    @property
    def top_via(self) -> Via:
        """The Via of the hop the message came from, or goes to."""
        return self.headers.typed(TOP_VIA, read_top_via)

    @top_via.setter
    def top_via(self, value: Via) -> None:
        self.headers.set_first("Via", str(value))
        self.headers.remember(TOP_VIA, value)

    @property
    def from_(self) -> NameAddress:
        return self.headers.typed("From", read_from)

    @from_.setter
    def from_(self, value: NameAddress) -> None:
        self._write("From", value)

    @property
    def to(self) -> NameAddress:
        return self.headers.typed("To", read_to)

    @to.setter
    def to(self, value: NameAddress) -> None:
        self._write("To", value)

    @property
    def call_id(self) -> str:
        return required(self.headers, "Call-ID")

    @call_id.setter
    def call_id(self, value: str) -> None:
        self.headers.set("Call-ID", value)

    @property
    def cseq(self) -> CSeq:
        return self.headers.typed("CSeq", read_cseq)

    @cseq.setter
    def cseq(self, value: CSeq) -> None:
        self._write("CSeq", value)

    @property
    def contacts(self) -> Contacts:
        """All Contact values, or `STAR`."""
        return self.headers.typed("Contact", read_contacts)

    @contacts.setter
    def contacts(self, value: Contacts) -> None:
        if isinstance(value, Star):
            self.headers.set("Contact", "*")
            self.headers.remember("Contact", value)
        else:
            self._write_list("Contact", tuple(value))

    @property
    def contact(self) -> NameAddress | None:
        """The first Contact, as requests and responses that make dialogs carry exactly one; None without any."""
        contacts = self.contacts
        if contacts is STAR:
            raise RemoteProtocolError("Contact is * outside a registration")
        return contacts[0] if contacts else None

    @property
    def max_forwards(self) -> int | None:
        return self.headers.typed("Max-Forwards", read_max_forwards)

    @max_forwards.setter
    def max_forwards(self, value: int | None) -> None:
        self._write_optional("Max-Forwards", value)

    @property
    def expires(self) -> int | None:
        """Seconds; a number beyond 2**32 - 1 counts as that (§20.19)."""
        return self.headers.typed("Expires", read_expires)

    @expires.setter
    def expires(self, value: int | None) -> None:
        self._write_optional("Expires", value)

    @property
    def routes(self) -> tuple[NameAddress, ...]:
        return self.headers.typed("Route", read_routes)

    @routes.setter
    def routes(self, value: Iterable[NameAddress]) -> None:
        self._write_list("Route", tuple(value))

    @property
    def record_routes(self) -> tuple[NameAddress, ...]:
        return self.headers.typed("Record-Route", read_record_routes)

    @record_routes.setter
    def record_routes(self, value: Iterable[NameAddress]) -> None:
        self._write_list("Record-Route", tuple(value))

    @property
    def paths(self) -> tuple[NameAddress, ...]:
        """The Path of a registration (RFC 3327)."""
        return self.headers.typed("Path", read_paths)

    @property
    def supported(self) -> frozenset[str]:
        """Option tags in lower case."""
        return self.headers.typed("Supported", read_supported)

    @property
    def require(self) -> frozenset[str]:
        """Option tags in lower case."""
        return self.headers.typed("Require", read_require)

    @property
    def allow(self) -> frozenset[str]:
        """Method names."""
        return self.headers.typed("Allow", read_allow)

    @property
    def content_type(self) -> str | None:
        """The media type in lower case without its parameters."""
        text = self.headers.get("Content-Type")
        return None if text is None else text.partition(";")[0].strip().lower()

    @property
    def user_agent(self) -> str | None:
        return self.headers.get("User-Agent")

    def _write(self, name: str, value: NameAddress | CSeq) -> None:
        self.headers.set(name, str(value))
        self.headers.remember(name, value)

    def _write_optional(self, name: str, value: int | None) -> None:
        if value is None:
            self.headers.remove(name)
        else:
            self.headers.set(name, str(value))

    def _write_list(self, name: str, values: tuple[NameAddress, ...] | tuple[Via, ...]) -> None:
        self.headers.set_all(name, [str(value) for value in values])
        self.headers.remember(name, values)


class Request(_Message):
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


class Response(_Message):
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
            copied = [(name, f"{value};tag={to_tag}" if name == "To" else value) for name, value in copied]
        response.headers = Headers.from_checked(copied)
        return response


def _has_tag(request: Request) -> bool:
    try:
        return request.to.tag is not None
    except RemoteProtocolError:
        return "tag" in (request.headers.get("To") or "").rpartition(">")[2].lower()
