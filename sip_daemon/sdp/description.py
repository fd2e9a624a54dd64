"""Session descriptions as text: RFC 8866 lines in, RFC 8866 lines out.

The rule of this file: grammar only. What the lines mean for a call is `audio`'s and `offer_answer`'s business, so a
description that nobody here understands still makes the round trip: `parse(str(description)) == description`.

Tolerant where telephones need it: any line end or none after the last line, blank lines, o=, s= and t= left out,
unknown line types kept, text in Latin-1. Everything is bounded, and `RemoteProtocolError` (400) is all that `parse`
raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sip_daemon.errors import RemoteProtocolError

MAX_DESCRIPTION_BYTES: Final = 32768
"""A browser's offer with every codec and candidate stays under 10 KiB."""
MAX_LINES: Final = 1024
MAX_MEDIA: Final = 16
MAX_FORMATS: Final = 64
"""Payload types in one m= line; 35 dynamic numbers and 19 static ones exist (RFC 3551 §6)."""

Attribute = tuple[str, str | None]
"""Name and value of an a= line; a property attribute (a=sendonly) has no value."""
Line = tuple[str, str]
"""Type letter and value of a line that has no field of its own."""

FIRST_SESSION_LINES: Final = "iuep"
"""Session lines that stand before c= (RFC 8866 §5); b=, r=, z=, k= and unknown ones stand after it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The o= line (RFC 8866 §5.2). Identifiers stay text: there are phones whose numbers pass 64 bits."""

    username: str
    session_id: str
    version: str
    address: str
    address_type: str = "IP4"

    @classmethod
    def parse(cls, value: str) -> Origin:
        parts = value.split()
        if len(parts) != 6:
            raise RemoteProtocolError("the o= line of the session description needs six fields")
        username, session_id, version, _, address_type, address = parts
        return cls(username, session_id, version, address, address_type)

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {self.address_type} {self.address}"


@dataclass(frozen=True, slots=True)
class Connection:
    """The c= line (RFC 8866 §5.7). `address` may carry a multicast TTL and count after slashes."""

    address: str
    address_type: str = "IP4"

    @classmethod
    def parse(cls, value: str) -> Connection:
        parts = value.split()
        if len(parts) != 3 or parts[0].upper() != "IN":
            raise RemoteProtocolError("a c= line of the session description is not 'IN type address'")
        return cls(parts[2], parts[1])

    @classmethod
    def to_host(cls, host: str) -> Connection:
        """The line for a bare address of either family."""
        return cls(host, "IP6" if ":" in host else "IP4")

    def __str__(self) -> str:
        return f"IN {self.address_type} {self.address}"


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """One m= line and what belongs to it (RFC 8866 §5.14)."""

    kind: str
    """audio, video, image, application ..."""
    port: int
    protocol: str
    """Transport profile, e.g. RTP/AVP."""
    formats: tuple[str, ...]
    connection: Connection | None = None
    attributes: tuple[Attribute, ...] = ()
    port_count: int = 1
    other_lines: tuple[Line, ...] = ()

    def values(self, name: str) -> list[str]:
        """The values of all attributes of that name, in order."""
        return [value or "" for key, value in self.attributes if key == name]

    def value(self, name: str) -> str | None:
        """The value of the first attribute of that name; "" for one without a value."""
        for key, value in self.attributes:
            if key == name:
                return value or ""
        return None

    def lines(self) -> list[str]:
        port = str(self.port) if self.port_count == 1 else f"{self.port}/{self.port_count}"
        lines = [f"m={self.kind} {port} {self.protocol} {' '.join(self.formats)}"]
        lines += [f"{letter}={value}" for letter, value in self.other_lines if letter == "i"]
        if self.connection is not None:
            lines.append(f"c={self.connection}")
        lines += [f"{letter}={value}" for letter, value in self.other_lines if letter != "i"]
        lines += attribute_lines(self.attributes)
        return lines


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description (RFC 8866 §5)."""

    origin: Origin | None = None
    name: str = "-"
    connection: Connection | None = None
    times: tuple[str, ...] = ("0 0",)
    attributes: tuple[Attribute, ...] = ()
    media: tuple[MediaDescription, ...] = ()
    other_lines: tuple[Line, ...] = ()

    @classmethod
    def parse(cls, text: str | bytes) -> SessionDescription:
        """Read a message body. Raises `RemoteProtocolError` (400)."""
        sections = split_sections(read_lines(text))
        media = tuple(read_media(section) for section in sections[1:])
        return read_session(sections[0], media)

    def __str__(self) -> str:
        return "\r\n".join([*self.lines(), ""])

    def __bytes__(self) -> bytes:
        return str(self).encode()

    def lines(self) -> list[str]:
        lines = ["v=0"]
        if self.origin is not None:
            lines.append(f"o={self.origin}")
        lines.append(f"s={self.name}")
        others = [(letter, f"{letter}={value}") for letter, value in self.other_lines]
        lines += [line for letter, line in others if letter in FIRST_SESSION_LINES]
        if self.connection is not None:
            lines.append(f"c={self.connection}")
        lines += [line for letter, line in others if letter == "b"]
        lines += [f"t={value}" for value in self.times]
        lines += [line for letter, line in others if letter not in FIRST_SESSION_LINES + "b"]
        lines += attribute_lines(self.attributes)
        for media in self.media:
            lines += media.lines()
        return lines


def attribute_lines(attributes: tuple[Attribute, ...]) -> list[str]:
    return [f"a={name}" if value is None else f"a={name}:{value}" for name, value in attributes]


def parse_number(text: str, lowest: int, highest: int, what: str) -> int:
    """A decimal number within bounds; `what` names it in the error."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and lowest <= int(text) <= highest):
        raise RemoteProtocolError(
            f"the session description has a {what} that is not a number from {lowest} to {highest}"
        )
    return int(text)


