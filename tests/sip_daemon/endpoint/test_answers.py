"""Who gets an answer without having proven anything, and how many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sip_daemon.endpoint.answers import UNPROVEN_BURST, UNPROVEN_RATE
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Request, Response
from sip_daemon.transaction import RequestReceived
from tests.support.clock import ManualClock
from tests.support.endpoint import TCP_FLOW, UDP_FLOW, Bench, bench
from tests.support.messages import SERVER, invite, options, register

MANY = int(UNPROVEN_BURST) + 200
LAN_FLOW = Flow(TransportProtocol.UDP, TransportAddress(SERVER, 5060), TransportAddress("10.0.0.7", 5060))


def flood(it: Bench, flow: Flow, make: Callable[[], Request], count: int = MANY) -> int:
    """How many of so many requests were answered."""
    for _ in range(count):
        it.receive(make(), flow)
    return len(it.transport.take_sent())


@pytest.mark.parametrize(("make", "status"), [(register, 401), (invite, 401), (options, 200)])
async def test_a_source_off_the_lan_without_proof_gets_a_burst_and_then_a_rate(
    make: Callable[[], Request], status: int
) -> None:
    clock = ManualClock()
    async with bench(clock=lambda: clock.now) as it:
        it.answer_with(status, statelessly=True)
        assert flood(it, UDP_FLOW, make) == UNPROVEN_BURST
        assert it.endpoint.transaction_counts().server == 0
        clock.advance(1.0)
        assert flood(it, UDP_FLOW, make) == UNPROVEN_RATE


@pytest.mark.parametrize("flow", [LAN_FLOW, TCP_FLOW])
async def test_peers_on_the_lan_or_a_connection_are_all_answered(flow: Flow) -> None:
    async with bench() as it:
        it.answer_with(401, statelessly=True)
        assert flood(it, flow, register) == MANY


async def test_each_request_that_is_let_in_earns_an_answer_back() -> None:
    """A site whose phones answer their challenges is never held up."""
    clock = ManualClock()
    async with bench(clock=lambda: clock.now) as it:
        for _ in range(MANY):
            it.answer_with(401, statelessly=True)
            it.receive(register())
            it.answer_with(200)
            it.receive(register())
        assert len(it.transport.take_sent()) == 2 * MANY


async def test_who_was_let_in_hears_the_end_however_many_strangers_share_its_address() -> None:
    clock = ManualClock()
    async with bench(clock=lambda: clock.now) as it:
        it.receive(invite())
        (call,) = it.requests
        it.endpoint.respond(call.transaction, Response.to_request(call.request, 180))
        it.answer_with(401, statelessly=True)
        flood(it, UDP_FLOW, register)
        it.endpoint.respond(call.transaction, Response.to_request(call.request, 486))
        assert it.sent_response().status == 486


@pytest.mark.parametrize("has_spoken", [False, True])
async def test_an_error_is_repeated_to_those_only_who_had_a_provisional_response(has_spoken: bool) -> None:
    """RFC 3261 §8.2.7: a forged INVITE must not draw eleven refusals."""
    clock = ManualClock()
    async with bench(clock=lambda: clock.now) as it:

        def fail(event: RequestReceived) -> None:
            if has_spoken:
                it.endpoint.respond(event.transaction, Response.to_request(event.request, 100))
            raise RemoteProtocolError("unsupported", status=420)

        it.endpoint.request_handler = fail
        it.receive(invite())
        assert it.endpoint.transaction_counts().server == int(has_spoken)
        assert it.transport.take_sent()[-1][0].startswith(b"SIP/2.0 420")
