"""From bytes to a request or response (RFC 3261 §7, §16.3, §18.3).

One rule: any bytes give a message or a `MalformedMessage`, and nothing else. The error carries `.partial` when
enough could be read to answer the request.

What a message must have to pass: a start line; Via, From, To, Call-ID and CSeq, of which the first Via, From, To
and CSeq make sense; no second line of a field that may come once; a Content-Length that the body reaches; and each
field of `CHECKED` well-formed. Beyond the grammar of §25 we take lines that end in LF alone, a datagram without the
blank line, display names with commas and dots outside quotes, and heads in Latin-1.
"""

from __future__ import annotations

from collections.abc import Callable

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.fields import (
    MANDATORY,
    read_authorization,
    read_contacts,
    read_expires,
    read_max_forwards,
    read_paths,
    read_proxy_authorization,
    read_record_routes,
    read_routes,
)
from sip_daemon.message.grammar import LWS, is_token, parse_number
from sip_daemon.message.head import find_head_end, split_head
from sip_daemon.message.headers import SPELLINGS, Headers, canonical_name
from sip_daemon.message.limits import DEFAULT_LIMITS, MessageLimits
from sip_daemon.message.malformed import MalformedMessage, salvage
from sip_daemon.message.request import Request
from sip_daemon.message.response import Response
from sip_daemon.message.uri import Uri

SINGLE = frozenset(
    [
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Max-Forwards",
        "Content-Length",
        "Content-Type",
        "Content-Encoding",
        "Expires",
        "Min-Expires",
        "Event",
        "Date",
        "Refer-To",
        "Referred-By",
        "Replaces",
        "Session-Expires",
        "Min-SE",
        "RAck",
        "RSeq",
        "Subscription-State",
        "Retry-After",
    ]
)
"""Fields of which a second line makes the message ambiguous (RFC 4475 §3.3.8)."""

CHECKED: dict[str, Callable[[Headers], object]] = {
    "Contact": read_contacts,
    "Route": read_routes,
    "Record-Route": read_record_routes,
    "Path": read_paths,
    "Max-Forwards": read_max_forwards,
    "Expires": read_expires,
    "Authorization": read_authorization,
    "Proxy-Authorization": read_proxy_authorization,
}
"""Fields of a request that are read at once when present, so that no later reader meets a malformed one."""

_VERSION = "SIP/2.0"


def parse_message(data: bytes, limits: MessageLimits = DEFAULT_LIMITS) -> Request | Response:
    """Read one datagram, or one message that a framer cut out.

    Bytes behind Content-Length are dropped (§18.3). Raises `MalformedMessage`.
    """
    data = bytes(data).lstrip(b"\r\n")
    try:
        if len(data) > limits.max_message_bytes:
            raise RemoteProtocolError("message is too long", status=413)
        lines, body_start, charset = split_head(data, limits)
        headers = _parse_headers(lines, limits)
        body = _cut_body(data, body_start, headers)
        if lines[0][:4].upper() == "SIP/":
            return _make_response(lines[0], headers, body, charset)
        return _make_request(lines[0], headers, body, charset, limits)
    except RemoteProtocolError as error:
        stop, _ = find_head_end(data[: limits.max_head_bytes])
        raise MalformedMessage(str(error), status=error.status, partial=salvage(data[:stop])) from error


def _parse_headers(lines: list[str], limits: MessageLimits) -> Headers:
    if len(lines) > 2 * limits.max_headers:
        raise RemoteProtocolError("too many header lines")
    items: list[tuple[str, str]] = []
    known_name = SPELLINGS.get
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        known = known_name(name)
        if known is not None and colon:
            items.append((known, value.strip(LWS)))
        elif line[:1] in LWS:
            _fold(items, line)
        else:
            items.append((_unusual_name(name, colon), value.strip(LWS)))
    if len(items) > limits.max_headers:
        raise RemoteProtocolError("too many header fields")
    first = dict(reversed(items))
    if len(first) != len(items):
        _check_single(items)
    return Headers.from_checked(items, first)


def _fold(items: list[tuple[str, str]], line: str) -> None:
    """Join a continuation line to the field before it (§7.3.1); an empty line is a datagram's missing end."""
    content = line.strip(LWS)
    if not content:
        return
    if not items:
        raise RemoteProtocolError("continuation of nothing")
    name, value = items[-1]
    items[-1] = (name, f"{value} {content}" if value else content)


def _unusual_name(name: str, colon: str) -> str:
    name = name.rstrip(LWS)
    if not colon or not is_token(name):
        raise RemoteProtocolError("malformed header line")
    return canonical_name(name) or name


def _check_single(items: list[tuple[str, str]]) -> None:
    seen: set[str] = set()
    for name, _ in items:
        if name in seen and name in SINGLE:
            raise RemoteProtocolError(f"{name} comes twice")
        seen.add(name)


def content_length(headers: Headers) -> int | None:
    """The announced length of the body; None when there is no such header."""
    text = headers.get("Content-Length")
    return None if text is None else parse_number(text, 2**40, "Content-Length")


def _cut_body(data: bytes, body_start: int, headers: Headers) -> bytes:
    length = content_length(headers)
    available = len(data) - body_start if body_start >= 0 else 0
    if length is None:
        return data[body_start:] if available else b""
    if length > available:
        raise RemoteProtocolError("body is shorter than Content-Length")
    return data[body_start : body_start + length] if length else b""


def _make_request(start: str, headers: Headers, body: bytes, charset: str, limits: MessageLimits) -> Request:
    method, uri = _parse_request_line(start, limits)
    request = Request(method, uri, headers, body)
    request.charset = charset
    _check_mandatory(request)
    if request.cseq.method != method:
        raise RemoteProtocolError("CSeq names another method")
    present = headers.first_values
    for name, read in CHECKED.items():
        if name in present:
            headers.typed(name, read)
    return request


def _parse_request_line(line: str, limits: MessageLimits) -> tuple[str, Uri]:
    parts = line.split(" ")
    if parts[-1] != _VERSION and parts[-1].upper() != _VERSION:
        if parts[-1][:4].upper() == "SIP/" and len(parts) == 3:
            raise RemoteProtocolError("unknown SIP version", status=505)
        raise RemoteProtocolError("malformed request line")
    if len(parts) != 3 or not is_token(parts[0]):
        raise RemoteProtocolError("malformed request line")
    if len(parts[1]) > limits.max_uri_length:
        raise RemoteProtocolError("Request-URI is too long", status=414)
    uri = Uri.parse(parts[1])
    if uri.headers:
        raise RemoteProtocolError("Request-URI carries headers")  # §19.1.1, table 1
    return parts[0], uri


def _make_response(start: str, headers: Headers, body: bytes, charset: str) -> Response:
    version, _, rest = start.partition(" ")
    code, _, reason = rest.partition(" ")
    if version.upper() != _VERSION:
        raise RemoteProtocolError("unknown SIP version", status=505)
    if len(code) != 3 or not 100 <= parse_number(code, 999, "status code") <= 699:
        raise RemoteProtocolError("malformed status code")
    response = Response(int(code), reason, headers, body)
    response.charset = charset
    _check_mandatory(response)
    if 100 < response.status < 300:
        # These make dialogs; in other responses a malformed Contact harms nobody.
        _ = response.contacts, response.record_routes
    return response


def _check_mandatory(message: Request | Response) -> None:
    headers = message.headers
    present = headers.first_values
    for name, typed_name, parse in MANDATORY:
        text = present.get(name)
        if not text:
            raise RemoteProtocolError(f"{name} is missing")
        headers.remember(typed_name, parse(text))
