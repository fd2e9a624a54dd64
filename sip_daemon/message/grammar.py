"""The small words of RFC 3261 §25.1: tokens, numbers, quoted strings, hosts, lists.

One rule: each function takes time linear in its text, and raises `RemoteProtocolError` for what the grammar forbids.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

from sip_daemon.errors import RemoteProtocolError

LWS = " \t"
"""Linear white space; line folds were removed when the message was split into lines."""

# Every pattern is a repeated character class or a sequence of disjoint ones: nothing to backtrack into.
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
# The underscore is in no host name of RFC 1123, yet real networks have it.
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_ESCAPE = re.compile(r'(["\\])')
_LIST_MARKS = {separator: re.compile(f'["<>{separator}]') for separator in ",;&"}


def is_token(text: str) -> bool:
    """Whether the text is a `token`, the form of methods, header names and option tags."""
    return _TOKEN.fullmatch(text) is not None


def parse_number(text: str, maximum: int, what: str) -> int:
    """A `1*DIGIT` no greater than `maximum`; `what` names it in the error."""
    # isdigit() alone takes the digits of other scripts; int() takes signs, spaces and underscores, and refuses
    # more than 4,300 digits with an error of its own.
    if not (text.isascii() and text.isdigit()):
        raise RemoteProtocolError(f"{what} is not a number")
    if len(text) > 20:
        text = text.lstrip("0")[:21] or "0"
    number = int(text)
    if number > maximum:
        raise RemoteProtocolError(f"{what} is too large")
    return number


def quoted_string_end(text: str, start: int = 0) -> int:
    """The position behind the quoted string that begins at `start`."""
    if "\\" not in text and (end := text.find('"', start + 1)) > 0:
        return end + 1
    found = _QUOTED.match(text, start)
    if found is None:
        raise RemoteProtocolError("quoted string has no end")
    return found.end()


def unquote(text: str) -> str:
    """The content of a quoted string; any other text as it is."""
    if text[:1] != '"':
        return text
    if "\\" not in text and text.find('"', 1) == len(text) - 1 > 0:
        return text[1:-1]
    if quoted_string_end(text) != len(text):
        raise RemoteProtocolError("text behind a quoted string")
    return _QUOTED_PAIR.sub(r"\1", text[1:-1])


def quote(text: str) -> str:
    """The text as a quoted string. Line ends, which no quoted string can hold, become spaces."""
    content = text.replace("\r", " ").replace("\n", " ")
    if '"' in content or "\\" in content:
        content = _NEEDS_ESCAPE.sub(r"\\\1", content)
    return f'"{content}"'


def split_list(text: str, separator: str = ",") -> list[str]:
    """The elements between separators (comma, semicolon, ampersand) that stand outside quotes and angle brackets,
    without surrounding space.

    Empty elements are kept: whether they are tolerable is the caller's matter.
    """
    if separator not in text:
        return [text.strip(LWS)]
    if '"' not in text and "<" not in text:
        return [part.strip(LWS) for part in text.split(separator)]
    return [part.strip(LWS) for part in _split_marked(text, separator)]


def _split_marked(text: str, separator: str) -> list[str]:
    marks = _LIST_MARKS[separator]
    parts: list[str] = []
    begin = position = 0
    in_brackets = False
    while (mark := marks.search(text, position)) is not None:
        position = mark.end()
        match mark.group():
            case '"' if not in_brackets:
                position = quoted_string_end(text, mark.start())
            case "<":
                in_brackets = True
            case ">":
                in_brackets = False
            case found if found == separator and not in_brackets:
                parts.append(text[begin : mark.start()])
                begin = position
    parts.append(text[begin:])
    return parts


@lru_cache(maxsize=4096)
def parse_host_port(text: str) -> tuple[str, int | None]:
    """Split `host[:port]`. An IPv6 reference loses its brackets, as in `TransportAddress`."""
    if text[:1] == "[":
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise RemoteProtocolError("IPv6 reference has no end")
        _check_ipv6(host)
        rest = rest.lstrip(LWS)
        if rest and rest[0] != ":":
            raise RemoteProtocolError("text behind an IPv6 reference")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = text.partition(":")
        host = host.rstrip(LWS)
        if _HOST.fullmatch(host) is None:
            raise RemoteProtocolError("malformed host")
    if not colon:
        return host, None
    number = parse_number(port.strip(LWS), 65_535, "port")
    if number == 0:
        raise RemoteProtocolError("port is 0")
    return host, number


def _check_ipv6(host: str) -> None:
    # A zone ("%eth0") has no meaning on another machine.
    try:
        if "%" in host or len(host) > 45:
            raise AddressValueError
        IPv6Address(host)
    except AddressValueError:
        raise RemoteProtocolError("malformed IPv6 reference") from None


def format_host_port(host: str, port: int | None) -> str:
    """`host[:port]`, an IPv6 address in brackets."""
    text = f"[{host}]" if ":" in host else host
    return text if port is None else f"{text}:{port}"
