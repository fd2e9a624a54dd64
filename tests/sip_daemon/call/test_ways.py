"""The way to a phone: several flows of one instance (RFC 5626 §7), and the proxies of a Path (RFC 3327 §5.4)."""

from __future__ import annotations

from dataclasses import replace

from sip_daemon.call.callee_leg import FLOW_PATIENCE
from sip_daemon.call.record import CallStatus
from sip_daemon.flow import TransportProtocol
from sip_daemon.message import Request, parse_message
from sip_daemon.transport import Target
from tests.support.exchange import Exchange, make_binding
from tests.support.phones import PBX, Phone
from tests.support.virtual_time import in_virtual_time

INSTANCE = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"


def two_flows(exchange: Exchange) -> tuple[Phone, Phone]:
    """The flow that a phone refreshed first, and the one that it refreshed last."""
    older, newer = exchange.phone("200", "desk"), exchange.phone("200", "desk")
    exchange.bindings["desk"] = [
        replace(make_binding(phone, exchange.transport), instance=INSTANCE, reg_id=reg_id, expires_at=1e9 + reg_id)
        for reg_id, phone in enumerate((older, newer), start=1)
    ]
    return older, newer


def invites(exchange: Exchange, phone: Phone) -> list[str]:
    sent = exchange.network.between(PBX, phone.address)
    return list(dict.fromkeys(line for line in sent if line.startswith("INVITE")))


@in_virtual_time
async def test_of_several_flows_of_one_phone_only_the_newest_rings() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        older, newer = two_flows(exchange)
        anna.dial("200")
        (await newer.incoming()).ring()
        await exchange.pass_time(FLOW_PATIENCE * 2)
        assert not invites(exchange, older)


@in_virtual_time
async def test_two_instances_of_one_device_ring_both() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        older, newer = two_flows(exchange)
        first, second = exchange.bindings["desk"]
        exchange.bindings["desk"] = [first, replace(second, instance="<urn:uuid:other>")]
        anna.dial("200")
        await older.incoming()
        await newer.incoming()


@in_virtual_time
async def test_a_flow_on_which_nothing_comes_back_gives_way_to_the_next() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        older, newer = two_flows(exchange)
        newer.is_deaf = True
        call = anna.dial("200")
        ringing = await older.incoming()
        ringing.ring()
        ringing.answer()
        await call.response(200)
        call.hang_up()
        record = await exchange.ended()
        assert record.status is CallStatus.ANSWERED
        assert [leg.remote for leg in record.legs][1] == str(older.address)


@in_virtual_time
async def test_430_of_an_edge_proxy_leads_to_the_next_flow_at_once() -> None:
    """RFC 5626 §7: 430 (Flow Failed)."""
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        older, newer = two_flows(exchange)
        anna.dial("200")
        (await newer.incoming()).reject(430)
        await older.incoming()


@in_virtual_time
async def test_a_connection_that_breaks_while_it_rings_leads_to_the_next_flow() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        newer = exchange.phone("200", "desk", transport=TransportProtocol.TCP)
        older = exchange.phone("200", "desk")
        exchange.bindings["desk"] = [
            replace(make_binding(phone, exchange.transport), instance=INSTANCE, reg_id=number, expires_at=1e9 + number)
            for number, phone in enumerate((older, newer), start=1)
        ]
        anna.dial("200")
        await newer.incoming()
        exchange.transport.break_flow(newer.address)
        await older.incoming()


@in_virtual_time
async def test_a_phone_that_rang_and_refused_is_not_rung_on_its_other_flow() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        older, newer = two_flows(exchange)
        call = anna.dial("200")
        ringing = await newer.incoming()
        ringing.ring()
        ringing.reject(408)
        await call.final()
        assert not invites(exchange, older)


@in_virtual_time
async def test_a_busy_phone_is_busy_on_all_its_flows() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        older, newer = two_flows(exchange)
        call = anna.dial("200")
        (await newer.incoming()).reject(486)
        assert (await call.final()).status == 486
        assert not invites(exchange, older)


