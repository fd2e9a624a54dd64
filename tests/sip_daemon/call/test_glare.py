"""When both sides begin at the same moment, or one is not ready: who waits how long (RFC 3261 §14.1)."""

from __future__ import annotations

import pytest

from sip_daemon.call.proposing_leg import MAX_ATTEMPTS
from sip_daemon.sdp import Direction
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import Exchange
from tests.support.phones import PhoneCall
from tests.support.virtual_time import in_virtual_time


async def withdrawn(exchange: Exchange, *, by_caller: bool) -> PhoneCall:
    """A leg that agreed to a re-INVITE which the other phone had taken back: it is told to go back, and refuses."""
    anna, berta = exchange.phone("100"), exchange.phone("200")
    call, ringing = await connect(anna, berta)
    asking, asked = (call, ringing) if by_caller else (ringing, call)
    asked.auto_answer = False
    asking.hold()
    await asked.received("INVITE")
    await exchange.pass_time(1)
    asking.cancel()
    await asking.reply()
    assert asked.pending is not None
    asked.reply_to(asked.pending, 200, asked.phone.sdp("recvonly"))
    await asked.received("INVITE", count=2)
    return asked


def reinvites(leg: PhoneCall) -> int:
    return sum(request.method == "INVITE" for request in leg.requests)


@pytest.mark.parametrize(("by_caller", "earliest", "latest"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
@in_virtual_time
async def test_after_491_we_come_again_in_our_time(by_caller: bool, earliest: float, latest: float) -> None:
    """The owner of the Call-ID waits 2.1 to 4 seconds, the other side up to 2: ours is that of the called leg."""
    async with Exchange() as exchange:
        leg = await withdrawn(exchange, by_caller=by_caller)
        assert leg.pending is not None
        before = exchange.endpoint.now()
        leg.reply_to(leg.pending, 491)
        again = await leg.received("INVITE", count=3)
        assert earliest <= exchange.endpoint.now() - before <= latest
        assert b"a=sendrecv" in again.body
        leg.reply_to(leg.pending, 200, leg.phone.sdp())
        await exchange.pass_time(60)
        assert exchange.session_of(leg.phone).remote.direction is Direction.SENDRECV
        assert reinvites(leg) == 3


@in_virtual_time
async def test_after_500_we_come_again_when_the_phone_says() -> None:
    async with Exchange() as exchange:
        leg = await withdrawn(exchange, by_caller=True)
        assert leg.pending is not None
        before = exchange.endpoint.now()
        leg.reply_to(leg.pending, 500, headers=[("Retry-After", "8;duration=60")])
        await leg.received("INVITE", count=3)
        assert exchange.endpoint.now() - before == pytest.approx(8)


@pytest.mark.parametrize(("status", "headers"), [(488, []), (500, []), (603, [])])
@in_virtual_time
async def test_another_refusal_is_final_and_the_call_goes_on(status: int, headers: list[tuple[str, str]]) -> None:
    async with Exchange() as exchange:
        leg = await withdrawn(exchange, by_caller=True)
        assert leg.pending is not None
        leg.reply_to(leg.pending, status, headers=headers)
        await exchange.pass_time(60)
        assert reinvites(leg) == 2
        assert len(exchange.manager.calls) == 1


@in_virtual_time
async def test_two_that_always_begin_together_end_some_time() -> None:
    async with Exchange() as exchange:
        leg = await withdrawn(exchange, by_caller=True)
        for count in range(2, 2 + MAX_ATTEMPTS):
            await leg.received("INVITE", count=count)
            assert leg.pending is not None
            leg.reply_to(leg.pending, 491)
        await exchange.pass_time(60)
        assert reinvites(leg) == 1 + MAX_ATTEMPTS
        assert len(exchange.manager.calls) == 1


@in_virtual_time
async def test_nothing_comes_again_after_the_end() -> None:
    async with Exchange() as exchange:
        leg = await withdrawn(exchange, by_caller=True)
        assert leg.pending is not None
        leg.reply_to(leg.pending, 491)
        leg.auto_answer = True
        leg.hang_up()
        await exchange.ended()
        await exchange.quiet()
        assert reinvites(leg) == 2
        assert exchange.leftovers() == 0


@pytest.mark.parametrize("status", [408, 481])
@in_virtual_time
async def test_a_phone_that_has_lost_the_call_ends_it(status: int) -> None:
    """§12.2.1.2."""
    async with Exchange() as exchange:
        leg = await withdrawn(exchange, by_caller=True)
        assert leg.pending is not None
        leg.reply_to(leg.pending, status)
        await exchange.ended()


@in_virtual_time
async def test_a_503_of_a_phone_to_a_reinvite_does_not_end_the_call() -> None:
    """Only 408 and 481 do (§12.2.1.2)."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.refuses = 503
        call.hold()
        assert (await call.reply()).status == 488
        assert len(exchange.manager.calls) == 1


class TestWithoutAnOffer:
    """RFC 3261 §14.2: our 200 makes the offer, the ACK answers it."""

    @pytest.mark.parametrize("by_caller", [True, False])
    @in_virtual_time
    async def test_a_late_answer_that_says_nothing_new_goes_nowhere(self, by_caller: bool) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect(anna, berta)
            asking, other = (call, ringing) if by_caller else (ringing, call)
            asking.phone.late_answer = asking.phone.sdp()
            asking.request("INVITE")
            assert (await asking.reply()).body
            await exchange.pass_time(1)
            assert reinvites(other) == 0
            assert len(exchange.manager.calls) == 1

    @pytest.mark.parametrize("by_caller", [True, False])
    @in_virtual_time
    async def test_another_codec_in_the_late_answer_is_carried_across(self, by_caller: bool) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect(anna, berta)
            asking, other = (call, ringing) if by_caller else (ringing, call)
            asking.phone.late_answer = asking.phone.sdp(codecs="0 101")
            asking.request("INVITE")
            await asking.reply()
            reinvite = await other.received("INVITE")
            assert b"RTP/AVP 0 101" in reinvite.body
            await exchange.pass_time(1)
            assert exchange.session_of(other.phone).remote.codecs[0].name == "PCMU"

    @in_virtual_time
    async def test_a_reinvite_may_wait_for_its_answer_while_another_offer_is_refused(self) -> None:
        """RFC 3311 §5.2: until the ACK our offer has no answer."""
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, _ = await connect(anna, berta)
            anna.acknowledges = False
            call.request("INVITE")
            assert (await call.reply()).body
            call.reinvite("sendonly", method="UPDATE")
            assert (await call.reply()).status == 491
