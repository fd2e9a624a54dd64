"""Who is asked whether he is there, when, and what follows from the answer or from none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from sip_daemon.flow import Flow, TransportAddress
from sip_daemon.message import Request, Response, parse_message
from sip_daemon.reachability import AGAIN_SECONDS, NAT_SECONDS, NO_ANSWER, PATIENCE, Reachability
from sip_daemon.registrar import Binding, BindingChange, BindingEvent, LocationTable
from tests.support.bindings import binding, tcp, udp
from tests.support.endpoint import Bench, bench
from tests.support.virtual_time import in_virtual_time

LAN = udp("192.0.2.10")
BEHIND_NAT = udp("203.0.113.9", 40_001)


@dataclass
class Site:
    bench: Bench
    locations: LocationTable
    reachability: Reachability
    changes: list[BindingChange] = field(default_factory=list)

    def register(self, flow: Flow, contact: str = "sip:1001@192.0.2.10:5060", username: str = "1001") -> Binding:
        one = binding(username, contact, flow=flow, expires_at=1e9)
        self.locations.update(one)
        self.reachability.follow(one)
        return one

    def questions(self) -> list[tuple[Request, Flow]]:
        """The requests sent since the last look, repetitions left out."""
        found: dict[bytes, tuple[Request, Flow]] = {}
        for data, flow in self.bench.transport.take_sent():
            message = parse_message(data)
            assert isinstance(message, Request)
            found[data] = (message, flow)
        return list(found.values())

    def answer(self, status: int = 200) -> None:
        request, flow = self.questions()[-1]
        self.bench.receive(Response.to_request(request, status, to_tag="b"), flow)

    @property
    def troubles(self) -> list[str]:
        return [one.trouble for one in self.locations.all()]

    @property
    def events(self) -> list[BindingEvent]:
        return [change.event for change in self.changes]


@contextlib.asynccontextmanager
async def site() -> AsyncIterator[Site]:
    async with bench(clock=asyncio.get_running_loop().time) as made:
        locations, changes = LocationTable(to_wall=lambda at: at), list[BindingChange]()
        reachability = Reachability(made.endpoint, locations, changes.extend, spread=lambda: 0.5)
        made.endpoint.silence_handler = reachability.doubt
        yield Site(made, locations, reachability, changes)


@in_virtual_time
async def test_a_phone_in_the_lan_is_not_asked() -> None:
    async with site() as here:
        here.register(LAN)
        await asyncio.sleep(3600)
        assert not here.questions()
        assert not len(here.reachability)


@in_virtual_time
async def test_a_phone_behind_nat_is_asked_often_enough_to_keep_the_way_open() -> None:
    async with site() as here:
        here.register(BEHIND_NAT)
        for _ in range(10):
            await asyncio.sleep(NAT_SECONDS)
            ((request, flow),) = here.questions()
            assert (request.method, flow) == ("OPTIONS", BEHIND_NAT)
            assert str(request.uri) == "sip:1001@192.0.2.10:5060"
            here.bench.receive(Response.to_request(request, 200, to_tag="b"), flow)
        assert here.troubles == [""]
        assert not here.changes


@pytest.mark.parametrize("flow", [tcp(3, "203.0.113.9")])
def test_a_phone_on_a_connection_is_not_asked(flow: Flow) -> None:
    """The kernel watches it."""

    @in_virtual_time
    async def run() -> None:
        async with site() as here:
            here.register(flow)
            await asyncio.sleep(3600)
            assert not here.questions()

    run()


@in_virtual_time
async def test_a_request_without_answer_is_a_reason_to_ask() -> None:
    async with site() as here:
        here.register(LAN)
        request = Request("MESSAGE", "sip:1001@192.0.2.10")
        for name, value in (
            ("From", "<sip:a@192.0.2.1>;tag=1"),
            ("To", "<sip:1001@192.0.2.1>"),
            ("Call-ID", "c"),
            ("CSeq", "1 MESSAGE"),
        ):
            request.headers.add(name, value)
        here.bench.endpoint.send_request(request, LAN, lambda event: None)
        await asyncio.sleep(32.5)
        assert here.questions()[-1][0].method == "OPTIONS"


@in_virtual_time
async def test_a_phone_that_does_not_answer_is_unreachable_and_asked_again_each_minute() -> None:
    async with site() as here:
        here.register(LAN)
        here.reachability.doubt(LAN)
        await asyncio.sleep(PATIENCE + 0.1)
        assert here.troubles == [NO_ANSWER]
        assert here.events == [BindingEvent.UNREACHABLE]
        assert not here.locations.reachable("1001", 0)
        here.questions()
        await asyncio.sleep(10 * (AGAIN_SECONDS + PATIENCE))
        assert 8 <= len(here.questions()) <= 11
        assert here.events == [BindingEvent.UNREACHABLE]


@pytest.mark.parametrize("status", [200, 404, 501])
def test_any_answer_makes_it_reachable_again(status: int) -> None:
    @in_virtual_time
    async def run() -> None:
        async with site() as here:
            here.register(LAN)
            here.reachability.doubt(LAN)
            await asyncio.sleep(PATIENCE + AGAIN_SECONDS + 0.1)
            here.answer(status)
            assert here.troubles == [""]
            assert here.events == [BindingEvent.UNREACHABLE, BindingEvent.REACHABLE]
            await asyncio.sleep(600)
            assert not here.questions()

    run()


@in_virtual_time
async def test_an_icmp_error_is_believed_only_when_the_question_fails_too() -> None:
    """Anybody who knows two ports can forge one."""
    async with site() as here:
        here.register(LAN)
        here.reachability.doubt(LAN)
        here.answer()
        assert here.troubles == [""]
        here.reachability.doubt(LAN)
        await asyncio.sleep(0.1)
        here.bench.transport.receiver.flow_failed(LAN, OSError("refused"))
        assert here.troubles == [NO_ANSWER]


@in_virtual_time
async def test_many_failures_at_once_are_one_question() -> None:
    async with site() as here:
        here.register(LAN)
        for _ in range(20):
            here.reachability.doubt(LAN)
        assert len(here.questions()) == 1


@in_virtual_time
async def test_one_that_registers_anew_meanwhile_is_not_blamed_for_its_old_flow() -> None:
    async with site() as here:
        old = here.register(LAN)
        here.reachability.doubt(LAN)
        here.locations.update(replace(old, flow=udp("192.0.2.10", 5099)))
        await asyncio.sleep(3600)
        assert here.troubles == [""]


@in_virtual_time
async def test_one_that_expired_is_forgotten() -> None:
    async with site() as here:
        here.register(BEHIND_NAT)
        here.locations.remove("1001")
        await asyncio.sleep(3600)
        assert not here.questions()
        assert not len(here.reachability)


@in_virtual_time
async def test_a_hung_phone_on_an_open_connection_is_found_out_and_forgotten_with_the_connection() -> None:
    flow = tcp(3)
    async with site() as here:
        here.register(flow)
        here.reachability.doubt(flow)
        await asyncio.sleep(PATIENCE + 0.1)
        assert here.troubles == [NO_ANSWER]
        here.bench.transport.gone.add(flow)
        await asyncio.sleep(3600)
        assert not len(here.reachability)


@in_virtual_time
async def test_phones_behind_a_proxy_are_the_proxys_business() -> None:
    async with site() as here:
        one = replace(binding(flow=BEHIND_NAT, expires_at=1e9), path=("<sip:203.0.113.9;lr>",))
        here.locations.update(one)
        here.reachability.follow(one)
        here.reachability.doubt(BEHIND_NAT)
        await asyncio.sleep(3600)
        assert not here.questions()


@in_virtual_time
async def test_a_thousand_phones_behind_nat_are_asked_one_after_another() -> None:
    async with site() as here:
        rolls = iter(number / 1000 for number in range(1000))
        here.reachability._spread = lambda: next(rolls)
        for number in range(1000):
            flow = replace(BEHIND_NAT, remote=TransportAddress("203.0.113.9", 20_000 + number))
            here.register(flow, f"sip:{number}@10.0.0.1", str(number))
        await asyncio.sleep(NAT_SECONDS * 0.6)
        assert 150 < len(here.questions()) < 250
