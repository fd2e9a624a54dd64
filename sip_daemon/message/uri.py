"""SIP and SIPS URIs (RFC 3261 §19.1); any other scheme is kept as opaque text.

One rule: a parsed URI is written back exactly as it came. Escapes of reserved characters carry meaning
(§19.1.4), so they are decoded for the reader of `user`, never on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.grammar import format_host_port, parse_host_port
from sip_daemon.message.parameters import NO_URI_HEADERS, NO_URI_PARAMETERS, UriHeaders, UriParameters

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_TEXT = re.compile(r'[^\s<>"\x00-\x1f\x7f]+')
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNESCAPED_IN_USER = "-_.!~*'()&=+$,;?/"
_UNESCAPED_IN_PASSWORD = "-_.!~*'()&=+$,"  # noqa: S105 - characters, no password
_RESERVED = frozenset(";/?:@&=+$,%")
# §19.1.4: these never match when only one of the two URIs has them.
_TELLING_PARAMETERS = ("user", "ttl", "method", "maddr", "transport")
_CACHED_LENGTH = 160


@dataclass(frozen=True, slots=True)
class Uri:
    """One URI. `user`, `password` and the values of parameters are unescaped; `host` has no IPv6 brackets."""

    scheme: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str = ""
    port: int | None = None
    parameters: Mapping[str, str | None] = NO_URI_PARAMETERS
    headers: Mapping[str, str | None] = NO_URI_HEADERS
    opaque: str | None = None
    """All that follows the colon when the scheme is neither sip nor sips."""
    _text: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.parameters, UriParameters):
            object.__setattr__(self, "parameters", UriParameters(self.parameters))
        if not isinstance(self.headers, UriHeaders):
            object.__setattr__(self, "headers", UriHeaders(self.headers))

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read a URI without angle brackets; raises `RemoteProtocolError(400)`."""
        # The same few URIs come all day long; long ones are not worth the memory.
        return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)

    def __str__(self) -> str:
        if self._text:
            return self._text
        if self.opaque is not None:
            return f"{self.scheme}:{self.opaque}"
        return f"{self.scheme}:{self._userinfo}{format_host_port(self.host, self.port)}{self.parameters}{self.headers}"

    @property
    def _userinfo(self) -> str:
        if self.user is None:
            return ""
        user = percent_encode(self.user, safe=_UNESCAPED_IN_USER)
        if self.password is None:
            return f"{user}@"
        return f"{user}:{percent_encode(self.password, safe=_UNESCAPED_IN_PASSWORD)}@"

    @property
    def is_sip(self) -> bool:
        """Whether this is a SIP or SIPS URI, one that has a host."""
        return self.opaque is None

    @property
    def is_sips(self) -> bool:
        return self.scheme == "sips"

    @property
    def transport(self) -> str | None:
        """The transport parameter in lower case."""
        value = self.parameters.get("transport")
        return None if value is None else value.lower()

    @property
    def is_loose_router(self) -> bool:
        """Whether a Route with this URI is followed by loose routing (§16.12)."""
        return "lr" in self.parameters

    def equivalent(self, other: Uri) -> bool:
        """Whether both name the same resource by the rules of §19.1.4 (which are not transitive)."""
        if self.scheme != other.scheme or self.opaque != other.opaque:
            return False
        if self.host.lower() != other.host.lower() or self.port != other.port:
            return False
        if _comparable_userinfo(self) != _comparable_userinfo(other):
            return False
        return _parameters_match(self.parameters, other.parameters) and _headers_match(self.headers, other.headers)


def _parse(text: str) -> Uri:
    scheme, colon, rest = text.partition(":")
    if not colon or _TEXT.fullmatch(text) is None or _SCHEME.fullmatch(scheme) is None:
        raise RemoteProtocolError("malformed URI")
    scheme = scheme.lower()
    uri = _parse_sip(scheme, rest) if scheme in ("sip", "sips") else Uri(scheme, opaque=_not_empty(rest))
    object.__setattr__(uri, "_text", text)
    return uri


_parse_cached = lru_cache(maxsize=2048)(_parse)


def _not_empty(rest: str) -> str:
    if not rest:
        raise RemoteProtocolError("URI is empty behind its scheme")
    return rest


def _parse_sip(scheme: str, rest: str) -> Uri:
    user = password = None
    userinfo, at, remainder = rest.partition("@")
    if at:
        user, password = _parse_userinfo(userinfo)
        rest = remainder
    rest, question, headers = rest.partition("?")
    host_port, semicolon, parameters = rest.partition(";")
    host, port = parse_host_port(host_port)
    if ":" in host:
        host = str(IPv6Address(host))  # compared as an address, whatever its spelling (RFC 5954 §4.1)
    return Uri(
        scheme,
        user,
        password,
        host,
        port,
        UriParameters.parse(parameters) if semicolon else NO_URI_PARAMETERS,
        UriHeaders.parse(headers) if question else NO_URI_HEADERS,
    )


def _parse_userinfo(userinfo: str) -> tuple[str, str | None]:
    user, colon, password = userinfo.partition(":")
    if not user:
        raise RemoteProtocolError("URI has an empty user")
    if "%" in userinfo:
        user, password = percent_decode(user), percent_decode(password)
    return user, password if colon else None


def _comparable_userinfo(uri: Uri) -> str:
    """The escaped user part with each escape undone unless its character is reserved (§19.1.4, third rule)."""
    userinfo, at, _ = str(uri).partition(":")[2].partition("@")
    return _ESCAPE.sub(_undo_unreserved, userinfo) if at else ""


def _undo_unreserved(escape: re.Match[str]) -> str:
    character = chr(int(escape.group(1), 16))
    return escape.group().upper() if character in _RESERVED or not character.isascii() else character


def _parameters_match(mine: Mapping[str, str | None], theirs: Mapping[str, str | None]) -> bool:
    for name in _TELLING_PARAMETERS:
        if (name in mine) != (name in theirs):
            return False
    return all(_folded(mine[name]) == _folded(theirs[name]) for name in mine if name in theirs)


def _headers_match(mine: Mapping[str, str | None], theirs: Mapping[str, str | None]) -> bool:
    return dict(mine) == dict(theirs)


def _folded(value: str | None) -> str | None:
    return None if value is None else value.lower()
