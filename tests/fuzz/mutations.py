"""Damage to a message: blind, as a broken wire does it, and knowing the grammar, as an attacker does.

Everything comes from the one `random.Random` that is handed in: a seed gives the same bytes on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

MAX_BYTES = 8192
"""What a mutated message may grow to: longer ones only take longer."""
MAX_EDITS = 6

TELLING = [
    *(bytes([byte]) for byte in b'\r\n\t "\'<>;:,=\\%@[]?*/&.-+\x00\x01\x0b\x7f\x80\xff09aZ'),
    b"\r\n", b"\n", b"\r\n\r\n", b"\n\n", b"\r\n ", b"\r\n\t", b"\r\r\n", b"\xef\xbb\xbf", b"\xc3\xa9", b"\xc0\x80",
    b"\xe2\x80\xa8", b"\xed\xa0\x80", b"%00", b"%0d%0a", b"%", b"%zz", b'\\"', b"\\", b'""', b"<>", b";;", b",,", b"::",
    b"[::1]", b"[", b"[::ffff:192.0.2.1]", b"sip:", b"sips:", b"tel:", b"SIP/2.0", b"sip/2.0", b"SIP/3.0", b"z9hG4bK",
    b";lr", b";maddr=203.0.113.9", b";received=203.0.113.9", b";rport", b";rport=0", b";tag=", b";branch=", b";q=1.001",
    b";expires=-1", b"*", b"Contact: *\r\n", b"Content-Length: 0\r\n", b"l: 99999\r\n", b"v: SIP/2.0/UDP h\r\n",
    b"Require: 100rel, no-such\r\n", b"Route: <sip:x>\r\n", b"Expires: 0\r\n", b"a=", b"m=audio 0 RTP/AVP 0\r\n",
    b"c=IN IP4 \r\n", b"m=audio 65536 RTP/AVP 0\r\n", b"a=rtpmap:0 PCMU/0\r\n", b"a=inactive\r\n", b"IN IP6 ::1",
]  # fmt: skip
NUMBERS = [
    b"0", b"1", b"-1", b"+1", b"00", b"255", b"256", b"65535", b"65536", b"2147483647", b"2147483648", b"4294967295",
    b"4294967296", b"18446744073709551616", b"9" * 100, b"1e9", b"0x10", b"1.5", b"\xd9\xa3", b"",
]  # fmt: skip

_NUMBER = re.compile(rb"\d+")
_SEPARATOR = re.compile(rb"[;,= <>\"@:]")
_COMPACT = {
    b"via": b"v", b"from": b"f", b"to": b"t", b"call-id": b"i", b"contact": b"m", b"content-length": b"l",
    b"content-type": b"c", b"subject": b"s", b"supported": b"k", b"event": b"o", b"refer-to": b"r",
}  # fmt: skip


class Mutator:
    """Makes damaged copies of seeds."""

    def __init__(self, random: Random, seeds: Sequence[bytes], *, is_text: bool = True) -> None:
        self._random = random
        self._seeds = seeds
        blind = (
            self._replace, self._flip, self._insert, self._delete, self._repeat, self._cut, self._splice, self._token,
        )  # fmt: skip
        knowing = (
            self._number, self._drop_line, self._double_line, self._swap_lines, self._foreign_line, self._respell,
            self._fold, self._line_end, self._part, self._many, self._token,
        )  # fmt: skip
        self._edits = (*blind, *knowing) if is_text else blind

    def make(self) -> bytes:
        """A seed with one to a few edits; one in fifty stays whole, so that whole ones meet the damaged."""
        random = self._random
        data = random.choice(self._seeds)
        if random.random() < 0.02:
            return data
        for _ in range(min(MAX_EDITS, 1 + int(random.expovariate(0.8)))):
            data = random.choice(self._edits)(data)
        return data[:MAX_BYTES]

    def _place(self, data: bytes) -> int:
        return self._random.randrange(len(data) + 1)

    # blind

    def _replace(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + self._random.randbytes(1) + data[at + 1 :]

    def _flip(self, data: bytes) -> bytes:
        at = self._place(data)
        if at == len(data):
            return data
        return data[:at] + bytes([data[at] ^ 1 << self._random.randrange(8)]) + data[at + 1 :]

    def _insert(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + self._random.randbytes(self._random.randint(1, 8)) + data[at:]

    def _delete(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + data[at + self._random.randint(1, 40) :]

    def _repeat(self, data: bytes) -> bytes:
        at = self._place(data)
        piece = data[at : at + self._random.randint(1, 60)]
        return data[:at] + piece * self._random.choice((2, 3, 10, 50)) + data[at:]

    def _cut(self, data: bytes) -> bytes:
        return data[: self._place(data)]

    def _splice(self, data: bytes) -> bytes:
        other = self._random.choice(self._seeds)
        return data[: self._place(data)] + other[self._place(other) :]

    def _token(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + self._random.choice(TELLING) + data[at + self._random.choice((0, 0, 1, 4)) :]

    # knowing the grammar

    def _number(self, data: bytes) -> bytes:
        found = list(_NUMBER.finditer(data))
        if not found:
            return data
        match = self._random.choice(found)
        return data[: match.start()] + self._random.choice(NUMBERS) + data[match.end() :]

    def _lines(self, data: bytes) -> list[bytes]:
        return data.split(b"\r\n")

    def _drop_line(self, data: bytes) -> bytes:
        lines = self._lines(data)
        del lines[self._random.randrange(len(lines))]
        return b"\r\n".join(lines)

    def _double_line(self, data: bytes) -> bytes:
        lines = self._lines(data)
        at = self._random.randrange(len(lines))
        lines.insert(self._random.randrange(len(lines) + 1), lines[at])
        return b"\r\n".join(lines)

    def _swap_lines(self, data: bytes) -> bytes:
        lines = self._lines(data)
        one, other = self._random.randrange(len(lines)), self._random.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
        return b"\r\n".join(lines)

    def _foreign_line(self, data: bytes) -> bytes:
        lines = self._lines(data)
        lines.insert(
            self._random.randrange(len(lines) + 1),
            self._random.choice(self._lines(self._random.choice(self._seeds))),
        )
        return b"\r\n".join(lines)

    def _respell(self, data: bytes) -> bytes:
        """A header name in another case or its compact form, or a value under another name."""
        lines = self._lines(data)
        at = self._random.randrange(len(lines))
        name, colon, value = lines[at].partition(b":")
        if colon:
            other = self._random.choice(lines).partition(b":")[0]
            spellings = (
                name.upper(),
                name.lower(),
                name.swapcase(),
                _COMPACT.get(name.lower(), name),
                other,
                name + b" ",
            )
            lines[at] = self._random.choice(spellings) + colon + value
        return b"\r\n".join(lines)

    def _fold(self, data: bytes) -> bytes:
        at = data.find(b" ", self._place(data))
        return data if at < 0 else data[:at] + b"\r\n " + data[at:]

    def _line_end(self, data: bytes) -> bytes:
        if self._random.random() < 0.3:
            return data.replace(b"\r\n", b"\n")
        at = data.find(b"\r\n", self._place(data))
        return data if at < 0 else data[:at] + self._random.choice((b"\n", b"\r", b"", b"\r\r\n")) + data[at + 2 :]

    def _part(self, data: bytes) -> bytes:
        """One of the pieces between separators, gone, doubled or replaced by another one of the message."""
        ends = [match.start() for match in _SEPARATOR.finditer(data)]
        if len(ends) < 2:
            return data
        at = self._random.randrange(len(ends) - 1)
        start, stop = ends[at], ends[at + 1]
        other = self._random.randrange(len(ends) - 1)
        piece = self._random.choice((b"", data[start:stop] * 2, data[ends[other] : ends[other + 1]]))
        return data[:start] + piece + data[stop:]

    def _many(self, data: bytes) -> bytes:
        """Very many of one thing: parameters, list items, header lines, one long word."""
        at = self._place(data)
        thing = self._random.choice(
            (b";p", b",<sip:a@b>", b"\r\nX: y", b"a", b"\r\n ", b"%41", b'\\"', b",", b" ", b"(")
        )
        return data[:at] + thing * self._random.choice((20, 130, 700)) + data[at:]
