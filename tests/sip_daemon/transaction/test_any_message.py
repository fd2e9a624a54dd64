"""Invariant: any message that parses is taken in or raises the one documented error, and nothing is left for ever."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Request, Response, parse_message
from sip_daemon.transaction import RequestReceived, ServerTransaction, TransactionLayer
from tests.support.transactions import UDP

GOOD_AND_ODD = {
    "via": (
        ["SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa", "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKb"],
        ["SIP/2.0/UDP 192.0.2.7", "SIP/2.0/UDP [::1]:1;branch=z9hG4bK", "SIP/2.0/UDP 192.0.2.7;branch=1, x"],
    ),
    "address": (
        ["<sip:a@b>", "<sip:a@b>;tag=1"],
        ["sip:a@b;tag=2", "tel:1;tag=", "\xff <sip:a@b>;tag=\xe9", "<sip:a@b"],
    ),
    "cseq": (["1 {method}", "2 {method}"], ["1 INVITE", "4294967295 {method}", "one"]),
    "call_id": (["c"], ["d", "@", "\xe9"]),
}
START_LINES = ["{method} sip:200@192.0.2.1 SIP/2.0"] * 4 + ["{method} tel:200 SIP/2.0", "SIP/2.0 486 Busy Here"]
METHODS = ["INVITE"] * 3 + ["ACK", "CANCEL"] * 2 + ["REGISTER", "BYE", "invite", "X"]
ANSWERS = st.sampled_from([None, 180, 200, 486])


def value(kind: str) -> st.SearchStrategy[str]:
    """Good ones mostly, so that whole messages get past the parser and meet each other in the layer."""
    good, odd = GOOD_AND_ODD[kind]
    return st.sampled_from(good * 6 + odd)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    lines = [
        draw(st.sampled_from(START_LINES)),
        f"Via: {draw(value('via'))}",
        "Max-Forwards: 70",
        f"From: {draw(value('address'))}",
        f"To: {draw(value('address'))}",
        f"Call-ID: {draw(value('call_id'))}",
        f"CSeq: {draw(value('cseq'))}",
        "Content-Length: 0\r\n\r\n",
    ]
    return "\r\n".join(lines).replace("{method}", draw(st.sampled_from(METHODS))).encode("latin-1")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(messages(), ANSWERS), max_size=8))
def test_whatever_parses_is_taken_or_refused_by_the_one_error(stream: list[tuple[bytes, int | None]]) -> None:
    layer, now = TransactionLayer(), 1_000.0
    open_requests: list[tuple[ServerTransaction, Request]] = []
    for data, status in stream:
        take(layer, data, now)
        for event in layer.take_events():
            if isinstance(event, RequestReceived):
                open_requests.append((event.transaction, event.request))
                if status is not None:
                    layer.respond(event.transaction, Response.to_request(event.request, status), now)
    for transaction, request in open_requests:
        layer.respond(transaction, Response.to_request(request, 404), now)
    layer.handle_timer(now + 40)
    layer.handle_timer(now + 80)
    counts = layer.counts()
    assert (counts.server, counts.client, counts.half_open, layer.next_timer()) == (0, 0, 0, None)


def take(layer: TransactionLayer, data: bytes, now: float) -> None:
    try:
        message = parse_message(data)
    except RemoteProtocolError:
        return
    try:
        layer.receive(message, UDP, now)
    except RemoteProtocolError:
        assert isinstance(message, Request)
