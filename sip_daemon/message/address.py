"""The `name-addr` and `addr-spec` of From, To, Contact, Route and Record-Route (RFC 3261 §20.10, §25.1).

One rule: outside angle brackets, parameters belong to the header field, never to the URI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Final

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.grammar import LWS, quote, quoted_string_end, unquote
from sip_daemon.message.parameters import NO_PARAMETERS, Parameters
from sip_daemon.message.uri import Uri

MAX_EXPIRES = 2**32 - 1
DEFAULT_EXPIRES = 3600
_CACHED_LENGTH = 160


class Star(Enum):
    """The type of `STAR`."""

    STAR = "*"


STAR: Final = Star.STAR
"""`Contact: *`, with which a REGISTER removes all bindings (§10.2.2)."""


@dataclass(frozen=True, slots=True)
class NameAddress:
    """An address with an optional display name (unquoted, "" for none) and header parameters."""

    display_name: str
    uri: Uri
    parameters: Mapping[str, str | None] = NO_PARAMETERS
    _text: str = field(default="", init=False, repr=False, compare=False)
    """As it was written last: the two addresses of a dialog are written with each request."""

    def __post_init__(self) -> None:
        if not isinstance(self.parameters, Parameters):
            object.__setattr__(self, "parameters", Parameters(self.parameters))

    @classmethod
    def parse(cls, text: str) -> NameAddress:
        """Read one value; raises `RemoteProtocolError(400)`."""
        # From and To stay the same in all messages of a dialog, Contact and To in all registrations of a phone.
        return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)

    def __str__(self) -> str:
        text = self._text
        if not text:
            name = f"{quote(self.display_name)} " if self.display_name else ""
            text = f"{name}<{self.uri}>{self.parameters}"
            object.__setattr__(self, "_text", text)
        return text

    @property
    def tag(self) -> str | None:
        return self.parameters.get("tag") or None

    def with_tag(self, tag: str | None) -> NameAddress:
        """A copy with this tag, or without any."""
        parameters = Parameters(self.parameters)
        parameters = parameters.without("tag") if tag is None else parameters.with_value("tag", tag)
        return NameAddress(self.display_name, self.uri, parameters)

    @property
    def q(self) -> float | None:
        """The preference of a contact between 0 and 1; None when it is absent or malformed."""
        text = self.parameters.get("q")
        # float() takes "nan", "1_0" and "1e3" too; a qvalue is digits and one point.
        if text is None or not text.isascii() or not text.replace(".", "", 1).isdigit() or len(text) > 8:
            return None
        value = float(text)
        return value if value <= 1 else None

    @property
    def expires(self) -> int | None:
        """Seconds of the expires parameter; None when it is absent, 3600 when it is malformed (§10.2.1.1)."""
        text = self.parameters.get("expires")
        if text is None:
            return None
        if not text.isascii() or not text.isdigit():
            return DEFAULT_EXPIRES
        return MAX_EXPIRES if len(text) > 10 else min(int(text), MAX_EXPIRES)


def _parse(text: str) -> NameAddress:
    display_name, uri, rest = _split_bracketed(text) if "<" in text else _split_bare(text)
    rest = rest.strip(LWS)
    if not rest:
        return NameAddress(display_name, uri)
    if rest[0] != ";":
        raise RemoteProtocolError("text behind an address")
    return NameAddress(display_name, uri, Parameters.parse(rest[1:]))


_parse_cached = lru_cache(maxsize=2048)(_parse)


def _split_bracketed(text: str) -> tuple[str, Uri, str]:
    if text[0] != '"':
        # Phones write names outside quotes with dots, commas and UTF-8: more than the tokens of the grammar.
        name, _, rest = text.partition("<")
        name = name.rstrip(LWS)
        if '"' in name or ">" in name:
            raise RemoteProtocolError("malformed display name")
    else:
        end = quoted_string_end(text)
        name = unquote(text[:end])
        rest = text[end:].lstrip(LWS)
        if rest[:1] != "<":
            raise RemoteProtocolError("text between display name and address")
        rest = rest[1:]
    uri, bracket, rest = rest.partition(">")
    if not bracket:
        raise RemoteProtocolError("address has no closing bracket")
    return name, Uri.parse(uri), rest


def _split_bare(text: str) -> tuple[str, Uri, str]:
    spec, semicolon, rest = text.partition(";")
    spec = spec.rstrip(LWS)
    # §20.10: a URI with a comma, question mark or semicolon has to stand in brackets.
    if "?" in spec or "," in spec:
        raise RemoteProtocolError("address needs angle brackets")
    return "", Uri.parse(spec), semicolon + rest
