"""The numbers that we answer ourselves."""

from __future__ import annotations

import pytest

from sip_daemon.call.record import CallStatus
from sip_daemon.media_plane import MediaSilent, Tone
from sip_daemon.sdp import Direction
from tests.support.exchange import Exchange
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_the_echo_test_sends_back_what_it_hears() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        call = anna.dial("*43")
        await call.response(200)
        session = exchange.session_of(anna)
        assert session.echoing
        assert session.remote.address == anna.media
        call.hang_up()
        record = await exchange.ended()
        assert (record.status, record.callee_name, len(record.legs)) == (CallStatus.ANSWERED, "Echo test", 1)
        assert not exchange.media.sessions


@in_virtual_time
async def test_the_tone_number_plays_the_test_tone_on_and_on() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        await anna.dial("*44").response(200)
        session = exchange.session_of(anna)
        assert (session.playing, session.repeating) == (Tone("test"), True)


@in_virtual_time
async def test_a_service_can_be_held() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        call = anna.dial("*43")
        await call.response(200)
        call.hold()
        assert (await call.reply()).status == 200
        assert exchange.session_of(anna).remote.direction is Direction.SENDONLY


@in_virtual_time
async def test_a_service_refuses_what_it_cannot_play_and_goes_on() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        call = anna.dial("*43")
        await call.response(200)
        call.reinvite(codecs="9")
        assert (await call.reply()).status == 488
        assert len(exchange.manager.calls) == 1


@pytest.mark.parametrize("number", ["*43", "*44"])
@in_virtual_time
async def test_a_phone_without_g711_hears_why(number: str) -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        assert (await anna.dial(number, body=anna.sdp(codecs="9")).final()).status == 488


@in_virtual_time
async def test_a_service_makes_the_offer_when_the_invite_has_none() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        anna.late_answer = anna.sdp(codecs="0 101")
        call = anna.dial("*43", body=b"")
        await call.response(200)
        await exchange.pass_time(0.1)
        assert exchange.session_of(anna).remote.codecs[0].name == "PCMU"
        call.request("INVITE")
        assert (await call.reply()).status == 200


@in_virtual_time
async def test_a_service_does_not_talk_to_a_phone_that_vanished() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        call = anna.dial("*44")
        await call.response(200)
        await exchange.pass_time(1)
        session = exchange.session_of(anna)
        anna.vanish()
        session.emit(MediaSilent(30))
        assert (await exchange.ended()).ended_by == "system"


@in_virtual_time
async def test_a_service_without_a_media_port_says_when_to_try_again() -> None:
    async with Exchange(media_capacity=0) as exchange:
        final = await exchange.phone("100").dial("*43").final()
        assert (final.status, final.headers.get("Retry-After")) == (503, "10")
