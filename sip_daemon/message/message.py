"""Requests and responses (RFC 3261 §7).

One rule: header fields stay raw until a property asks for their meaning; that value is immutable, kept, and
dropped when the header changes. Reading a malformed field raises `RemoteProtocolError(400)`; of what the parser
accepted, everything that it lists in `parser.CHECKED` has been read once already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.address import MAX_EXPIRES, STAR, NameAddress, Star
from sip_daemon.message.credentials import DigestCredentials, is_digest
from sip_daemon.message.cseq import CSeq
from sip_daemon.message.grammar import parse_number, split_list
from sip_daemon.message.headers import TOP_VIA, Headers
from sip_daemon.message.identifiers import new_tag
from sip_daemon.message.status import reason_phrase
from sip_daemon.message.uri import Uri
from sip_daemon.message.via import Via

T = TypeVar("T")

_is_call_id = re.compile(r"[!-~]+").fullmatch

Contacts = tuple[NameAddress, ...] | Star


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
        return self.headers.typed("Via", _read_vias)

    @vias.setter
    def vias(self, value: Iterable[Via]) -> None:
        self._write_list("Via", tuple(value))

    @property
    def top_via(self) -> Via:
        """The Via of the hop the message came from, or goes to."""
        return self.headers.typed(TOP_VIA, _read_top_via)

    @top_via.setter
    def top_via(self, value: Via) -> None:
        self.headers.set_first("Via", str(value))
        self.headers.remember(TOP_VIA, value)

    @property
    def from_(self) -> NameAddress:
        return self.headers.typed("From", _read_from)

    @from_.setter
    def from_(self, value: NameAddress) -> None:
        self._write("From", value)

    @property
    def to(self) -> NameAddress:
        return self.headers.typed("To", _read_to)

    @to.setter
    def to(self, value: NameAddress) -> None:
        self._write("To", value)

    @property
    def call_id(self) -> str:
        return _required(self.headers, "Call-ID")

    @call_id.setter
    def call_id(self, value: str) -> None:
        self.headers.set("Call-ID", value)

    @property
    def cseq(self) -> CSeq:
        return self.headers.typed("CSeq", _read_cseq)

    @cseq.setter
    def cseq(self, value: CSeq) -> None:
        self._write("CSeq", value)

    @property
    def contacts(self) -> Contacts:
        """All Contact values, or `STAR`."""
        return self.headers.typed("Contact", _read_contacts)

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
        return self._number("Max-Forwards", 255)

    @max_forwards.setter
    def max_forwards(self, value: int | None) -> None:
        self._write_optional("Max-Forwards", value)

    @property
    def expires(self) -> int | None:
        """Seconds; a number beyond 2**32 - 1 counts as that (§20.19)."""
        return self.headers.typed("Expires", _read_expires)

    @expires.setter
    def expires(self, value: int | None) -> None:
        self._write_optional("Expires", value)

    @property
    def routes(self) -> tuple[NameAddress, ...]:
        return self.headers.typed("Route", _read_routes)

    @routes.setter
    def routes(self, value: Iterable[NameAddress]) -> None:
        self._write_list("Route", tuple(value))

    @property
    def record_routes(self) -> tuple[NameAddress, ...]:
        return self.headers.typed("Record-Route", _read_record_routes)

    @record_routes.setter
    def record_routes(self, value: Iterable[NameAddress]) -> None:
        self._write_list("Record-Route", tuple(value))

    @property
    def paths(self) -> tuple[NameAddress, ...]:
        """The Path of a registration (RFC 3327)."""
        return self.headers.typed("Path", _read_paths)

    @property
    def supported(self) -> frozenset[str]:
        """Option tags in lower case."""
        return self.headers.typed("Supported", _read_supported)

    @property
    def require(self) -> frozenset[str]:
        """Option tags in lower case."""
        return self.headers.typed("Require", _read_require)

    @property
    def allow(self) -> frozenset[str]:
        """Method names."""
        return self.headers.typed("Allow", _read_allow)

    @property
    def content_type(self) -> str | None:
        """The media type in lower case without its parameters."""
        text = self.headers.get("Content-Type")
        return None if text is None else text.partition(";")[0].strip().lower()

    @property
    def user_agent(self) -> str | None:
        return self.headers.get("User-Agent")

    def _number(self, name: str, maximum: int) -> int | None:
        text = self.headers.get(name)
        return None if text is None else parse_number(text, maximum, name)

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
        return self.headers.typed("Authorization", _read_authorization)

    @property
    def proxy_authorizations(self) -> tuple[DigestCredentials, ...]:
        """The same of Proxy-Authorization."""
        return self.headers.typed("Proxy-Authorization", _read_proxy_authorization)


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


def parse_top_via(text: str) -> Via:
    """The first of the values in a Via line."""
    return Via.parse(split_list(text)[0] if "," in text else text)


def parse_call_id(text: str) -> str:
    """A Call-ID: wider than the grammar's two words, but ASCII without space, since dialogs are found by it."""
    if _is_call_id(text) is None:
        raise RemoteProtocolError("malformed Call-ID")
    return text


