"""Digest challenges and credentials (RFC 7616; SIP's use of them in RFC 3261 §22 and RFC 8760).

One rule: this module reads and writes them; whether they are right is the authenticator's matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.grammar import is_token, quote, unquote

# Each step takes a whole parameter with the comma behind it, or all that is left as garbage: linear, and nothing
# is passed over in silence.
_find_parameters = re.compile(
    r"""[ \t,]*(?:([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*=[ \t]*("[^"\\]*(?:\\.[^"\\]*)*"|[^ \t,"]*)[ \t]*(?:,|\Z)|(.+))""",
    re.DOTALL,
).findall
_NONCE_COUNT = re.compile(r"[0-9A-Fa-f]{8}")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")


def is_digest(text: str) -> bool:
    """Whether a challenge or credentials value uses the Digest scheme."""
    return text[:7].lower() in ("digest ", "digest\t")


def _parse_parameters(text: str) -> dict[str, str]:
    if not is_digest(text):
        raise RemoteProtocolError("not a Digest value")
    found: dict[str, str] = {}
    escaped = "\\" in text
    for name, value, garbage in _find_parameters(text, 7):
        if garbage:
            raise RemoteProtocolError("malformed Digest parameter")
        # Some stacks quote what RFC 7616 §3.4 leaves bare (algorithm, qop, nc): both are read alike.
        if value[:1] == '"':
            value = unquote(value) if escaped else value[1:-1]
        if found.setdefault(name.lower(), value) != value:
            raise RemoteProtocolError("a Digest parameter has two values")
    return found


def _required(parameters: dict[str, str], name: str) -> str:
    value = parameters.get(name)
    if value is None:
        raise RemoteProtocolError(f"Digest parameter {name} is missing")
    return value


@dataclass(frozen=True, slots=True)
class DigestChallenge:
    """One WWW-Authenticate or Proxy-Authenticate value (RFC 7616 §3.3)."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ("auth",)
    """Offered qualities of protection; empty for a server of RFC 2069."""
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, text: str) -> DigestChallenge:
        """Read one value; raises `RemoteProtocolError(400)`."""
        parameters = _parse_parameters(text)
        return cls(
            realm=_required(parameters, "realm"),
            nonce=_required(parameters, "nonce"),
            algorithm=parameters.get("algorithm", "MD5"),
            qop=tuple(item.strip().lower() for item in parameters.get("qop", "").split(",") if item.strip()),
            opaque=parameters.get("opaque"),
            stale=parameters.get("stale", "").lower() == "true",
        )

    def __str__(self) -> str:
        text = f"Digest realm={quote(self.realm)}, nonce={quote(self.nonce)}, algorithm={_bare(self.algorithm)}"
        if self.qop:
            text += f", qop={quote(','.join(self.qop))}"
        if self.opaque is not None:
            text += f", opaque={quote(self.opaque)}"
        return f"{text}, stale=true" if self.stale else text


@dataclass(frozen=True, slots=True)
class DigestCredentials:
    """One Authorization or Proxy-Authorization value (RFC 7616 §3.4)."""

    username: str
    """Unquoted; the `username*` form (§3.4) is decoded."""
    realm: str
    nonce: str = field(repr=False)
    uri: str
    """The digest-uri as it came: it goes into the hash byte by byte."""
    response: str = field(repr=False)
    """In lower case."""
    algorithm: str | None = None
    """As it came, None when absent (then MD5 is meant)."""
    cnonce: str | None = field(default=None, repr=False)
    qop: str | None = None
    nonce_count: str | None = None
    """The eight hexadecimal digits as they came: they go into the hash."""
    opaque: str | None = None
    userhash: bool = False

    @classmethod
    def parse(cls, text: str) -> DigestCredentials:
        """Read one value; raises `RemoteProtocolError(400)`."""
        parameters = _parse_parameters(text)
        nonce_count = parameters.get("nc")
        if nonce_count is not None and _NONCE_COUNT.fullmatch(nonce_count) is None:
            raise RemoteProtocolError("malformed nonce count")
        response = _required(parameters, "response")
        if _HEXADECIMAL.fullmatch(response) is None:
            raise RemoteProtocolError("malformed Digest response")
        qop = parameters.get("qop")
        return cls(
            username=_username(parameters),
            realm=_required(parameters, "realm"),
            nonce=_required(parameters, "nonce"),
            uri=_required(parameters, "uri"),
            response=response.lower(),
            algorithm=parameters.get("algorithm"),
            cnonce=parameters.get("cnonce"),
            qop=None if qop is None else qop.lower(),
            nonce_count=nonce_count,
            opaque=parameters.get("opaque"),
            userhash=parameters.get("userhash", "").lower() == "true",
        )

    def __str__(self) -> str:
        parts = [
            f"username={quote(self.username)}" if self.username.isascii() else _extended_username(self.username),
            f"realm={quote(self.realm)}",
            f"nonce={quote(self.nonce)}",
            f"uri={quote(self.uri)}",
            f'response="{self.response}"',
        ]
        parts += [f"algorithm={_bare(self.algorithm)}"] if self.algorithm is not None else []
        parts += [f"cnonce={quote(self.cnonce)}"] if self.cnonce is not None else []
        parts += [f"qop={_bare(self.qop)}"] if self.qop is not None else []
        parts += [f"nc={self.nonce_count}"] if self.nonce_count is not None else []
        parts += [f"opaque={quote(self.opaque)}"] if self.opaque is not None else []
        parts += ["userhash=true"] if self.userhash else []
        return f"Digest {', '.join(parts)}"


def _bare(value: str) -> str:
    """RFC 7616 §3.4 leaves it bare; what a peer quoted because it is no token stays quoted."""
    return value if is_token(value) else quote(value)


def _username(parameters: dict[str, str]) -> str:
    extended = parameters.get("username*")
    if extended is None:
        return _required(parameters, "username")
    charset, _, rest = extended.partition("'")
    _, mark, value = rest.partition("'")
    if charset.lower() != "utf-8" or not mark:
        raise RemoteProtocolError("malformed extended username")
    return percent_decode(value)


def _extended_username(username: str) -> str:
    return f"username*=UTF-8''{percent_encode(username, safe='')}"
