"""Builders of typical messages, as a phone on the local network writes them.

Each returns a parsed `Request` or `Response`, so that a test holds exactly what the network would have given it.
`headers` overrides or adds fields; None leaves one out, a list writes several lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sip_daemon.message import Request, Response, new_branch, new_call_id, new_tag, parse_message

Overrides = Mapping[str, str | Sequence[str] | None]

PHONE = "192.0.2.10"
SERVER = "192.0.2.1"

SDP = (
    b"v=0\r\no=phone 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"
)


def message_bytes(start_line: str, fields: Overrides, body: bytes = b"") -> bytes:
    """Write a message as it stands, right or wrong."""
    lines = [start_line]
    for name, value in fields.items():
        if value is None:
            continue
        values = [value] if isinstance(value, str) else value
        lines += [f"{name}: {text}" for text in values]
    return "\r\n".join([*lines, "", ""]).encode() + body


def request_bytes(
    method: str = "OPTIONS",
    uri: str = f"sip:{SERVER}",
    *,
    headers: Overrides | None = None,
    body: bytes = b"",
    cseq: int = 1,
    transport: str = "UDP",
) -> bytes:
    """A request in wire form; the defaults make it complete and correct."""
    fields: dict[str, str | Sequence[str] | None] = {
        "Via": f"SIP/2.0/{transport} {PHONE}:5060;branch={new_branch()};rport",
        "Max-Forwards": "70",
        "From": f'"Ada" <sip:1001@{SERVER}>;tag={new_tag()}',
        "To": f"<sip:1001@{SERVER}>",
        "Call-ID": new_call_id(),
        "CSeq": f"{cseq} {method}",
        "Contact": f"<sip:1001@{PHONE}:5060>",
        "User-Agent": "Test phone 1.0",
    }
    if body:
        fields["Content-Type"] = "application/sdp"
    fields["Content-Length"] = str(len(body))
    fields.update(headers or {})
    return message_bytes(f"{method} {uri} SIP/2.0", fields, body)


def request(method: str = "OPTIONS", uri: str = f"sip:{SERVER}", **options: object) -> Request:
    """The same, parsed. Options are those of `request_bytes`."""
    message = parse_message(request_bytes(method, uri, **options))  # type: ignore[arg-type]
    assert isinstance(message, Request)
    return message


def options(uri: str = f"sip:{SERVER}", *, headers: Overrides | None = None, cseq: int = 1) -> Request:
    return request("OPTIONS", uri, headers=headers, cseq=cseq)


def register(
    username: str = "1001",
    *,
    headers: Overrides | None = None,
    expires: int = 3600,
    cseq: int = 1,
    transport: str = "UDP",
) -> Request:
    """A REGISTER of one contact."""
    fields: dict[str, str | Sequence[str] | None] = {
        "From": f"<sip:{username}@{SERVER}>;tag={new_tag()}",
        "To": f"<sip:{username}@{SERVER}>",
        "Contact": f"<sip:{username}@{PHONE}:5060>",
        "Expires": str(expires),
        "Supported": "path, outbound, gruu",
    }
    fields.update(headers or {})
    return request("REGISTER", f"sip:{SERVER}", headers=fields, cseq=cseq, transport=transport)


def invite(
    callee: str = "1002",
    caller: str = "1001",
    *,
    headers: Overrides | None = None,
    body: bytes = SDP,
    cseq: int = 1,
    transport: str = "UDP",
) -> Request:
    """An INVITE with an audio offer."""
    fields: dict[str, str | Sequence[str] | None] = {
        "From": f'"Ada" <sip:{caller}@{SERVER}>;tag={new_tag()}',
        "To": f"<sip:{callee}@{SERVER}>",
        "Contact": f"<sip:{caller}@{PHONE}:5060>",
        "Allow": "INVITE, ACK, CANCEL, BYE, OPTIONS",
        "Supported": "replaces, timer",
    }
    fields.update(headers or {})
    return request("INVITE", f"sip:{callee}@{SERVER}", headers=fields, body=body, cseq=cseq, transport=transport)


def _beside(invite: Request, method: str, headers: Overrides | None, **changes: str) -> Request:
    """A request that shares Via, From, Call-ID and CSeq number with an INVITE."""
    fields: dict[str, str | Sequence[str] | None] = {
        "Via": str(invite.top_via),
        "From": str(invite.from_),
        "To": str(invite.to),
        "Call-ID": invite.call_id,
        "Contact": None,
        **changes,
        **(headers or {}),
    }
    return request(method, str(invite.uri), headers=fields, cseq=invite.cseq.number)


def ack_for(invite: Request, response: Response, *, headers: Overrides | None = None) -> Request:
    """The ACK of a final response: in the INVITE's transaction, or with a branch of its own for a 2xx."""
    via = str(invite.top_via)
    if response.is_success:
        via = f"SIP/2.0/{invite.top_via.transport} {PHONE}:5060;branch={new_branch()};rport"
    return _beside(invite, "ACK", headers, Via=via, To=str(response.to))


def cancel_for(invite: Request, *, headers: Overrides | None = None) -> Request:
    """The CANCEL of an INVITE (RFC 3261 §9.1)."""
    return _beside(invite, "CANCEL", headers)


def bye_for(invite: Request, response: Response, *, headers: Overrides | None = None, cseq: int = 2) -> Request:
    """A BYE from the caller in the dialog that `response` made."""
    fields: dict[str, str | Sequence[str] | None] = {
        "From": str(invite.from_),
        "To": str(response.to),
        "Call-ID": invite.call_id,
        "Contact": None,
    }
    fields.update(headers or {})
    contact = response.contact
    return request("BYE", str(contact.uri if contact else invite.uri), headers=fields, cseq=cseq)


def response_to(
    request: Request,
    status: int = 200,
    *,
    to_tag: str | None = None,
    headers: Overrides | None = None,
    body: bytes = b"",
) -> Response:
    """A response as it comes back over the network; one that may make a dialog has a Contact."""
    made = Response.to_request(request, status, to_tag=to_tag)
    if 100 < status < 300:
        made.headers.add("Contact", f"<sip:peer@{SERVER}:5060>")
    if body:
        made.headers.add("Content-Type", "application/sdp")
    for name, value in (headers or {}).items():
        values = [] if value is None else [value] if isinstance(value, str) else value
        made.headers.set_all(name, values)
    made.body = body
    parsed = parse_message(bytes(made))
    assert isinstance(parsed, Response)
    return parsed
