"""How each header field is read: from raw values to the typed value that a message keeps.

One rule: a reader takes all of a message's headers and gives an immutable value, or raises
`RemoteProtocolError(400)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.address import MAX_EXPIRES, STAR, NameAddress, Star
from sip_daemon.message.credentials import DigestCredentials, is_digest
from sip_daemon.message.cseq import CSeq
from sip_daemon.message.grammar import parse_number, split_list
from sip_daemon.message.headers import TOP_VIA, Headers
from sip_daemon.message.via import Via

Contacts = tuple[NameAddress, ...] | Star
"""The values of Contact, or `STAR`."""

MAX_HOPS = 255
"""§20.22."""

NO_TOKENS: frozenset[str] = frozenset()

_is_call_id = re.compile(r"[!-~]+").fullmatch


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


def required(headers: Headers, name: str) -> str:
    value = headers.get(name)
    if not value:
        raise RemoteProtocolError(f"{name} is missing")
    return value


def read_vias(headers: Headers) -> tuple[Via, ...]:
    return tuple([Via.parse(value) for value in headers.values("Via")])


def read_top_via(headers: Headers) -> Via:
    return parse_top_via(required(headers, "Via"))


def read_from(headers: Headers) -> NameAddress:
    return NameAddress.parse(required(headers, "From"))


def read_to(headers: Headers) -> NameAddress:
    return NameAddress.parse(required(headers, "To"))


def read_cseq(headers: Headers) -> CSeq:
    return CSeq.parse(required(headers, "CSeq"))


def read_contacts(headers: Headers) -> Contacts:
    values = headers.values("Contact")
    if values == ["*"]:
        return STAR
    return tuple([NameAddress.parse(value) for value in values])


def read_max_forwards(headers: Headers) -> int | None:
    text = headers.get("Max-Forwards")
    return None if text is None else parse_number(text, MAX_HOPS, "Max-Forwards")


def read_expires(headers: Headers) -> int | None:
    text = headers.get("Expires")
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text.lstrip("0")) > 10:
        return MAX_EXPIRES
    return min(parse_number(text, 10**10, "Expires"), MAX_EXPIRES)


def _addresses(name: str) -> Callable[[Headers], tuple[NameAddress, ...]]:
    def read(headers: Headers) -> tuple[NameAddress, ...]:
        return tuple([NameAddress.parse(value) for value in headers.values(name)])

    return read


read_routes = _addresses("Route")
read_record_routes = _addresses("Record-Route")
read_paths = _addresses("Path")


def _tags(name: str) -> Callable[[Headers], frozenset[str]]:
    return lambda headers: _tokens(headers, name, str.lower)


def _tokens(headers: Headers, name: str, fold: Callable[[str], str]) -> frozenset[str]:
    lines = headers.get_all(name)
    if not lines:
        return NO_TOKENS
    # Tokens hold no quotes, so this cannot fail on a stray one.
    parts = [part.strip() for line in lines for part in line.split(",")]
    return frozenset([fold(part) for part in parts if part])


read_supported = _tags("Supported")
read_require = _tags("Require")


def read_allow(headers: Headers) -> frozenset[str]:
    return _tokens(headers, "Allow", str)


def _credentials(name: str) -> Callable[[Headers], tuple[DigestCredentials, ...]]:
    def read(headers: Headers) -> tuple[DigestCredentials, ...]:
        # One per line: these two fields may not be joined by commas (§7.3.1).
        return tuple([DigestCredentials.parse(value) for value in headers.get_all(name) if is_digest(value)])

    return read


read_authorization = _credentials("Authorization")
read_proxy_authorization = _credentials("Proxy-Authorization")
