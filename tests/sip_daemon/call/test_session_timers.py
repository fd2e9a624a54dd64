"""Session timers on both legs of a call (RFC 4028): what is asked, who refreshes, and what ends unrefreshed calls."""

from __future__ import annotations

import pytest

from sip_daemon.call import cause as causes
from sip_daemon.call.record import CallStatus
from sip_daemon.call.state import CallState
from sip_daemon.message import Request
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import Exchange
from tests.support.phones import ALLOW, Phone, PhoneCall
from tests.support.virtual_time import in_virtual_time

TIMER = ("Supported", "timer")
JSSIP = [("Session-Expires", "90"), ("Supported", "timer,ice,replaces,outbound")]


async def connect_with(
    anna: Phone, berta: Phone, headers: list[tuple[str, str]] | None = None
) -> tuple[PhoneCall, PhoneCall]:
    call = anna.dial("200", headers=headers or [])
    ringing = await berta.incoming()
    ringing.answer()
    await call.response(200)
    await ringing.received("ACK")
    return call, ringing


def refreshes(leg: PhoneCall) -> list[Request]:
    return [one for one in leg.requests if one.method in ("INVITE", "UPDATE")]


class TestTowardsTheCaller:
    """We are the UAS (§9)."""

    @in_virtual_time
    async def test_a_caller_that_knows_nothing_of_it_hears_nothing_of_it(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, _ = await connect(anna, berta)
            ok = await call.response(200)
            assert "Session-Expires" not in ok.headers
            assert not ok.require
            await exchange.pass_time(10_000)
            assert refreshes(call) == []
            assert len(exchange.manager.calls) == 1

    @in_virtual_time
    async def test_the_90_seconds_of_jssip_are_kept_and_we_refresh(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, _ = await connect_with(anna, berta, [*JSSIP, ("Allow", ALLOW)])
            ok = await call.response(200)
            assert (ok.headers.get("Session-Expires"), *ok.require) == ("90;refresher=uas", "timer")
            await exchange.pass_time(60)
            (update,) = refreshes(call)
            assert (update.method, update.body) == ("UPDATE", b"")
            assert update.headers.get("Session-Expires") == "90;refresher=uac", "the roles are those of the UPDATE"
            assert "timer" in update.supported

    @in_virtual_time
    async def test_a_caller_without_update_is_refreshed_by_reinvite_with_the_same_version(self) -> None:
        """§7.4: so that the phone sees that nothing changed."""
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect_with(anna, berta, JSSIP)
            ok = await call.response(200)
            configured = len(exchange.session_of(anna).configured)
            await exchange.pass_time(60)
            (reinvite,) = refreshes(call)
            assert (reinvite.method, reinvite.body) == ("INVITE", ok.body)
            assert refreshes(ringing) == []
            assert len(exchange.session_of(anna).configured) == configured

    @in_virtual_time
    async def test_a_session_that_we_refresh_goes_on(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            anna.headers = berta.headers = ()
            anna.mid_call_headers = (("Session-Expires", "90;refresher=uac"),)
            call, _ = await connect_with(anna, berta, [*JSSIP, ("Allow", ALLOW)])
            await exchange.pass_time(500)
            assert len(refreshes(call)) == 11
            assert len(exchange.manager.calls) == 1

    @in_virtual_time
    async def test_a_caller_that_does_not_refresh_as_it_said_is_hung_up_on(self) -> None:
        """§10: BYE, to both."""
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            before = exchange.endpoint.now()
            headers = [TIMER, ("Session-Expires", "90;refresher=uac")]
            call, ringing = await connect_with(anna, berta, headers)
            await call.received("BYE")
            assert round(exchange.endpoint.now() - before) == 60
            await ringing.received("BYE")
            record = await exchange.ended()
            assert (record.status, record.cause, record.ended_by) == (
                CallStatus.ANSWERED,
                causes.EXPIRED.text,
                "system",
            )

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    @in_virtual_time
    async def test_a_caller_that_refreshes_keeps_its_call_and_the_other_phone_hears_nothing(self, method: str) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            headers = [TIMER, ("Session-Expires", "90;refresher=uac")]
            call, ringing = await connect_with(anna, berta, headers)
            for _ in range(10):
                await exchange.pass_time(45)
                call.request(method, anna.sdp() if method == "INVITE" else b"", headers)
                reply = await call.reply()
                assert (reply.status, reply.headers.get("Session-Expires")) == (200, "90;refresher=uac")
            assert len(exchange.manager.calls) == 1
            assert refreshes(ringing) == []

    @in_virtual_time
    async def test_an_interval_below_the_least_is_refused_with_what_would_do(self) -> None:
        """§6."""
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            final = await anna.dial("200", headers=[TIMER, ("Session-Expires", "60")]).final()
            assert (final.status, final.headers.get("Min-SE")) == (422, "90")
            call, _ = await connect(anna, berta)
            call.request("UPDATE", headers=[TIMER, ("Session-Expires", "60")])
            reply = await call.reply()
            assert (reply.status, reply.headers.get("Min-SE")) == (422, "90")
            assert len(exchange.manager.calls) == 1

    @in_virtual_time
    async def test_a_timer_may_begin_later_and_end_sooner_than_the_call(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, _ = await connect(anna, berta)
            call.request("UPDATE", headers=[TIMER, ("Session-Expires", "90;refresher=uac")])
            assert (await call.reply()).headers.get("Session-Expires") == "90;refresher=uac"
            await exchange.pass_time(30)
            call.request("UPDATE")
            assert "Session-Expires" not in (await call.reply()).headers
            await exchange.pass_time(500)
            assert len(exchange.manager.calls) == 1

    @in_virtual_time
    async def test_a_malformed_interval_is_a_bad_request(self) -> None:
        async with Exchange() as exchange:
            anna = exchange.phone("100")
            exchange.phone("200")
            assert (await anna.dial("200", headers=[TIMER, ("Session-Expires", "soon")]).final()).status == 400


class TestTowardsTheCalledPhone:
    """We are the UAC (§7)."""

    @in_virtual_time
    async def test_our_invite_asks_for_half_an_hour(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            anna.dial("200")
            invite = (await berta.incoming()).invite
            assert invite is not None
            assert invite.headers.get("Session-Expires") == "1800;refresher=uac"
            assert "timer" in invite.supported
            assert not invite.require

    @in_virtual_time
    async def test_a_phone_without_support_is_left_alone(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            _, ringing = await connect(anna, berta)
            await exchange.pass_time(10_000)
            assert refreshes(ringing) == []
            assert len(exchange.manager.calls) == 1

    @in_virtual_time
    async def test_a_200_may_bring_it_unasked(self) -> None:
        """As if it were asked for: another interval, another refresher."""
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            berta.headers = (("Session-Expires", "120;refresher=uas"), ("Require", "timer"))
            before = exchange.endpoint.now()
            _, ringing = await connect(anna, berta)
            await ringing.received("BYE")
            assert round(exchange.endpoint.now() - before) == 88
            assert (await exchange.ended()).cause == causes.EXPIRED.text

    @in_virtual_time
    async def test_we_refresh_where_the_phone_says_so(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            berta.headers = (("Session-Expires", "120;refresher=uac"), ("Allow", ALLOW))
            berta.mid_call_headers = (("Session-Expires", "120;refresher=uac"),)
            _, ringing = await connect(anna, berta)
            await exchange.pass_time(1000)
            assert {one.method for one in refreshes(ringing)} == {"UPDATE"}
            assert len(refreshes(ringing)) == 16
            assert len(exchange.manager.calls) == 1

    @in_virtual_time
    async def test_a_422_is_answered_with_what_the_phone_wants(self) -> None:
        """§7.3: the same call, the next CSeq."""
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call = anna.dial("200")
            first = await berta.incoming()
            berta.headers = (("Min-SE", "3600"),)
            first.reject(422)
            berta.headers = ()
            second = await berta.incoming()
            assert first.invite is not None
            assert second.invite is not None
            assert second.invite.headers.get("Session-Expires") == "3600;refresher=uac"
            assert second.invite.headers.get("Min-SE") == "3600"
            assert second.invite.call_id == first.invite.call_id
            assert second.invite.cseq.number == first.invite.cseq.number + 1
            assert second.invite.from_.tag == first.invite.from_.tag
            berta.calls.remove(first)
            second.answer()
            await call.response(200)
            call.hang_up()
            await second.received("BYE")
            await exchange.ended()
            await exchange.quiet()
            assert (exchange.manager.dialog_count, exchange.leftovers()) == (0, 0)

    @pytest.mark.parametrize("min_se", ["3600", "soon", "100"])
    @in_virtual_time
    async def test_a_phone_that_is_never_content_has_refused(self, min_se: str) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            berta.headers = (("Min-SE", min_se),)
            call = anna.dial("200")
            (await berta.incoming()).reject(422)
            if min_se == "3600":
                (await berta.incoming()).reject(422)
            assert (await call.final()).status == 480


class TestRefreshesOfOurs:
    """What becomes of them (§10)."""

    async def _refreshed(self, exchange: Exchange, allow: str = ALLOW) -> tuple[PhoneCall, PhoneCall]:
        """A called phone that is asked for a refresh and has not answered."""
        anna, berta = exchange.phone("100"), exchange.phone("200")
        berta.headers = (("Session-Expires", "120;refresher=uac"), ("Allow", allow))
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        await ringing.received("UPDATE" if "UPDATE" in allow else "INVITE")
        return call, ringing

    @pytest.mark.parametrize("status", [408, 481])
    @in_virtual_time
    async def test_a_phone_that_does_not_know_the_call_any_more_ends_it(self, status: int) -> None:
        async with Exchange() as exchange:
            call, ringing = await self._refreshed(exchange)
            assert ringing.pending is not None
            ringing.reply_to(ringing.pending, status)
            await call.received("BYE")
            assert (await exchange.ended()).cause == causes.VANISHED.text

    @in_virtual_time
    async def test_a_phone_that_vanished_is_found_out_by_silence(self) -> None:
        async with Exchange() as exchange:
            call, _ = await self._refreshed(exchange)
            await call.received("BYE")
            assert (await exchange.ended()).cause == causes.EXPIRED.text

    @in_virtual_time
    async def test_a_phone_that_does_not_do_what_it_allows_gets_a_reinvite(self) -> None:
        async with Exchange() as exchange:
            _, ringing = await self._refreshed(exchange)
            assert ringing.pending is not None
            ringing.reply_to(ringing.pending, 405)
            ringing.auto_answer = True
            assert (await ringing.received("INVITE")).headers.get("Session-Expires") == "120;refresher=uac"

    @in_virtual_time
    async def test_a_422_raises_the_interval(self) -> None:
        async with Exchange() as exchange:
            _, ringing = await self._refreshed(exchange)
            assert ringing.pending is not None
            ringing.reply_to(ringing.pending, 422, headers=[("Min-SE", "600")])
            again = await ringing.received("UPDATE", count=2)
            assert (again.headers.get("Session-Expires"), again.headers.get("Min-SE")) == ("600;refresher=uac", "600")
            before = exchange.endpoint.now()
            ringing.reply_to(ringing.pending, 422, headers=[("Min-SE", "600")])
            await ringing.received("UPDATE", count=3)
            assert exchange.endpoint.now() - before == pytest.approx(10), "not in a circle"

    @in_virtual_time
    async def test_a_refusal_is_no_end_while_there_is_time(self) -> None:
        async with Exchange() as exchange:
            _, ringing = await self._refreshed(exchange)
            assert ringing.pending is not None
            ringing.reply_to(ringing.pending, 500, headers=[("Retry-After", "7")])
            before = exchange.endpoint.now()
            await ringing.received("UPDATE", count=2)
            assert exchange.endpoint.now() - before == pytest.approx(7)
            ringing.reply_to(ringing.pending, 200, headers=[("Session-Expires", "120;refresher=uac")])
            await exchange.pass_time(50)
            assert len(exchange.manager.calls) == 1

    @in_virtual_time
    async def test_a_phone_that_always_refuses_loses_the_call_in_the_end(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            berta.headers = (("Session-Expires", "120;refresher=uac"),)
            before = exchange.endpoint.now()
            call, ringing = await connect(anna, berta)
            berta.codecs = "18"
            ringing.refuses = 488
            await call.received("BYE")
            assert round(exchange.endpoint.now() - before) == 88
            assert len(refreshes(ringing)) == 3

    @in_virtual_time
    async def test_a_refresh_waits_for_a_change_of_media_that_is_under_way(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            berta.headers = (("Session-Expires", "120;refresher=uac"),)
            call, ringing = await connect(anna, berta)
            await exchange.pass_time(59)
            ringing.auto_answer = False
            call.hold()
            await ringing.received("INVITE")
            assert ringing.pending is not None
            ringing.reply_to(ringing.pending, 180)
            await exchange.pass_time(5)
            assert len(refreshes(ringing)) == 1
            ringing.auto_answer = True
            answer = berta.sdp("recvonly")
            ringing.reply_to(ringing.pending, 200, answer, [("Session-Expires", "120;refresher=uac")])
            assert (await call.reply()).status == 200
            await exchange.pass_time(30)
            assert len(refreshes(ringing)) == 1, "a re-INVITE is a refresh (§7.4)"

    @in_virtual_time
    async def test_nothing_is_refreshed_after_the_end(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            berta.headers = (("Session-Expires", "120;refresher=uac"), ("Allow", ALLOW))
            call, ringing = await connect(anna, berta)
            await exchange.pass_time(10)
            call.hang_up()
            await exchange.ended()
            await exchange.pass_time(1000)
            assert refreshes(ringing) == []

    @in_virtual_time
    async def test_what_a_later_process_needs_is_kept_with_the_call(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            berta.headers = (("Session-Expires", "120;refresher=uac"), ("Allow", ALLOW))
            await connect_with(anna, berta, [TIMER, ("Session-Expires", "90;refresher=uac")])
            caller, callee = CallState.load(exchange.session_of(anna).state).legs
            assert caller.session_timer == {"interval": 90, "is_ours": False, "by_update": False}
            assert callee.session_timer == {"interval": 120, "is_ours": True, "by_update": True}
