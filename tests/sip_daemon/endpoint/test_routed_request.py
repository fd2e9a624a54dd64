"""Requests that no flow leads to: RFC 3263 §4.3 fail-over, RFC 3261 §18.1.1, each try a transaction of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sip_daemon.endpoint import ClientEvent
from sip_daemon.endpoint.routed_request import TRY_SECONDS
from sip_daemon.endpoint.router import TROUBLE_SECONDS
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Request, Response, new_tag, parse_message
from sip_daemon.transaction import ResponseReceived, TimedOut, TransportFailed
from sip_daemon.transport import Target
from tests.support.endpoint import UDP_FLOW, Bench, bench
from tests.support.virtual_time import in_virtual_time

UDP, TCP = TransportProtocol.UDP, TransportProtocol.TCP
FIRST, SECOND = (Target(UDP, TransportAddress(f"198.51.100.{number}", 5060)) for number in (1, 2))


@dataclass
class Story:
    """A bench whose sent requests are looked at by where they went."""

    bench: Bench
    heard: list[ClientEvent] = field(default_factory=list)

    def places(self, *targets: Target) -> None:
        self.bench.transport.places["proxy.test"] = targets

    def send(self, request: Request, flow: Flow | None = None, patience: float | None = None) -> object:
        return self.bench.endpoint.send_request_to(request, self.heard.append, flow, patience=patience)

    async def sent_to(self) -> list[tuple[str, str]]:
        """Method and place of the requests since the last look, repetitions left out."""
        for _ in range(10):
            await asyncio.sleep(0)
        seen: dict[bytes, tuple[str, str]] = {}
        for data, flow in self.bench.transport.take_sent():
            seen[data] = (data.split(b" ", 1)[0].decode(), f"{flow.transport.lower()}:{flow.remote}")
        return list(seen.values())

    async def last_request(self, method: str) -> tuple[Request, Flow]:
        for _ in range(10):
            await asyncio.sleep(0)
        found = [
            (message, flow)
            for data, flow in self.bench.transport.take_sent()
            if isinstance(message := parse_message(data), Request) and message.method == method
        ]
        return found[-1]

    async def answer(self, status: int, method: str = "INVITE", **headers: str) -> Request:
        """The last request sent is answered from where it went."""
        request, flow = await self.last_request(method)
        response = Response.to_request(request, status, to_tag=new_tag())
        for name, value in headers.items():
            response.headers.add(name.replace("_", "-"), value)
        self.bench.receive(response, flow)
        for _ in range(10):
            await asyncio.sleep(0)
        return request

    @property
    def statuses(self) -> list[int | str]:
        return [one.response.status if isinstance(one, ResponseReceived) else type(one).__name__ for one in self.heard]


@contextlib.asynccontextmanager
async def story() -> AsyncIterator[Story]:
    async with bench(clock=asyncio.get_running_loop().time) as made:
        yield Story(made)


def invite(method: str = "INVITE", body: bytes = b"") -> Request:
    request = Request(method, "sip:anna@10.1.1.1", body=body)
    for name, value in (
        ("Route", "<sip:proxy.test;lr>"),
        ("From", "<sip:100@192.0.2.1>;tag=a"),
        ("To", "<sip:anna@192.0.2.1>"),
        ("Call-ID", "c"),
        ("CSeq", f"1 {method}"),
        ("Contact", "<sip:gosip@192.0.2.1>"),
    ):
        request.headers.add(name, value)
    return request


@in_virtual_time
async def test_a_flow_that_leads_there_is_used_at_once() -> None:
    """No task and no look-up: the request is out before the call returns."""
    async with story() as told:
        request = invite("OPTIONS")
        request.headers.remove("Route")
        told.send(request, UDP_FLOW)
        assert [flow for _, flow in told.bench.transport.take_sent()] == [UDP_FLOW]


@in_virtual_time
async def test_a_host_name_is_looked_up() -> None:
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite(), UDP_FLOW)
        assert await told.sent_to() == [("INVITE", "udp:198.51.100.1:5060")]


@in_virtual_time
async def test_silence_leads_to_the_next_place_with_a_branch_of_its_own() -> None:
    """§4.3."""
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite())
        first, _ = await told.last_request("INVITE")
        await asyncio.sleep(TRY_SECONDS + 0.1)
        second, flow = await told.last_request("INVITE")
        assert flow.remote == SECOND.address
        assert second.top_via.branch != first.top_via.branch
        assert second.call_id == first.call_id
        assert not told.heard


@in_virtual_time
async def test_a_provisional_response_settles_it() -> None:
    """§4.3: a failure is one "without ever having received any response, provisional or final"."""
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite())
        await told.answer(180)
        await asyncio.sleep(TRY_SECONDS * 3)
        assert await told.sent_to() == []
        assert told.statuses == [180]


@in_virtual_time
async def test_503_leads_to_the_next_place_and_is_not_told() -> None:
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite())
        await told.answer(503)
        await told.answer(200)
        assert told.statuses == [200]


@in_virtual_time
async def test_503_after_100_does_so_too() -> None:
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite())
        request, flow = await told.last_request("INVITE")
        for status in (100, 503):
            told.bench.receive(Response.to_request(request, status, to_tag="b"), flow)
        assert (await told.sent_to())[-1] == ("INVITE", "udp:198.51.100.2:5060")


@in_virtual_time
async def test_any_other_answer_is_the_answer() -> None:
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite())
        await told.answer(486)
        assert told.statuses == [486]
        assert [method for method, _ in await told.sent_to()] == ["ACK"]


@in_virtual_time
async def test_the_last_503_is_told() -> None:
    async with story() as told:
        told.places(FIRST)
        told.send(invite())
        await told.answer(503)
        assert told.statuses == [503]


@in_virtual_time
async def test_an_icmp_error_leads_to_the_next_place_at_once() -> None:
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite())
        _, flow = await told.last_request("INVITE")
        told.bench.transport.receiver.flow_failed(flow, OSError("refused"))
        assert await told.sent_to() == [("INVITE", "udp:198.51.100.2:5060")]


@in_virtual_time
async def test_a_name_that_leads_nowhere_is_a_failed_transport() -> None:
    async with story() as told:
        told.send(invite())
        await asyncio.sleep(0.1)
        assert [type(event) for event in told.heard] == [TransportFailed]


@in_virtual_time
async def test_a_place_that_takes_no_connection_is_passed_over() -> None:
    async with story() as told:
        refusing = Target(TCP, FIRST.address)
        told.bench.transport.refusing.add(refusing)
        told.places(refusing, SECOND)
        told.send(invite())
        assert await told.sent_to() == [("INVITE", "udp:198.51.100.2:5060")]


@in_virtual_time
async def test_a_place_that_failed_is_tried_last_for_a_while() -> None:
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite())
        await told.answer(503)
        await told.answer(200)
        told.send(invite())
        assert (await told.sent_to())[-1] == ("INVITE", "udp:198.51.100.2:5060")
        await asyncio.sleep(TROUBLE_SECONDS + 1)
        await told.sent_to()
        told.send(invite())
        assert (await told.sent_to())[-1] == ("INVITE", "udp:198.51.100.1:5060")


@in_virtual_time
async def test_retry_after_says_for_how_long() -> None:
    """RFC 3261 §21.5.4."""
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite())
        await told.answer(503, Retry_After="120 (in maintenance);duration=3600")
        await told.answer(200)
        await asyncio.sleep(100)
        await told.sent_to()
        told.send(invite())
        assert (await told.sent_to())[-1] == ("INVITE", "udp:198.51.100.2:5060")


@in_virtual_time
async def test_a_late_answer_of_a_place_given_up_is_told_when_it_is_a_2xx() -> None:
    """It made a dialog: somebody has to acknowledge and end it."""
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite())
        first, flow = await told.last_request("INVITE")
        await asyncio.sleep(TRY_SECONDS + 0.1)
        await told.answer(486)
        told.bench.receive(Response.to_request(first, 200, to_tag="late"), flow)
        assert told.statuses == [486, 200]


@in_virtual_time
async def test_a_place_given_up_that_begins_to_ring_is_cancelled() -> None:
    """RFC 3261 §9.1: the CANCEL waits for the first provisional response."""
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite())
        first, flow = await told.last_request("INVITE")
        await asyncio.sleep(TRY_SECONDS + 0.1)
        await told.sent_to()
        told.bench.receive(Response.to_request(first, 180, to_tag="late"), flow)
        assert await told.sent_to() == [("CANCEL", "udp:198.51.100.1:5060")]
        assert not told.heard


@in_virtual_time
async def test_cancelled_while_it_is_looked_up_nothing_is_sent() -> None:
    async with story() as told:
        told.places(FIRST)
        sent = told.bench.endpoint.send_request_to(invite(), told.heard.append)
        sent.cancel()
        assert await told.sent_to() == []
        assert [type(event) for event in told.heard] == [TransportFailed]


@in_virtual_time
async def test_cancelled_it_is_tried_nowhere_else() -> None:
    async with story() as told:
        told.places(FIRST, SECOND)
        sent = told.bench.endpoint.send_request_to(invite(), told.heard.append)
        await told.sent_to()
        sent.cancel([("Reason", "SIP;cause=200")])
        await asyncio.sleep(64)
        assert {place for _, place in await told.sent_to()} == {"udp:198.51.100.1:5060"}
        assert [type(event) for event in told.heard] == [TimedOut]


@in_virtual_time
async def test_patience_bounds_the_wait_on_a_flow() -> None:
    async with story() as told:
        request = invite()
        request.headers.remove("Route")
        told.send(request, UDP_FLOW, patience=5.0)
        await asyncio.sleep(5.1)
        assert [type(event) for event in told.heard] == [TimedOut]


@in_virtual_time
async def test_a_name_that_stands_for_the_flows_peer_is_reached_by_the_flow() -> None:
    """A name may stand for a farm of proxies, and the dialog is known at this one."""
    near = Flow(UDP, TransportAddress("192.0.2.1", 5060), SECOND.address)
    async with story() as told:
        told.places(FIRST, SECOND)
        told.send(invite("BYE"), near)
        assert await told.sent_to() == [("BYE", "udp:198.51.100.2:5060")]


# RFC 3261 §18.1.1


@in_virtual_time
async def test_a_large_request_goes_by_tcp() -> None:
    async with story() as told:
        told.places(FIRST)
        told.send(invite(body=b"x" * 1300))
        request, flow = await told.last_request("INVITE")
        assert flow.transport is TCP
        assert request.top_via.transport == "TCP"


@in_virtual_time
async def test_where_tcp_is_refused_it_goes_by_udp_after_all_and_tcp_is_not_tried_again() -> None:
    async with story() as told:
        told.bench.transport.refusing.add(Target(TCP, FIRST.address))
        told.places(FIRST)
        told.send(invite(body=b"x" * 1300))
        request, flow = await told.last_request("INVITE")
        assert flow.transport is UDP
        assert request.top_via.transport == "UDP"
        told.bench.transport.refusing.clear()
        told.send(invite(body=b"x" * 1300))
        assert (await told.sent_to())[-1] == ("INVITE", "udp:198.51.100.1:5060")


@in_virtual_time
async def test_a_small_request_stays_with_udp() -> None:
    async with story() as told:
        told.places(FIRST)
        told.send(invite(body=b"x" * 300))
        assert await told.sent_to() == [("INVITE", "udp:198.51.100.1:5060")]


@in_virtual_time
async def test_a_phone_behind_nat_gets_a_large_request_by_its_udp_flow() -> None:
    """Nothing else leads there: no TCP connection can be opened through its NAT."""
    async with story() as told:
        request = invite(body=b"x" * 3000)
        request.headers.remove("Route")
        told.send(request, UDP_FLOW)
        assert [flow.transport for _, flow in told.bench.transport.take_sent()] == [UDP]


# The ACK of a 2xx


@in_virtual_time
async def test_an_ack_follows_its_route() -> None:
    async with story() as told:
        told.places(FIRST)
        told.bench.endpoint.send_ack_to(invite("ACK"), UDP_FLOW)
        assert await told.sent_to() == [("ACK", "udp:198.51.100.1:5060")]


@in_virtual_time
async def test_an_ack_that_leads_nowhere_is_dropped() -> None:
    """The 2xx comes again (RFC 3261 §13.3.1.4)."""
    async with story() as told:
        told.bench.endpoint.send_ack_to(invite("ACK"), UDP_FLOW)
        assert await told.sent_to() == []
