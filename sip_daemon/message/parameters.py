"""The `;name=value` parameters of header fields and of URIs, and the `?name=value` headers of a URI.

One rule: names are compared and kept in lower case; a value is kept as it came (quotes, escapes) and decoded when
it is read, so that what we did not touch goes out as it came in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Self, TypeVar, overload
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.grammar import LWS, is_token, quote, split_list, unquote

# Names that need no look at their characters; the check is a third of the cost of a parameter.
_KNOWN_NAMES = frozenset(
    {"tag", "branch", "rport", "received", "maddr", "transport", "lr", "user", "expires", "q", "ob", "reg-id"}
)

# Wider than token and host, since phones write "@" and "/" outside quotes too.
_is_plain = re.compile(r'[^\s"<>,;\x00-\x1f\x7f]*').fullmatch
_is_token_or_host = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:]+").fullmatch

T = TypeVar("T")


class Parameters(Mapping[str, str | None]):
    """Parameters of a header field, in order. A parameter without a value (`;rport`) has the value None.

    Immutable and hashable. Values read from it are unquoted; values given to it are quoted where the grammar asks.
    """

    __slots__ = ("_raw",)

    separator: ClassVar[str] = ";"
    escape: ClassVar[str] = '"'
    """Without this character a value means what it says."""

    def __init__(self, values: Mapping[str, str | None] | None = None) -> None:
        self._raw: dict[str, str | None]
        if isinstance(values, type(self)):
            self._raw = values._raw
        else:
            items = () if values is None else values.items()
            self._raw = {name.lower(): None if value is None else self._encode(value) for name, value in items}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name[=value]` elements; `text` begins behind the first separator."""
        raw: dict[str, str | None] = {}
        separator = cls.separator
        parts = split_list(text, separator) if '"' in text else text.split(separator)
        for part in parts:
            name, equals, value = part.partition("=")
            if name not in _KNOWN_NAMES:
                name = cls._read_name(name.strip(LWS).lower())
            stored = cls._read_value(value) if equals else None
            if raw.setdefault(name, stored) != stored:
                raise RemoteProtocolError("a parameter has two values")
        return cls._from_raw(raw)

    @classmethod
    def _from_raw(cls, raw: dict[str, str | None]) -> Self:
        made = cls.__new__(cls)
        made._raw = raw
        return made

    @staticmethod
    def _read_name(name: str) -> str:
        if not is_token(name):
            raise RemoteProtocolError("malformed parameter name")
        return name

    @staticmethod
    def _read_value(text: str) -> str:
        if _is_plain(text):
            return text
        text = text.strip(LWS)
        if text[:1] == '"':
            unquote(text)
        elif not _is_plain(text):
            raise RemoteProtocolError("forbidden character in a parameter value")
        return text

    @staticmethod
    def _encode(value: str) -> str:
        return value if _is_token_or_host(value) else quote(value)

    @staticmethod
    def _decode(stored: str) -> str:
        return unquote(stored)

    def with_value(self, name: str, value: str | None) -> Self:
        """A copy with this parameter set."""
        return self.with_values({name: value})

    def with_values(self, values: Mapping[str, str | None]) -> Self:
        """A copy with these parameters set."""
        raw = self._raw.copy()
        for name, value in values.items():
            raw[name.lower()] = None if value is None else self._encode(value)
        return self._from_raw(raw)

    def with_tokens(self, values: Mapping[str, str | None]) -> Self:
        """The same for names in lower case and values that need no quotes."""
        return self._from_raw({**self._raw, **values})

    def without(self, *names: str) -> Self:
        """A copy that lacks these parameters."""
        dropped = {name.lower() for name in names}
        return self._from_raw({name: value for name, value in self._raw.items() if name not in dropped})

    def __getitem__(self, name: str) -> str | None:
        stored = self._raw[name] if name in self._raw else self._raw[name.lower()]
        return stored if stored is None or self.escape not in stored else self._decode(stored)

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...

    @overload
    def get(self, name: str, default: T, /) -> str | T | None: ...

    def get(self, name: str, default: T | None = None, /) -> str | T | None:
        # Mapping's own raises and catches a KeyError for each parameter that is not there, such as the tag of a To.
        raw = self._raw
        if name not in raw:
            name = name.lower()
            if name not in raw:
                return default
        stored = raw[name]
        return stored if stored is None or self.escape not in stored else self._decode(stored)

    def __contains__(self, name: object) -> bool:
        return name in self._raw or (isinstance(name, str) and name.lower() in self._raw)

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Parameters):
            return type(self) is type(other) and (self._raw == other._raw or dict(self) == dict(other))
        return dict(self) == other if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __str__(self) -> str:
        """With a separator before each parameter: `;tag=1928;lr`."""
        separator = self.separator
        return "".join(
            [
                f"{separator}{name}" if value is None else f"{separator}{name}={value}"
                for name, value in self._raw.items()
            ]
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class UriParameters(Parameters):
    """Parameters of a URI: values are percent-escaped, never quoted (RFC 3261 §19.1.1)."""

    __slots__ = ()

    escape: ClassVar[str] = "%"
    unescaped: ClassVar[str] = "-_.!~*'()[]/:&+$"

    @staticmethod
    def _read_name(name: str) -> str:
        if not name:
            raise RemoteProtocolError("empty parameter in a URI")
        return name

    @staticmethod
    def _read_value(text: str) -> str:
        return text

    @classmethod
    def _encode(cls, value: str) -> str:
        return percent_encode(value, safe=cls.unescaped)

    @staticmethod
    def _decode(stored: str) -> str:
        return percent_decode(stored)


class UriHeaders(UriParameters):
    """The `?name=value&name=value` part of a URI: header fields for the request made from it."""

    __slots__ = ()

    separator: ClassVar[str] = "&"
    unescaped: ClassVar[str] = "-_.!~*'()[]/?:+$"

    def __str__(self) -> str:
        return "?" + super().__str__()[1:] if self else ""


NO_PARAMETERS = Parameters()
NO_URI_PARAMETERS = UriParameters()
NO_URI_HEADERS = UriHeaders()
