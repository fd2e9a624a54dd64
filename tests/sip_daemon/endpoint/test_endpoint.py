"""The endpoint over a transport without sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from sip_daemon.endpoint import Endpoint, Identity
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import MalformedMessage, Request, Response
from sip_daemon.transaction import RequestReceived, ResponseReceived, TimedOut, TransportFailed
from tests.support.clock import ManualClock
from tests.support.endpoint import QUICK, TCP_FLOW, UDP_FLOW, bench
from tests.support.messages import ack_for, cancel_for, invite, options, request_bytes, response_to
from tests.support.transport import SocketlessTransport, eventually

KEEPALIVES = [b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b"\0", b""]
GARBAGE = [b"\xff\xfe", b"GET / HTTP/1.1\r\n\r\n", b"INVITE\r\n", b"\x00\x01SIP", b"SIP/2.0 9\r\n\r\n"]


# what comes in


async def test_a_request_is_offered_with_its_source_noted_and_answered_on_its_flow() -> None:
    async with bench() as it:
        it.answer_with(200)
        it.receive(options())
        (event,) = it.requests
        assert event.request.top_via.received == UDP_FLOW.remote.host
        ((data, flow),) = it.transport.sent
        assert flow == UDP_FLOW
        assert data.startswith(b"SIP/2.0 200 OK\r\n")
        response = it.sent_response()
        assert response.top_via.rport == UDP_FLOW.remote.port
        assert response.headers.get("Server") == "GoSIP"


async def test_a_repeated_request_is_offered_once_and_answered_twice() -> None:
    async with bench() as it:
        it.answer_with(200)
        request = options()
        it.receive(request)
        it.receive(request)
        assert len(it.requests) == 1
        first, second = it.sent()
        assert first == second


async def test_the_ack_of_a_2xx_and_a_cancel_reach_their_handlers() -> None:
    async with bench() as it:
        first, second = invite(), invite()
        it.receive(first)
        ok = Response.to_request(first, 200)
        it.endpoint.respond(it.requests[0].transaction, ok)
        it.receive(ack_for(first, ok))
        assert [event.request.method for event in it.acks] == ["ACK"]
        it.receive(second)
        it.receive(cancel_for(second))
        assert [event.transaction for event in it.cancels] == [it.requests[1].transaction]


@pytest.mark.parametrize("data", KEEPALIVES)
async def test_a_keepalive_datagram_is_met_with_silence(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with bench() as it:
        it.receive(data)
        assert it.transport.sent == []
        assert not caplog.records


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"GET / HTTP/1.1\r\n\r\n", b"INVITE\r\n", b"\x00\x01SIP", b"SIP/2.0 9\r\n\r\n"]
)
async def test_garbage_is_met_with_silence(data: bytes) -> None:
    async with bench() as it:
        it.receive(data)
        it.receive(data, TCP_FLOW)
        assert it.transport.sent == []


async def test_a_malformed_request_is_answered_if_it_can_be_and_reaches_nobody() -> None:
    async with bench() as it:
        it.receive(request_bytes(headers={"Contact": "<sip:broken"}))
        response = it.sent_response()
        assert response.status == 400
        assert response.to.tag
        assert response.top_via.received == UDP_FLOW.remote.host
        assert it.requests == []


async def test_another_sip_version_is_answered_505() -> None:
    async with bench() as it:
        it.receive(request_bytes().replace(b" SIP/2.0\r\n", b" SIP/3.0\r\n", 1))
        assert it.sent_response().status == 505


async def test_a_malformed_ack_is_never_answered() -> None:
    async with bench() as it:
        it.receive(request_bytes("ACK", headers={"Contact": "<sip:broken"}))
        assert it.transport.sent == []


async def test_a_malformed_response_is_dropped() -> None:
    async with bench() as it:
        it.receive(bytes(response_to(options())).replace(b"CSeq: 1", b"CSeq: one"))
        assert it.transport.sent == []


async def test_answers_to_malformed_datagrams_are_rationed_by_source_and_so_are_log_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bench(clock=lambda: 0.0) as it:
        with caplog.at_level(logging.WARNING, "sip_daemon.endpoint"):
            for _ in range(100):
                it.receive(request_bytes(headers={"Contact": "<sip:broken"}))
        assert len(it.transport.sent) == 20
        assert len(caplog.records) == 1
        it.transport.take_sent()
        other = Flow(UDP_FLOW.transport, UDP_FLOW.local, TransportAddress("198.51.100.7", 5060))
        it.receive(request_bytes(headers={"Contact": "<sip:broken"}), other)
        assert len(it.transport.sent) == 1


async def test_a_log_line_never_shows_what_the_peer_sent(caplog: pytest.LogCaptureFixture) -> None:
    async with bench() as it:
        it.receive(request_bytes(headers={"Contact": "<sip:SECRET"}))
        assert "SECRET" not in caplog.text


async def test_an_answer_to_an_unverified_datagram_is_at_most_three_times_as_long() -> None:
    short = (
        b"OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bK1\r\nf:<sip:a>;tag=1\r\nt:<sip:a>\r\ni:1\r\n"
        b"CSeq:1 OPTIONS\r\n\r\n"
    )
    async with bench() as it:

        def answer(event: RequestReceived) -> None:
            response = Response.to_request(event.request, 200)
            response.headers.add("Allow", "INVITE, " * 40)
            response.headers.add("Supported", "timer, " * 40)
            it.endpoint.respond(event.transaction, response)

        it.endpoint.request_handler = answer
        it.receive(short)
        ((data, _),) = it.transport.sent
        assert len(data) <= 3 * len(short)
        it.transport.take_sent()
        it.receive(short.replace(b"z9hG4bK1", b"z9hG4bK2"), TCP_FLOW)
        ((data, _),) = it.transport.sent
        assert len(data) > 3 * len(short)


async def test_a_broken_stream_is_answered_before_it_is_closed() -> None:
    async with bench() as it:
        error = MalformedMessage("head is too long", status=413, partial=options())
        it.transport.receiver.framing_failed(error, TCP_FLOW)
        assert it.sent_response().status == 413


# transaction users that fail


async def test_until_there_is_a_transaction_user_requests_are_told_to_come_back() -> None:
    transport = SocketlessTransport()
    Endpoint(transport.as_layer())
    transport.receiver.message_received(request_bytes(), UDP_FLOW)
    ((data, _),) = transport.sent
    assert data.startswith(b"SIP/2.0 503 ")
    assert b"\r\nRetry-After: 5\r\n" in data


async def test_a_protocol_error_of_the_handler_becomes_the_answer() -> None:
    async with bench() as it:

        def refuse(event: RequestReceived) -> None:
            raise RemoteProtocolError("too many hops", status=483, warning="Max-Forwards has run out")

        it.endpoint.request_handler = refuse
        it.receive(options())
        response = it.sent_response()
        assert response.status == 483
        assert response.headers.get("Warning") == f'399 {UDP_FLOW.local.host} "Max-Forwards has run out"'


async def test_a_bug_of_the_handler_is_a_500_and_a_log_entry_and_the_next_request_is_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bench() as it:

        def fail(event: RequestReceived) -> None:
            raise ZeroDivisionError

        it.endpoint.request_handler = fail
        it.receive(options())
        assert it.sent_response().status == 500
        assert "ZeroDivisionError" in caplog.text
        it.answer_with(200)
        it.receive(options())
        assert it.sent_response().status == 200


async def test_a_bug_after_the_answer_does_not_answer_twice() -> None:
    async with bench() as it:

        def answer_and_fail(event: RequestReceived) -> None:
            it.endpoint.respond(event.transaction, Response.to_request(event.request, 200))
            raise ZeroDivisionError

        it.endpoint.request_handler = answer_and_fail
        it.receive(options())
        it.receive(invite())
        assert [message.status for message in it.sent() if isinstance(message, Response)] == [200, 200]


@pytest.mark.parametrize("flow", [UDP_FLOW, TCP_FLOW])
@pytest.mark.parametrize("make", [options, invite])
async def test_a_second_final_answer_is_dropped(flow: Flow, make: Callable[[], Request]) -> None:
    """RFC 3261 §17.2.2."""
    async with bench() as it:
        it.receive(make(), flow)
        (event,) = it.requests
        for status in (486, 480):
            it.endpoint.respond(event.transaction, Response.to_request(event.request, status))
        it.endpoint.refuse(event.transaction, Response.to_request(event.request, 401))
        assert it.sent_response().status == 486


@pytest.mark.parametrize("flow", [UDP_FLOW, TCP_FLOW])
@pytest.mark.parametrize("make", [options, invite])
async def test_an_answer_to_a_peer_that_is_gone_is_dropped(flow: Flow, make: Callable[[], Request]) -> None:
    async with bench() as it:
        it.receive(make(), flow)
        (event,) = it.requests
        it.transport.gone.add(flow)
        for status in (180, 200):
            response = Response.to_request(event.request, status)
            it.endpoint.respond(event.transaction, response)
            it.endpoint.send_again(response, flow)
        it.transport.receiver.flow_closed(flow)
        assert it.sent() == []


async def test_a_warning_that_holds_quotes_is_still_one_quoted_string() -> None:
    async with bench() as it:

        def fail(_: RequestReceived) -> None:
            raise RemoteProtocolError("no", status=488, warning='needs "PCMU"\r\nX: y')

        it.endpoint.request_handler = fail
        it.receive(invite())
        assert it.sent_response().headers.get_all("Warning") == ['399 192.0.2.1 "needs \\"PCMU\\"  X: y"']


async def test_a_bug_in_a_timer_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async with bench() as it:
        called: list[str] = []
        it.endpoint.call_later(0.0, lambda: called.append(str(1 // 0)))
        it.endpoint.call_later(0.001, lambda: called.append("second"))
        await eventually(lambda: called == ["second"])
        assert "ZeroDivisionError" in caplog.text


# refusing without keeping anything


async def test_a_refused_invite_is_answered_once_and_not_repeated() -> None:
    """RFC 3261 §8.2.7: a challenge to a forged address must not be sent eleven times."""
    clock = ManualClock()
    async with bench(clock=lambda: clock.now) as it:
        it.answer_with(401, statelessly=True)
        it.receive(invite())
        assert it.sent_response().status == 401
        assert it.endpoint._transactions.next_timer() is None


async def test_a_merged_request_is_found() -> None:
    """RFC 3261 §8.2.2.2."""
    async with bench() as it:
        first = invite()
        second = first.copy()
        second.headers.set("Via", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKother;rport")
        it.receive(first)
        it.receive(second)
        assert it.endpoint.find_merged(it.requests[0].transaction) is None
        assert it.endpoint.find_merged(it.requests[1].transaction) is it.requests[0].transaction


# requests of ours


def our_request(method: str = "OPTIONS") -> Request:
    """What a transaction user hands over: no Via, no Max-Forwards."""
    request = options() if method == "OPTIONS" else invite()
    for name in ("Via", "Max-Forwards", "User-Agent"):
        request.headers.remove(name)
    return request


async def test_a_request_gets_via_max_forwards_and_user_agent() -> None:
    async with bench(Identity(user_agent="GoSIP test")) as it:
        it.endpoint.send_request(our_request(), UDP_FLOW, it.heard.append)
        sent = it.sent_request()
        assert sent.headers.items()[0][0] == "Via"
        assert (sent.top_via.transport, sent.top_via.host, sent.top_via.port) == ("UDP", "192.0.2.1", 5060)
        assert sent.top_via.wants_rport
        assert sent.top_via.has_unique_branch
        assert sent.max_forwards == 70
        assert sent.user_agent == "GoSIP test"


async def test_a_max_forwards_that_is_there_is_kept_and_an_old_via_is_not() -> None:
    async with bench() as it:
        request = our_request()
        request.max_forwards = 12
        request.headers.add("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKold")
        it.endpoint.send_request(request, UDP_FLOW, it.heard.append)
        sent = it.sent_request()
        assert sent.max_forwards == 12
        assert len(sent.vias) == 1
        assert sent.top_via.host == "192.0.2.1"


async def test_the_answer_reaches_the_listener_and_nobody_else() -> None:
    async with bench() as it:
        transaction = it.endpoint.send_request(our_request(), UDP_FLOW, it.heard.append)
        it.receive(response_to(it.sent_request(), 200))
        (event,) = it.heard
        assert isinstance(event, ResponseReceived)
        assert event.transaction is transaction
        assert event.response.status == 200
        assert it.requests == []


async def test_each_2xx_to_an_invite_reaches_the_listener_and_is_acknowledged() -> None:
    async with bench() as it:
        it.endpoint.send_request(our_request("INVITE"), UDP_FLOW, it.heard.append)
        sent = it.sent_request()
        ok = response_to(sent, 200, to_tag="a")
        it.receive(ok)
        it.receive(ok)
        assert len(it.heard) == 2
        it.endpoint.send_ack(ack_for(sent, ok), UDP_FLOW)
        ack = it.sent_request()
        assert ack.method == "ACK"
        assert len(ack.vias) == 1
        assert ack.top_via.branch != sent.top_via.branch


async def test_a_cancel_waits_for_the_provisional_response() -> None:
    """RFC 3261 §9.1."""
    async with bench() as it:
        transaction = it.endpoint.send_request(our_request("INVITE"), UDP_FLOW, it.heard.append)
        sent = it.sent_request()
        it.endpoint.cancel(transaction, [("Reason", "SIP;cause=200")])
        assert it.transport.sent == []
        it.receive(response_to(sent, 180))
        cancel = it.sent_request()
        assert cancel.method == "CANCEL"
        assert cancel.headers.get("Reason") == "SIP;cause=200"


@pytest.mark.parametrize("flow", [UDP_FLOW, TCP_FLOW])
async def test_a_flow_that_is_gone_is_told_to_the_listener_after_the_call_has_returned(flow: Flow) -> None:
    async with bench() as it:
        it.transport.gone.add(flow)
        transaction = it.endpoint.send_request(our_request(), flow, it.heard.append)
        assert it.heard == []
        await eventually(lambda: it.heard == [TransportFailed(transaction)])


async def test_an_icmp_error_fails_the_transactions_of_that_flow() -> None:
    async with bench() as it:
        transaction = it.endpoint.send_request(our_request(), UDP_FLOW, it.heard.append)
        it.transport.receiver.flow_failed(UDP_FLOW, ConnectionRefusedError(111, "Connection refused"))
        assert it.heard == [TransportFailed(transaction)]
        assert it.closed == []


async def test_a_closed_connection_fails_its_transactions_and_is_told_once() -> None:
    async with bench() as it:
        transaction = it.endpoint.send_request(our_request(), TCP_FLOW, it.heard.append)
        it.transport.receiver.flow_closed(TCP_FLOW)
        assert it.heard == [TransportFailed(transaction)]
        assert it.closed == [TCP_FLOW]


async def test_a_request_that_nobody_answers_is_repeated_and_times_out() -> None:
    async with bench(timers=QUICK) as it:
        transaction = it.endpoint.send_request(our_request(), UDP_FLOW, it.heard.append)
        await eventually(lambda: bool(it.heard))
        assert it.heard == [TimedOut(transaction)]
        assert len(it.transport.sent) > 3


async def test_a_listener_may_send_the_next_request_at_once() -> None:
    """A challenge is answered from within the listener."""
    async with bench() as it:

        def again(_: object) -> None:
            it.endpoint.send_request(our_request(), UDP_FLOW, it.heard.append)

        it.endpoint.send_request(our_request(), UDP_FLOW, again)
        it.receive(response_to(it.sent_request(), 401))
        it.receive(response_to(it.sent_request(), 200))
        assert [event.response.status for event in it.heard if isinstance(event, ResponseReceived)] == [200]


async def test_a_2xx_can_be_repeated() -> None:
    async with bench() as it:
        request = invite()
        it.receive(request)
        ok = Response.to_request(request, 200)
        it.endpoint.respond(it.requests[0].transaction, ok)
        it.endpoint.send_again(ok, UDP_FLOW)
        first, second = it.sent()
        assert first == second


# addresses


async def test_the_contact_is_the_address_of_the_flow_and_names_a_stream_transport() -> None:
    async with bench() as it:
        assert str(it.endpoint.contact(UDP_FLOW)) == "<sip:gosip@192.0.2.1:5060>"
        assert str(it.endpoint.contact(TCP_FLOW, "1001")) == "<sip:1001@192.0.2.1:5060;transport=tcp>"


async def test_an_ipv6_address_stands_in_brackets_in_via_and_contact_and_bare_for_media() -> None:
    flow = Flow(TransportProtocol.UDP, TransportAddress("2001:db8::1", 5060), TransportAddress("2001:db8::9", 5060))
    async with bench() as it:
        it.endpoint.send_request(our_request(), flow, it.heard.append)
        assert b" [2001:db8::1]:5060;" in it.transport.sent[0][0]
        assert str(it.endpoint.contact(flow)) == "<sip:gosip@[2001:db8::1]:5060>"
        assert it.endpoint.media_address(flow) == ("2001:db8::1", "2001:db8::1")


async def test_a_peer_off_the_lan_is_told_the_external_address_everywhere() -> None:
    outside = Flow(TransportProtocol.UDP, UDP_FLOW.local, TransportAddress("198.51.100.1", 5060))
    async with bench(Identity(external_ip="203.0.113.9")) as it:
        it.endpoint.send_request(our_request(), outside, it.heard.append)
        assert it.sent_request().top_via.host == "203.0.113.9"
        assert it.endpoint.contact(outside).uri.host == "203.0.113.9"
        assert it.endpoint.media_address(outside) == ("192.0.2.1", "203.0.113.9")


# time and the end


async def test_timers_run_in_order_on_the_one_timer_and_can_be_cancelled() -> None:
    async with bench() as it:
        called: list[str] = []
        it.endpoint.call_later(0.02, lambda: called.append("late"))
        it.endpoint.call_later(0.005, lambda: called.append("early"))
        it.endpoint.call_later(0.01, lambda: called.append("never")).cancel()
        await eventually(lambda: "late" in called)
        assert called == ["early", "late"]


async def test_closing_stops_accepting_and_waits_for_the_answers_to_our_requests() -> None:
    async with bench() as it:
        it.endpoint.send_request(our_request("INVITE"), UDP_FLOW, it.heard.append)
        sent = it.sent_request()
        closing = asyncio.create_task(it.endpoint.close(drain_seconds=60))
        await asyncio.sleep(0)
        assert not it.transport.is_listening
        assert not it.transport.is_closed
        it.receive(response_to(sent, 486))
        await closing
        assert it.transport.is_closed


async def test_closing_does_not_wait_for_ever() -> None:
    async with bench() as it:
        it.endpoint.send_request(our_request(), UDP_FLOW, it.heard.append)
        await it.endpoint.close(drain_seconds=0.01)
        assert it.transport.is_closed