MANDATORY: tuple[tuple[str, str, Callable[[str], object]], ...] = (
    ("Via", TOP_VIA, parse_top_via),
    ("From", "From", NameAddress.parse),
    ("To", "To", NameAddress.parse),
    ("Call-ID", "Call-ID", parse_call_id),
    ("CSeq", "CSeq", CSeq.parse),
)
"""What each message has to carry (§8.1.1): header, name of the typed value, and how it is read."""


def _required(headers: Headers, name: str) -> str:
    value = headers.get(name)
    if not value:
        raise RemoteProtocolError(f"{name} is missing")
    return value


def _read_vias(headers: Headers) -> tuple[Via, ...]:
    return tuple([Via.parse(value) for value in headers.values("Via")])


def _read_top_via(headers: Headers) -> Via:
    return parse_top_via(_required(headers, "Via"))


def _read_from(headers: Headers) -> NameAddress:
    return NameAddress.parse(_required(headers, "From"))


def _read_to(headers: Headers) -> NameAddress:
    return NameAddress.parse(_required(headers, "To"))


def _read_cseq(headers: Headers) -> CSeq:
    return CSeq.parse(_required(headers, "CSeq"))


def _read_contacts(headers: Headers) -> Contacts:
    values = headers.values("Contact")
    if values == ["*"]:
        return STAR
    return tuple([NameAddress.parse(value) for value in values])


def _read_expires(headers: Headers) -> int | None:
    text = headers.get("Expires")
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) > 10:
        return MAX_EXPIRES
    return min(parse_number(text, 10**10, "Expires"), MAX_EXPIRES)


def _addresses(name: str) -> Callable[[Headers], tuple[NameAddress, ...]]:
    def read(headers: Headers) -> tuple[NameAddress, ...]:
        return tuple([NameAddress.parse(value) for value in headers.values(name)])

    return read


_read_routes = _addresses("Route")
_read_record_routes = _addresses("Record-Route")
_read_paths = _addresses("Path")


def _tags(name: str) -> Callable[[Headers], frozenset[str]]:
    return lambda headers: _tokens(headers, name, str.lower)


def _tokens(headers: Headers, name: str, fold: Callable[[str], str]) -> frozenset[str]:
    # Tokens hold no quotes, so this cannot fail on a stray one.
    parts = [part.strip() for line in headers.get_all(name) for part in line.split(",")]
    return frozenset([fold(part) for part in parts if part])


_read_supported = _tags("Supported")
_read_require = _tags("Require")


def _read_allow(headers: Headers) -> frozenset[str]:
    return _tokens(headers, "Allow", str)


def _credentials(name: str) -> Callable[[Headers], tuple[DigestCredentials, ...]]:
    def read(headers: Headers) -> tuple[DigestCredentials, ...]:
        # One per line: these two fields may not be joined by commas (§7.3.1).
        return tuple([DigestCredentials.parse(value) for value in headers.get_all(name) if is_digest(value)])

    return read


_read_authorization = _credentials("Authorization")
_read_proxy_authorization = _credentials("Proxy-Authorization")
