"""What a message says of itself: enough to find its conversation and to draw it. Nothing here raises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import parse_message
from sip_daemon.trace.fields import Cut, cut

_CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*+:[ \t]*+([^\s]++)[ \t]*+\r\n(?![ \t])", re.IGNORECASE)
_METHOD = re.compile(r"[A-Za-z][A-Za-z.-]{0,31}\Z")
_STATUS = re.compile(r"SIP/\S*[ \t]+(\d{3})", re.IGNORECASE)
_URI_USER = re.compile(r"""(?:sips?|tel):(?P<user>[^\s:@<>";?]++)(?:[^\s<>"@]*+@|(?=[>;\s]|\Z))""", re.IGNORECASE)
_USERNAME = re.compile(r"""\busername\s*+=\s*+"([^"]{1,256})\"""", re.IGNORECASE)
_TARGET = re.compile(r"<([^<>]{1,1024})>")


@dataclass(frozen=True, slots=True)
class Summary:
    """The names of one message. What it does not say is empty."""

    call_id: str
    method: str
    """Of a response that of its CSeq."""
    status: int | None
    """None for a request."""
    target: str
    """The request-URI."""
    from_user: str
    to_user: str
    usernames: tuple[str, ...]
    """Those that authenticate themselves."""
    contacts: tuple[str, ...]
    """The URIs of its Contact fields."""


class Glance(NamedTuple):
    """What sorting a message takes, at a tenth of the cost of a `Summary`."""

    call_id: str
    target: str
    """The request-URI; empty for a response."""
    names_somebody: bool
    """Whether a `Summary` would tell whose it is."""


def glance_at(data: bytes) -> Glance:
    found = _CALL_ID.search(data)
    if found is None:  # Odd line ends, a folded or a malformed field: the slow way knows all of them.
        summary = summarize(data)
        return Glance(summary.call_id, summary.target, names_somebody=True)
    start = data[: data.find(b"\r\n", 0, 1024)].split(b" ", 2)
    is_request = len(start) == 3 and not start[0].startswith(b"SIP/")
    target = start[1].decode("utf-8", "replace") if is_request else ""
    return Glance(found[1].decode("utf-8", "replace"), target, start[0] == b"REGISTER" or b"sername" in data)


def summarize(data: bytes) -> Summary:
    """Of any bytes."""
    return summary_of(cut(data))


def summary_of(message: Cut) -> Summary:
    status = _STATUS.match(message.start)
    sequence = message.first("CSeq").split()
    words = message.start.split()
    method = (sequence[-1] if sequence else "") if status is not None else (words[0] if words else "")
    credentials = message.all("Authorization") + message.all("Proxy-Authorization")
    return Summary(
        call_id=message.first("Call-ID"),
        method=method if _METHOD.match(method) else "",
        status=int(status[1]) if status is not None else None,
        target=words[1] if status is None and len(words) > 2 else "",
        from_user=uri_user(message.first("From")),
        to_user=uri_user(message.first("To")),
        usernames=tuple(match[1] for value in credentials if (match := _USERNAME.search(value[:4096]))),
        contacts=tuple(uri for value in message.all("Contact") for uri in _TARGET.findall(value)),
    )


def uri_user(value: str) -> str:
    """The user part of the address, or its host where it has none."""
    match = _URI_USER.search(value[:2048])
    return match["user"] if match is not None else ""


def problem_of(data: bytes) -> str:
    """Why the parser does not take a message; empty when it does. The text is ours."""
    try:
        parse_message(data)
    except RemoteProtocolError as error:
        return str(error)
    return ""
