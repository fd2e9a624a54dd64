"""The invariant of parser and framer, tried with mutated messages.

Any bytes give messages or raise `MalformedMessage`; what is accepted has readable checked headers, and is written
as bytes that parse to an equal message; a partial can be answered. It makes no difference in which pieces a
stream comes.
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sip_daemon.message import Frame, MalformedMessage, Pong, Request, Response, StreamFramer, parse_message
from sip_daemon.message.parser import CHECKED
from tests.support.messages import SDP, message_bytes, request_bytes

DIGEST = 'Digest username="a",realm="r",nonce="n",uri="sip:h",response="0a",nc=00000001,qop=auth'
FIXED = {
    "Via": ["SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKabc;rport, SIP/2.0/TCP [2001:db8::1]", "SIP/2.0/TLS p"],
    "From": '"Ada \\"L\\" Jürgen" <sip:1001@192.0.2.1>;tag=f1',
    "To": "Bob <sip:bob:pw@example.com;transport=tcp?Subject=x>;tag=t1",
    "Call-ID": "abc@192.0.2.10",
    "Contact": '"A, B" <sip:a@[2001:db8::1]:5061;lr>;q=0.5;expires=60;+sip.instance="<urn:uuid:1>", sip:b@h',
    "Route": "<sip:p1;lr>,<sip:p2;lr>",
    "Record-Route": "<sip:r1;lr>",
    "Expires": "3600",
    "Max-Forwards": "70",
    "Authorization": DIGEST,
    "Subject": "a\r\n b",
}
SEEDS = [
    message_bytes("REGISTER sip:h SIP/2.0", {**FIXED, "CSeq": "1 REGISTER", "Content-Length": "0"}),
    message_bytes("INVITE sip:%61@h:5060;x=1 SIP/2.0", {**FIXED, "CSeq": "2 INVITE", "l": str(len(SDP))}, SDP),
    message_bytes("SIP/2.0 200 OK", {**FIXED, "CSeq": "2 INVITE", "Content-Length": "2"}, b"hi"),
    request_bytes(headers={"Via": "SIP/2.0/UDP h;branch=z9hG4bK1", "From": "<sip:a@b>;tag=1", "Call-ID": "c"}),
    b"\r\n\r\n",
    b"\r\n",
]
TELLING = [
    *(bytes([byte]) for byte in b'\r\n\t "<>;:,=\\%@[]?*/\x00\x7f\xff09aZ'),
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b"\r\n ",
]

edit = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 6), st.sampled_from(TELLING) | st.binary(max_size=4))
few = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def mutate(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Replace a few bytes at a few places."""
    for place, removed, added in edits:
        at = int(place * (len(data) + 1))
        data = data[:at] + added + data[at + removed :]
    return data


mutated = st.builds(mutate, st.sampled_from(SEEDS), st.lists(edit, max_size=4))


def check_message(data: bytes) -> None:
    try:
        message = parse_message(data)
    except MalformedMessage as error:
        check_refusal(error)
        return
    check_readable(message)
    written = bytes(message)
    again = parse_message(written)
    assert type(again) is type(message)
    assert again.body == message.body
    assert bytes(again) == written


def check_refusal(error: MalformedMessage) -> None:
    assert error.status in (400, 413, 414, 505)
    if error.partial is not None:
        answer = bytes(Response.to_request(error.partial, error.status))
        assert answer.startswith(b"SIP/2.0 ")
        assert answer.count(b"\r\n\r\n") == 1


def check_readable(message: Request | Response) -> None:
    _ = message.top_via, message.from_, message.to, message.call_id, message.cseq
    _ = message.supported, message.require, message.allow, message.content_type, message.user_agent
    if isinstance(message, Request):
        for read in CHECKED.values():
            read(message.headers)
        bytes(Response.to_request(message, 200))


@few
@given(mutated)
def test_a_mutated_message_parses_or_is_refused(data: bytes) -> None:
    check_message(data)


@few
@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    check_message(data)


def run(pieces: list[bytes]) -> tuple[list[Frame], str | None]:
    """All frames but pongs (their number may depend on the pieces), and the fault at the end."""
    framer = StreamFramer()
    frames: list[Frame] = []
    for piece in pieces:
        try:
            frames += framer.receive_data(piece)
        except MalformedMessage:
            break
    fault = None if framer.error is None else str(framer.error)
    return [frame for frame in frames if not isinstance(frame, Pong)], fault


@few
@given(st.lists(mutated, min_size=1, max_size=3), st.integers(1, 400))
def test_the_pieces_of_a_stream_make_no_difference(messages: list[bytes], size: int) -> None:
    data = b"".join(messages)
    whole = run([data])
    assert run([data[at : at + 1] for at in range(len(data))]) == whole
    assert run([data[at : at + size] for at in range(0, len(data), size)]) == whole
    for frame in whole[0]:
        if isinstance(frame, bytes):
            check_message(frame)
