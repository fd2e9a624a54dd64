"""Invariant: any message that parses is taken in or raises the one documented error, and nothing is left for ever."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Request, Response, parse_message
from sip_daemon.transaction import RequestReceived, TransactionLayer
from tests.support.transactions import UDP

START_LINES = ["{method} sip:200@192.0.2.1 SIP/2.0", "SIP/2.0 200 OK", "SIP/2.0 180 Ringing", "SIP/2.0 486 Busy Here"]
VIAS = ["SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa", "SIP/2.0/UDP 192.0.2.7", "SIP/2.0/UDP [::1]:1;branch=z9hG4bK", "x"]
ADDRESSES = ["<sip:a@b>", "<sip:a@b>;tag=1", "sip:a@b;tag=2", "<sip:a@b", "tel:1;tag=", "*", "\xff <sip:a@b>;tag=\xe9"]
METHODS = ["INVITE", "ACK", "CANCEL", "REGISTER", "BYE", "invite", "X"]
CSEQS = ["1 {method}", "1 INVITE", "4294967295 {method}", "-1 {method}", "one", "1"]


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    method = draw(st.sampled_from(METHODS))
    lines = [
        draw(st.sampled_from(START_LINES)),
        *(f"Via: {via}" for via in draw(st.lists(st.sampled_from(VIAS), max_size=2))),
        f"From: {draw(st.sampled_from(ADDRESSES))}",
        f"To: {draw(st.sampled_from(ADDRESSES))}",
        f"Call-ID: {draw(st.sampled_from(['c', 'd', '@', '']))}",
        f"CSeq: {draw(st.sampled_from(CSEQS))}",
        "Content-Length: 0\r\n\r\n",
    ]
    return "\r\n".join(lines).replace("{method}", method).encode("latin-1")


@settings(max_examples=200, deadline=None)
@given(st.lists(messages(), max_size=8))
def test_whatever_parses_is_taken_or_refused_by_the_one_error(stream: list[bytes]) -> None:
    layer, now = TransactionLayer(), 1_000.0
    for data in stream:
        try:
            message = parse_message(data)
        except RemoteProtocolError:
            continue
        try:
            layer.receive(message, UDP, now)
        except RemoteProtocolError:
            assert isinstance(message, Request)
    answer_all(layer, now)
    layer.handle_timer(now + 40)
    layer.handle_timer(now + 80)
    counts = layer.counts()
    assert (counts.server, counts.client, counts.half_open) == (0, 0, 0)


def answer_all(layer: TransactionLayer, now: float) -> None:
    for event in layer.take_events():
        if isinstance(event, RequestReceived):
            layer.respond(event.transaction, Response.to_request(event.request, 404), now)
