"""The text of a message that may leave the process: no secret, no key, and nothing of what people write to each other.

Written as a list of what is shown, not of what is hidden: a header field or SDP attribute that is not known here
is shown by its name, a body that is not understood by its size. In what is shown, passwords in URIs, keys and
parameters whose names tell of secrets are blanked once more. Folded fields are shown unfolded.

Kept although they belong to authentication: user name, realm, nonce, algorithm, counts. None of them opens anything.
"""

from __future__ import annotations

import re
from typing import Final

from sip_daemon.trace.fields import Cut, Field, cut, lines_of

BLANK: Final = "***"

CREDENTIALS: Final = frozenset({"Authorization", "Proxy-Authorization", "Authentication-Info"})
SHOWN_CREDENTIALS: Final = frozenset(
    {"username", "realm", "nonce", "uri", "algorithm", "qop", "nc", "cnonce", "opaque", "nextnonce", "stale"}
)
"""Parameters that are no proof; `response` and `rspauth` are what guessing a password starts from (RFC 7616 §3.4)."""
HIDDEN_FIELDS: Final = frozenset({"Identity", "Subject"})
"""Known by name and never shown: a signature that may be replayed, and what people write."""
VERBATIM: Final = frozenset({"Call-ID", "In-Reply-To", "CSeq", "Content-Length", "Content-Type", "Max-Forwards"})
"""Fields without a URI: the colon and the @ of a Call-ID are no password."""

_ATTRIBUTES = (
    "rtpmap fmtp ptime maxptime sendrecv sendonly recvonly inactive rtcp rtcp-mux rtcp-mux-only rtcp-fb rtcp-rsize "
    "candidate remote-candidates end-of-candidates ice-ufrag ice-options ice-lite ice-mismatch fingerprint setup "
    "connection mid group ssrc ssrc-group msid msid-semantic extmap extmap-allow-mixed label content curr des conf "
    "rtcp-xr silencesupp tls-id direction lang charset tool type framerate framesize imageattr rid simulcast "
    "bundle-only"
)
SHOWN_ATTRIBUTES: Final = frozenset(_ATTRIBUTES.split(" "))
"""SDP attributes with nothing secret in them. `ice-pwd`, `crypto` and `key-mgmt` are not among them."""
SHOWN_SDP_LINES: Final = frozenset("voiuepcbtrzsm")
SESSION_PARAMETER: Final = re.compile(
    r"(?:KDR=\d{1,2}|UNENCRYPTED_SRTCP|UNENCRYPTED_SRTP|UNAUTHENTICATED_SRTP|WSH=\d{1,5})\Z"
)
"""RFC 4568 §6.3: what follows the keys of a crypto attribute; FEC_KEY is not among them."""

MAX_SHOWN: Final = 2048
"""Characters of one field or line: none that is real is longer, and no pattern below takes long on fewer."""