def decode(text: str | bytes) -> str:
    if len(text) > MAX_DESCRIPTION_BYTES:
        raise RemoteProtocolError("the session description is too long", status=413)
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")  # s= and i= of older phones; a=charset is practically never sent


def read_lines(text: str | bytes) -> list[Line]:
    """Split into type letter and value. Only CR and LF end a line (not the form feeds that str.splitlines knows)."""
    decoded = decode(text).replace("\r", "\n")  # CR LF makes an empty line, which is passed over
    lines = decoded.split("\n")
    if len(lines) > 2 * MAX_LINES or "\x00" in decoded:
        raise RemoteProtocolError("the session description has too many lines, or a zero byte in one")
    found: list[Line] = []
    for line in lines:
        if line[1:2] != "=" or not line[0].isalpha():
            line = line.strip(" \t")
            if not line:
                continue
            if line[1:2] != "=" or not line[0].isalpha():
                raise RemoteProtocolError("a line of the session description is not of the form letter=value")
        found.append((line[0], line[2:].strip(" \t")))
    if len(found) > MAX_LINES:
        raise RemoteProtocolError("the session description has too many lines")
    return found


def split_sections(lines: list[Line]) -> list[list[Line]]:
    """The session's lines, then those of each m= line."""
    if not lines or lines[0] != ("v", "0"):
        raise RemoteProtocolError("the session description does not begin with v=0")
    sections: list[list[Line]] = [[]]
    for line in lines[1:]:
        if line[0] == "m":
            if len(sections) > MAX_MEDIA:
                raise RemoteProtocolError("the session description has too many m= lines")
            sections.append([])
        sections[-1].append(line)
    return sections


def read_attribute(value: str) -> Attribute:
    name, colon, rest = value.partition(":")
    return name.strip(), rest.strip() if colon else None


def read_head(value: str) -> tuple[str, int, str, tuple[str, ...], int]:
    """Kind, port, protocol, formats and number of ports of an m= line."""
    parts = value.split()
    if len(parts) < 4:
        raise RemoteProtocolError("an m= line of the session description needs kind, port, protocol and formats")
    if len(parts) - 3 > MAX_FORMATS:
        raise RemoteProtocolError("an m= line of the session description lists too many formats")
    port, slash, count = parts[1].partition("/")
    ports = parse_number(count, 1, 65535, "number of ports") if slash else 1
    return parts[0].lower(), parse_number(port, 0, 65535, "port"), parts[2], tuple(parts[3:]), ports


def read_session(lines: list[Line], media: tuple[MediaDescription, ...]) -> SessionDescription:
    origin: Origin | None = None
    connection: Connection | None = None
    name = "-"
    times: list[str] = []
    attributes: list[Attribute] = []
    others: list[Line] = []
    for letter, value in lines:
        match letter:
            case "o":
                origin = Origin.parse(value)
            case "s":
                name = value or "-"  # RFC 8866 §5.3: s= must not be empty
            case "c":
                connection = Connection.parse(value)
            case "t":
                times.append(value)
            case "a":
                attributes.append(read_attribute(value))
            case _:
                others.append((letter, value))
    return SessionDescription(
        origin, name, connection, tuple(times) or ("0 0",), tuple(attributes), media, in_line_order(others)
    )


def in_line_order(lines: list[Line]) -> tuple[Line, ...]:
    """Lines in the order in which they are written, so that a description equals its own round trip."""
    if not lines:
        return ()
    return tuple(sorted(lines, key=lambda line: 0 if line[0] in FIRST_SESSION_LINES else 1 if line[0] == "b" else 2))


def read_media(lines: list[Line]) -> MediaDescription:
    kind, port, protocol, formats, port_count = read_head(lines[0][1])
    connection: Connection | None = None
    attributes: list[Attribute] = []
    others: list[Line] = []
    for letter, value in lines[1:]:
        if letter == "a":
            attributes.append(read_attribute(value))
        elif letter == "c":
            connection = connection or Connection.parse(value)
        else:
            others.append((letter, value))
    if len(others) > 1:
        others.sort(key=lambda line: line[0] != "i")
    return MediaDescription(kind, port, protocol, formats, connection, tuple(attributes), port_count, tuple(others))
