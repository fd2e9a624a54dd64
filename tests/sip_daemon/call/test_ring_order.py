"""Contacts ring in the order of their q (RFC 3261 §10.2.1.2, §16.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sip_daemon.call.record import CallStatus
from sip_daemon.call.ringing import SHORTEST_TURN
from tests.support.exchange import Exchange
from tests.support.phones import PBX, Phone
from tests.support.virtual_time import in_virtual_time


def prefer(exchange: Exchange, phone: Phone, q: float) -> None:
    """As if it had registered with that q."""
    exchange.bindings[phone.username] = [replace(one, q=q) for one in exchange.bindings[phone.username]]


def office(exchange: Exchange) -> tuple[Phone, Phone, Phone]:
    """A caller; a desk phone and a mobile of one extension, the desk first; 30 seconds for both."""
    exchange.change_extension("200", ring_seconds=30)
    anna, desk, mobile = exchange.phone("100"), exchange.phone("200", "desk"), exchange.phone("200", "mobile")
    prefer(exchange, mobile, 0.5)
    return anna, desk, mobile


@in_virtual_time
async def test_the_lower_q_joins_when_its_turn_comes_and_the_others_ring_on() -> None:
    async with Exchange() as exchange:
        anna, desk, mobile = office(exchange)
        call = anna.dial("200")
        at_desk = await desk.incoming()
        at_desk.ring()
        await exchange.pass_time(14)
        assert not mobile.is_ringing
        await exchange.pass_time(2)
        on_mobile = await mobile.incoming()
        on_mobile.ring()
        assert not at_desk.is_cancelled
        at_desk.answer()
        await call.response(200)
        assert (await on_mobile.cancelled()).headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
        call.hang_up()
        record = await exchange.ended()
        assert [(leg.device, leg.state) for leg in record.legs][1:] == [("desk", "answered"), ("mobile", "cancelled")]
        await exchange.quiet()
        assert (exchange.leftovers(), exchange.media.sessions) == (0, {})


@in_virtual_time
async def test_an_answer_in_the_first_turn_leaves_the_others_in_peace() -> None:
    async with Exchange() as exchange:
        anna, desk, mobile = office(exchange)
        call = anna.dial("200")
        (await desk.incoming()).answer()
        await call.response(200)
        await exchange.pass_time(60)
        assert not mobile.is_ringing
        assert len(exchange.media.opened) == 2, "no media for phones that never rang"


@in_virtual_time
async def test_the_turn_comes_at_once_when_nothing_rings_any_more() -> None:
    async with Exchange() as exchange:
        anna, desk, mobile = office(exchange)
        before = exchange.endpoint.now()
        call = anna.dial("200")
        (await desk.incoming()).reject(486)
        (await mobile.incoming()).answer()
        await call.response(200)
        assert exchange.endpoint.now() - before < 1


@in_virtual_time
async def test_the_best_refusal_of_all_turns_is_told() -> None:
    async with Exchange() as exchange:
        anna, desk, mobile = office(exchange)
        call = anna.dial("200")
        (await desk.incoming()).reject(486)
        (await mobile.incoming()).reject(404)
        assert (await call.final()).status == 486


@in_virtual_time
async def test_a_person_who_declines_is_not_asked_again_elsewhere() -> None:
    """RFC 3261 §16.7 step 5."""
    async with Exchange() as exchange:
        anna, desk, mobile = office(exchange)
        call = anna.dial("200")
        (await desk.incoming()).reject(603)
        assert (await call.final()).status == 603
        await exchange.pass_time(60)
        assert not mobile.is_ringing


@in_virtual_time
async def test_all_turns_end_with_the_time_of_the_extension() -> None:
    async with Exchange() as exchange:
        anna, desk, mobile = office(exchange)
        before = exchange.endpoint.now()
        call = anna.dial("200")
        (await desk.incoming()).ring()
        on_mobile = await mobile.incoming()
        on_mobile.ring()
        assert (await call.final()).status == 480
        assert round(exchange.endpoint.now() - before) == 30
        assert (await exchange.ended()).status is CallStatus.MISSED
        await on_mobile.cancelled()


@in_virtual_time
async def test_a_caller_that_gives_up_in_the_first_turn_sets_off_no_other() -> None:
    async with Exchange() as exchange:
        anna, desk, mobile = office(exchange)
        call = anna.dial("200")
        (await desk.incoming()).ring()
        await call.response(180)
        call.cancel()
        await exchange.ended()
        await exchange.pass_time(60)
        assert not mobile.is_ringing
        assert exchange.leftovers() == 0


@in_virtual_time
async def test_equal_q_rings_together_and_no_turn_is_shorter_than_it_takes_to_look_up() -> None:
    async with Exchange() as exchange:
        exchange.change_extension("200", ring_seconds=12)
        anna = exchange.phone("100")
        phones = [exchange.phone("200", f"phone-{number}") for number in range(6)]
        for phone, q in zip(phones, (1.0, 1.0, 0.8, 0.8, 0.5, 0.3), strict=True):
            prefer(exchange, phone, q)
        anna.dial("200")
        await exchange.pass_time(0.1)
        assert [phone.is_ringing for phone in phones] == [True, True, False, False, False, False]
        await exchange.pass_time(SHORTEST_TURN)
        assert [phone.is_ringing for phone in phones] == [True, True, True, True, False, False]
        await exchange.pass_time(SHORTEST_TURN)
        assert [phone.is_ringing for phone in phones] == [True, True, True, True, True, False]


@in_virtual_time
async def test_a_shortage_of_ports_does_not_silence_what_rings() -> None:
    async with Exchange(media_capacity=2) as exchange:
        anna, desk, mobile = office(exchange)
        call = anna.dial("200")
        at_desk = await desk.incoming()
        at_desk.ring()
        await exchange.pass_time(20)
        assert not mobile.is_ringing
        at_desk.answer()
        await call.response(200)


@in_virtual_time
async def test_a_shortage_of_ports_is_told_when_nothing_rings() -> None:
    async with Exchange(media_capacity=2) as exchange:
        anna, desk, _ = office(exchange)
        call = anna.dial("200")
        (await desk.incoming()).reject(486)
        assert (await call.final()).status == 503


@pytest.mark.parametrize("q", [0.0, 0.5, 1.0])
@in_virtual_time
async def test_where_all_say_the_same_all_ring_at_once(q: float) -> None:
    async with Exchange() as exchange:
        anna, desk, mobile = office(exchange)
        prefer(exchange, desk, q)
        prefer(exchange, mobile, q)
        anna.dial("200")
        await desk.incoming()
        await mobile.incoming()
        lines = exchange.network.between(PBX, mobile.address)
        assert sum(line.startswith("INVITE") for line in lines) == 1