_SECRET_NAME = re.compile(r"pass(?:w|\b|ph)|pwd|secret|token|pn-?(?:prid|tok)|key|ha1|auth", re.IGNORECASE)
_NAME = re.compile(r"(?<![\w.+-])(?P<name>[\w.+-]++)\s*+(?:=|%3d)\s*+", re.IGNORECASE)
_VALUE = re.compile(r""""(?:[^"\\]|\\.)*+"?|[^\s,;&>"]*+""")
_PROOFS = frozenset({"response", "rspauth"})
_INLINE_KEY = re.compile(r"(inline\s*:)\s*[^\s;,|\"]*", re.IGNORECASE)
_WORD = re.compile(r"""[^\s<>"]++""")
_SCHEME = re.compile(r"(?:\A|[^a-z0-9+.-])(?:sips?|im|pres|xmpp|mailto|https?|ftp|ldaps?|wss?)(?::|%3a)(?://)?")
"""In a word of small letters."""
_PARAMETER = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]++)\s*+=\s*+(?P<value>"(?:[^"\\]|\\.)*+"|[^\s,"]*+)""")


def redacted(data: bytes) -> str:
    """The whole message as text with line ends "\\n"."""
    message = cut(data)
    lines = [redacted_text(message.start)] if message.start else []
    lines += [redacted_field(field) for field in message.fields]
    body = redacted_body(message)
    return "\n".join([*lines, "", *body] if body else lines)


def redacted_field(field: Field) -> str:
    """One header field; what is no field is not shown at all."""
    if not field.name:
        return f"{BLANK} (a line of {len(field.value)} characters that is no header field)"
    return f"{field.name}: {redacted_value(field)}"


def redacted_value(field: Field) -> str:
    name = field.canonical
    if name in CREDENTIALS:
        return redacted_credentials(field.value)
    if not name or name in HIDDEN_FIELDS:
        return BLANK if field.value else ""
    if name in VERBATIM:
        return redacted_parameters(field.value)
    return redacted_text(field.value)


def redacted_credentials(value: str) -> str:
    """A digest with its proof blanked; any other scheme (Basic, Bearer) by its name."""
    scheme, _, rest = value.partition(" ")
    if "=" in scheme:  # Authentication-Info has no scheme (RFC 7616 §3.5).
        scheme, rest = "", value
    elif scheme.lower() != "digest":
        return f"{scheme} {BLANK}" if re.fullmatch(r"[A-Za-z0-9-]{1,12}", scheme) and rest else BLANK
    shown: list[str] = []
    end = 0
    for match in _PARAMETER.finditer(rest):
        if rest[end : match.start()].strip(" \t,"):
            shown.append(BLANK)
        shown.append(credential(match["name"], match["value"]))
        end = match.end()
    if rest[end:].strip(" \t,"):
        shown.append(BLANK)
    return " ".join(part for part in (scheme, ", ".join(shown)) if part)


def credential(name: str, value: str) -> str:
    if name.lower() not in SHOWN_CREDENTIALS:
        return f"{name}={BLANK}" if name.lower() in _PROOFS else BLANK
    return f"{name}={redacted_text(value)}"


def redacted_text(text: str) -> str:
    """A text with URIs in it: their passwords are blanked, and whatever calls itself a secret."""
    if len(text) > MAX_SHOWN:
        return f"{BLANK} ({len(text)} characters)"
    if "@" in text or "%40" in text:
        text = _WORD.sub(lambda word: without_passwords(word[0]), text)
    return redacted_parameters(text)


def redacted_parameters(text: str) -> str:
    if len(text) > MAX_SHOWN:
        return f"{BLANK} ({len(text)} characters)"
    return _INLINE_KEY.sub(rf"\1{BLANK}", blank_secrets(text))


def blank_secrets(text: str) -> str:
    """The values of names that tell of a secret, wherever they stand: also within the value of another."""
    shown: list[str] = []
    end = 0
    while match := _NAME.search(text, end):
        shown.append(text[end : match.end()])
        end = match.end()
        if is_secret(match["name"]):
            value = _VALUE.match(text, end)
            end = value.end() if value is not None else end
            shown.append(BLANK)
    return "".join([*shown, text[end:]])


def is_secret(name: str) -> bool:
    return name.lower() in _PROOFS or _SECRET_NAME.search(name) is not None


def without_passwords(word: str) -> str:
    """`sip:user:password@host`, escaped too (%3A, %40), and the same where the scheme was forgotten (§19.1.1)."""
    word = without_password(word, ":", "@")
    return without_password(word, "%3a", "%40") if "%" in word else word


def without_password(word: str, colon: str, at: str) -> str:
    """Blanks from the first colon behind the scheme to the last "@" of the word: rather too much than too little."""
    folded = word.lower()
    stop = folded.rfind(at)
    if stop < 0:
        return word
    scheme = _SCHEME.search(folded, 0, stop)
    start = folded.find(colon, scheme.end() if scheme is not None else 0, stop)
    return word if start < 0 else f"{word[: start + len(colon)]}{BLANK}{word[stop:]}"


# bodies


def redacted_body(message: Cut) -> list[str]:
    """The lines of the body that may be shown."""
    if not message.body:
        return []
    types = {value.partition(";")[0].strip().lower() for value in message.all("Content-Type")}
    kind = types.pop() if len(types) == 1 else ""
    is_text = message.start[:8].upper().startswith("MESSAGE ")
    if kind == "application/sdp" and not is_text:
        return [redacted_sdp_line(line) for line in lines_of(message.body) if line]
    if kind == "application/simple-message-summary" and not is_text:
        return [redacted_field(field) if field.canonical else summary_line(field) for field in cut(message.body).fields]
    shown = kind if re.fullmatch(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}", kind) else "an unknown type"
    return [f"{BLANK} ({len(message.body)} bytes of {shown})"]


def summary_line(field: Field) -> str:
    """RFC 3842 §5.2: counts, and the account."""
    if re.fullmatch(r"Messages-Waiting|(?:Voice|Fax|Text|Pager|Multimedia|None)-Message", field.name, re.IGNORECASE):
        return f"{field.name}: {redacted_text(field.value)}"
    if field.name.lower() == "message-account":
        return f"{field.name}: {redacted_text(field.value)}"
    return redacted_field(field)


def redacted_sdp_line(line: str) -> str:
    """One line of a session description (RFC 8866 §5)."""
    kind, equals, value = line.partition("=")
    if equals and kind.lower() == "a":
        return f"{kind}={redacted_attribute(value)}"
    if equals and kind in SHOWN_SDP_LINES:
        return f"{kind}={redacted_text(value)}"
    return f"{kind}={BLANK}" if equals and len(kind) == 1 else BLANK


def redacted_attribute(value: str) -> str:
    name, colon, rest = value.partition(":")
    folded = name.strip().lower()
    if folded in SHOWN_ATTRIBUTES:
        return f"{name}{colon}{redacted_parameters(rest)}"
    if folded == "crypto":
        return f"{name}{colon}{redacted_crypto(rest)}"
    return f"{name}:{BLANK}" if colon and re.fullmatch(r"[\w.-]{1,40}", folded) else BLANK


def redacted_crypto(value: str) -> str:
    """RFC 4568 §9.2: tag, suite, keys, session parameters; all but the keys is shown where it has its form."""
    tag, *rest = value.split()[:1] or [""]
    words = value.split()[1:]
    if not re.fullmatch(r"\d{1,9}", tag) or not words or rest:
        return BLANK
    suite = words[0] if re.fullmatch(r"[A-Z0-9_]{1,40}", words[0]) else BLANK
    others = [word if SESSION_PARAMETER.match(word) else BLANK for word in words[2:]]
    return " ".join([tag, suite, f"inline:{BLANK}", *others])
