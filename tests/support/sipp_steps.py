"""SIPp scenarios put together from steps: what a phone sends and waits for, without the same forty lines in each file.

`caller(...)` is a phone that is challenged and calls the number in field2 as the user in field0; `callee(...)` one that
is called. The steps between INVITE and BYE are the test's. A scenario fails as soon as anything else comes.
"""

from __future__ import annotations

from pathlib import Path

VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport"
CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>"
FROM = "From: <sip:[field0]@localhost>;tag=[call_number]"
TO_TAG = "[pid]SIPpTag[call_number]"


def sdp(direction: str = "sendrecv", version: int = 1) -> str:
    return "\n".join(
        [
            "v=0",
            f"o=sipp 1 {version} IN IP[local_ip_type] [local_ip]",
            "s=-",
            "c=IN IP[media_ip_type] [media_ip]",
            "t=0 0",
            "m=audio [media_port] RTP/AVP 0",
            "a=rtpmap:0 PCMU/8000",
            f"a={direction}",
        ]
    )


def element(name: str, content: str = "", **attributes: str) -> str:
    text = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{text}>{content}</{name}>\n"


def action(text: str) -> str:
    return element("action", text) if text else ""


def message(lines: list[str], body: str, *, retrans: bool) -> str:
    kind = ["Content-Type: application/sdp"] if body else []
    text = "\n".join([*lines, *kind, "Content-Length: [len]", "", body])
    return element("send", f"<![CDATA[\n{text}\n]]>", **({"retrans": "500"} if retrans else {}))


# The calling phone


def request(method: str, cseq: int, *headers: str, body: str = "", first: bool = False) -> str:
    """A request of the calling phone; `first` for one outside the dialog."""
    uri = "sip:[field2]@localhost" if first else "[next_url]"
    to = "To: <sip:[field2]@localhost>" if first else "[last_To:]"
    routes = [] if first else ["[routes]"]
    number = f"CSeq: {cseq} {method}"
    lines = [f"{method} {uri} SIP/2.0", VIA, *routes, "Max-Forwards: 70", FROM, to, "Call-ID: [call_id]", number]
    return message([*lines, CONTACT, *headers], body, retrans=method != "ACK")


def refused_ack(cseq: int, *, first: bool = False) -> str:
    """The ACK of a refusal: in the transaction of its INVITE (RFC 3261 §17.1.1.3)."""
    uri = "sip:[field2]@localhost" if first else "[next_url]"
    lines = [f"ACK {uri} SIP/2.0", "[last_Via:]", "Max-Forwards: 70", FROM, "[last_To:]", "Call-ID: [call_id]"]
    return message([*lines, f"CSeq: {cseq} ACK"], "", retrans=False)


def expect(status: int, *, optional: bool = False, look: str = "", routes: bool = False) -> str:
    attributes = {"response": str(status)}
    attributes |= {"optional": "true"} if optional else {}
    attributes |= {"rrs": "true"} if routes else {}
    return element("recv", action(look), **attributes)


def must_have(header: str, pattern: str) -> str:
    """An action: the scenario fails unless the header is like that."""
    return f'<ereg regexp="{pattern}" search_in="hdr" header="{header}:" check_it="true" assign_to="seen"/>'


def pause(milliseconds: int) -> str:
    return f'<pause milliseconds="{milliseconds}"/>\n'


def invite(*headers: str, body: str) -> str:
    """The first INVITE, the challenge, and the INVITE with credentials."""
    return (
        request("INVITE", 1, *headers, body=body, first=True)
        + expect(100, optional=True)
        + element("recv", response="401", auth="true")
        + refused_ack(1, first=True)
        + request("INVITE", 2, "[field1]", *headers, body=body, first=True)
        + expect(100, optional=True)
    )


def hang_up(cseq: int) -> str:
    return pause(100) + request("BYE", cseq) + expect(200)


# The called phone


def receive(method: str, look: str = "") -> str:
    return element("recv", action(look), request=method, crlf="true")


REMEMBER = (
    '<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>'
    '<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>'
)
"""An action: what the answer to this request needs, should another request come before it."""


def respond(
    status: str, *headers: str, body: str = "", makes_dialog: bool = False, repeats: bool = False, late: bool = False
) -> str:
    """An answer to the last request; `late` to the one that was remembered."""
    to = f"[last_To:];tag={TO_TAG}" if makes_dialog else "[last_To:]"
    via, cseq = ("Via:[$via]", "CSeq:[$cseq]") if late else ("[last_Via:]", "[last_CSeq:]")
    copied = [via, "[last_From:]", to, "[last_Call-ID:]", cseq]
    return message([f"SIP/2.0 {status}", *copied, CONTACT, *headers], body, retrans=repeats)


def answered(*headers: str) -> str:
    """Ring, answer, get the ACK."""
    return (
        receive("INVITE")
        + respond("180 Ringing", makes_dialog=True)
        + pause(200)
        + respond("200 OK", *headers, body=sdp(), makes_dialog=True, repeats=True)
        + receive("ACK")
    )


def ended() -> str:
    return receive("BYE") + respond("200 OK")


def write(path: Path, *steps: str) -> Path:
    """The scenario as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "".join(steps)
    # SIPp refuses variables that are set and not used.
    names = [name for name in ("seen", "via", "cseq", "rseq") if f'assign_to="{name}"' in body]
    seen = f'<Reference variables="{",".join(names)}"/>' if names else ""
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{path.stem}">\n{body}{seen}</scenario>\n')
    return path
