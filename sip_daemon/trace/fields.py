"""A message cut into lines, whatever it is made of: also what no parser takes is to be seen, and redacted.

One rule: any bytes give a `Cut`; nothing is raised, nothing is lost. A line end is CRLF, LF or CR alone, so that no
reader of ours sees fewer lines than the peer's parser did.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from sip_daemon.message.headers import canonical_name

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_START = re.compile(r"SIP/\S*[ \t]+\d{3}(?:[ \t]|\Z)|[!-~]+[ \t]+[^\s]+[ \t]+SIP/\S*[ \t]*\Z", re.IGNORECASE)


class Field(NamedTuple):
    """One header field, unfolded. A `name` that is empty marks a line that is no field."""

    name: str
    """As it was written, without white space."""
    value: str
    canonical: str
    """The one spelling of a name that is known; empty for any other."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Start line, header fields and body."""

    start: str
    """Empty when the first line is none."""
    fields: tuple[Field, ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of every field of that canonical name."""
        return [field.value for field in self.fields if field.canonical == name]

    def first(self, name: str) -> str:
        """The first of them, else an empty text."""
        return next(iter(self.all(name)), "")


def cut(data: bytes) -> Cut:
    """Cut `data`, skipping line ends in front of it."""
    head, body = split(data.lstrip(b"\r\n"))
    lines = lines_of(head)
    start = lines.pop(0) if lines and _START.match(lines[0]) else ""
    return Cut(start, tuple(unfolded(lines)), body)


def split(data: bytes) -> tuple[bytes, bytes]:
    """Head and body, whatever kinds of line ends make the blank line."""
    ends = [at for pair in (b"\n\n", b"\n\r", b"\r\r") if (at := data.find(pair)) >= 0]
    if not ends:
        return data, b""
    end = min(ends)
    start = end + 1
    return data[:end], data[start + (2 if data[start : start + 2] == b"\r\n" else 1) :]


def lines_of(data: bytes) -> list[str]:
    return decode(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def decode(data: bytes) -> str:
    """As UTF-8, or as what older phones write; each byte is to be seen in either case."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def unfolded(lines: list[str]) -> list[Field]:
    """A field for each line, its continuation lines (RFC 3261 §7.3.1) joined to it."""
    found: list[Field] = []
    for line in lines:
        if line[:1] in (" ", "\t") and found:
            last = found.pop()
            found.append(last._replace(value=f"{last.value} {line.strip()}".strip()))
        elif line.strip():
            found.append(field_of(line))
    return found


def field_of(line: str) -> Field:
    name, colon, value = line.partition(":")
    name = name.strip()
    if not colon or not _NAME.match(name):
        return Field("", line, "")
    return Field(name, value.strip(), canonical_name(name) or "")
