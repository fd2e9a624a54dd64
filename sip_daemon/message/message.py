"""What requests and responses have in common (RFC 3261 §7).

One rule: header fields stay raw until a property asks for their meaning; that value is immutable, kept, and
dropped when the header changes. Reading a malformed field raises `RemoteProtocolError(400)`; of what the parser
accepted, everything that it lists in `parser.CHECKED` has been read once already.
"""

from __future__ import annotations

from collections.abc import Iterable

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.address import STAR, NameAddress, Star
from sip_daemon.message.cseq import CSeq
from sip_daemon.message.fields import (
    Contacts,
    read_allow,
    read_contacts,
    read_cseq,
    read_expires,
    read_from,
    read_max_forwards,
    read_paths,
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
from sip_daemon.message.via import Via


class Message:
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