@in_virtual_time
async def test_when_no_flow_works_the_phone_is_unreachable() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        for phone in two_flows(exchange):
            phone.is_deaf = True
        call = anna.dial("200")
        assert (await call.final()).status in (408, 480)


@in_virtual_time
async def test_an_answer_that_comes_late_on_the_first_flow_is_taken() -> None:
    """The phone is one and the same: it must not go on ringing on the other flow."""
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        older, newer = two_flows(exchange)
        exchange.network.lose = lambda datagram: datagram.source == newer.address
        call = anna.dial("200")
        late = await newer.incoming()
        other = await older.incoming()
        other.ring()
        exchange.network.lose = lambda datagram: False
        late.answer()
        await call.response(200)
        await other.cancelled()
        await call.established()
        call.hang_up()
        assert (await exchange.ended()).status is CallStatus.ANSWERED


# Path


def behind_proxy(exchange: Exchange, path: str) -> tuple[Phone, Phone]:
    """A proxy, played by a phone that answers for the one behind it."""
    proxy = exchange.phone("200", "desk")
    exchange.bindings["desk"] = [
        replace(make_binding(proxy, exchange.transport), contact="sip:desk@10.0.0.9", path=(path,))
    ]
    return exchange.phone("100"), proxy


def sent_to(exchange: Exchange, phone: Phone, method: str) -> Request:
    """The last request of that method."""
    found = [one.data for one in exchange.network.log if (one.source, one.destination) == (PBX, phone.address)]
    message = parse_message([data for data in found if data.startswith(method.encode())][-1])
    assert isinstance(message, Request)
    return message


@in_virtual_time
async def test_the_path_is_the_route_of_an_invite_and_its_flow_is_used_when_it_leads_there() -> None:
    async with Exchange() as exchange:
        anna, proxy = behind_proxy(exchange, "<sip:token@192.0.2.101;lr>")
        anna.dial("200")
        await proxy.incoming()
        invite = sent_to(exchange, proxy, "INVITE")
        assert str(invite.uri) == "sip:desk@10.0.0.9"
        assert invite.headers.get_all("Route") == ["<sip:token@192.0.2.101;lr>"]


@in_virtual_time
async def test_a_path_by_name_is_looked_up() -> None:
    async with Exchange() as exchange:
        anna, proxy = behind_proxy(exchange, "<sip:edge.test;lr>")
        elsewhere = exchange.phone("300", is_registered=False)
        exchange.transport.places["edge.test"] = (Target(TransportProtocol.UDP, elsewhere.address),)
        anna.dial("200")
        await elsewhere.incoming()
        assert not invites(exchange, proxy)


@in_virtual_time
async def test_the_next_proxy_of_a_farm_is_tried_when_one_is_dead() -> None:
    """RFC 3263 §4.3."""
    async with Exchange() as exchange:
        anna, _ = behind_proxy(exchange, "<sip:edge.test;lr>")
        dead, alive = (exchange.phone("300", f"edge{number}", is_registered=False) for number in (1, 2))
        dead.is_deaf = True
        exchange.transport.places["edge.test"] = tuple(
            Target(TransportProtocol.UDP, phone.address) for phone in (dead, alive)
        )
        call = anna.dial("200")
        ringing = await alive.incoming()
        ringing.ring()
        ringing.answer()
        await call.response(200)
        await ringing.received("ACK")


@in_virtual_time
async def test_a_path_that_leads_nowhere_makes_the_phone_unreachable() -> None:
    async with Exchange() as exchange:
        anna, _ = behind_proxy(exchange, "<sip:lost.test;lr>")
        call = anna.dial("200")
        assert (await call.final()).status == 480


@in_virtual_time
async def test_hung_up_while_the_path_is_looked_up_nothing_rings() -> None:
    async with Exchange() as exchange:
        anna, proxy = behind_proxy(exchange, "<sip:lost.test;lr>")
        call = anna.dial("200")
        await call.response(100)
        call.cancel()
        await call.final()
        assert not invites(exchange, proxy)
