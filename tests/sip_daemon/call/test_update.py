"""UPDATE (RFC 3311) before and after the answer, in both directions, and what happens when two offers meet."""

from __future__ import annotations

import pytest

from sip_daemon.call.offer_server import PATIENCE
from sip_daemon.sdp import Direction
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import Exchange
from tests.support.phones import ALLOW, PBX, Phone, PhoneCall
from tests.support.virtual_time import in_virtual_time

REQUIRED = [("Require", "100rel"), ("Allow", ALLOW)]


async def early(anna: Phone, berta: Phone, *, codecs: str = "8 101") -> tuple[PhoneCall, PhoneCall]:
    """A call that is not answered, with offer and answer exchanged reliably on both legs."""
    call = anna.dial("200", headers=REQUIRED)
    ringing = await berta.incoming()
    ringing.ring(183, berta.sdp(codecs=codecs), rseq=1)
    await call.response(183)
    await ringing.received("PRACK")
    await anna.until(lambda: bool(call.acknowledged), "a PRACK")
    return call, ringing


class TestInAConfirmedDialog:
    """§5.2."""

    @in_virtual_time
    async def test_one_without_an_offer_refreshes_the_target_and_no_more(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect(anna, berta)
            call.request("UPDATE", headers=[("Contact", f"<sip:moved@{anna.address}>")])
            reply = await call.reply()
            assert (reply.status, reply.body) == (200, b"")
            assert reply.contact is not None
            assert reply.contact.uri.host == PBX.host
            assert [one.method for one in ringing.requests] == ["ACK"]
            ringing.hang_up()
            assert (await call.received("BYE")).uri.user == "moved"

    @in_virtual_time
    async def test_hold_is_carried_across_by_update_where_the_other_phone_does_it(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            berta.headers = (("Allow", ALLOW),)
            call, ringing = await connect(anna, berta)
            call.reinvite("sendonly", method="UPDATE")
            reply = await call.reply()
            assert reply.status == 200
            assert b"a=recvonly" in reply.body
            assert b"a=sendonly" in (await ringing.received("UPDATE")).body
            assert exchange.session_of(anna).remote.direction is Direction.SENDONLY

    @in_virtual_time
    async def test_hold_is_carried_across_by_reinvite_where_it_does_not(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect(anna, berta)
            call.reinvite("sendonly", method="UPDATE")
            assert (await call.reply()).status == 200
            assert b"a=sendonly" in (await ringing.received("INVITE")).body

    @in_virtual_time
    async def test_a_new_address_concerns_only_its_own_leg(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect(anna, berta)
            call.request("UPDATE", anna.sdp().replace(b"m=audio 6060", b"m=audio 7070"))
            assert (await call.reply()).status == 200
            assert exchange.session_of(anna).remote.address.port == 7070
            assert [one.method for one in ringing.requests] == ["ACK"]

    @in_virtual_time
    async def test_what_the_other_phone_refuses_is_refused_and_the_session_stays(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            berta.headers = (("Allow", ALLOW),)
            call, ringing = await connect(anna, berta)
            ringing.auto_answer = False
            call.reinvite("sendonly", method="UPDATE")
            await ringing.received("UPDATE")
            assert ringing.pending is not None
            ringing.reply_to(ringing.pending, 488)
            assert (await call.reply()).status == 488
            assert exchange.session_of(anna).remote.direction is Direction.SENDRECV

    @in_virtual_time
    async def test_a_phone_that_takes_its_time_is_not_waited_for(self) -> None:
        """504, before the transaction of the asking phone times out; the re-INVITE is taken back."""
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect(anna, berta)
            ringing.auto_answer = False
            before = exchange.endpoint.now()
            call.reinvite("sendonly", method="UPDATE")
            await ringing.received("INVITE")
            assert ringing.pending is not None
            ringing.reply_to(ringing.pending, 180)
            assert (await call.reply()).status == 504
            assert round(exchange.endpoint.now() - before) == PATIENCE
            await exchange.pass_time(0.1)
            assert "CANCEL" in " ".join(exchange.network.between(PBX, berta.address))
            assert len(exchange.manager.calls) == 1

    @in_virtual_time
    async def test_an_offer_of_no_use_is_refused_with_a_warning(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, _ = await connect(anna, berta)
            call.request("UPDATE", anna.sdp().replace(b"RTP/AVP", b"RTP/SAVP"))
            reply = await call.reply()
            assert reply.status == 488
            assert "Secure RTP" in (reply.headers.get("Warning") or "")

    @pytest.mark.parametrize(("header", "status"), [(("Require", "gruu"), 420), (("Content-Type", "text/plain"), 415)])
    @in_virtual_time
    async def test_it_is_checked_like_an_invite(self, header: tuple[str, str], status: int) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, _ = await connect(anna, berta)
            assert call.dialog is not None
            update = call.dialog.request("UPDATE")
            update.headers.set("Content-Type", "application/sdp")
            update.headers.set(*header)
            update.body = anna.sdp()
            anna.send(update, call)
            assert (await call.reply()).status == status

    @in_virtual_time
    async def test_outside_a_dialog_it_belongs_nowhere(self) -> None:
        async with Exchange() as exchange:
            assert (await exchange.phone("100").ask("UPDATE", f"sip:200@{PBX.host}")).status == 481
            assert (await exchange.phone("200").ask("PRACK", f"sip:200@{PBX.host}")).status == 481


class TestGlare:
    """§5.2: two offers at once."""

    @in_virtual_time
    async def test_an_offer_while_ours_waits_for_its_answer_gets_491(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect(anna, berta)
            ringing.auto_answer = False
            call.hold()
            await ringing.received("INVITE")
            ringing.reinvite("sendonly", method="UPDATE")
            assert (await ringing.reply()).status == 491

    @pytest.mark.parametrize("first", ["INVITE", "UPDATE"])
    @in_virtual_time
    async def test_an_offer_on_top_of_an_unanswered_one_gets_500_and_when_to_come_again(self, first: str) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect(anna, berta)
            ringing.auto_answer = False
            call.reinvite("sendonly", method=first)
            await ringing.received("INVITE")
            call.reinvite("inactive", method="UPDATE")
            reply = await call.reply()
            assert reply.status == 500
            assert 0 <= int(reply.headers.get("Retry-After") or -1) <= 10

    @in_virtual_time
    async def test_one_without_an_offer_is_in_nobodys_way(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect(anna, berta)
            ringing.auto_answer = False
            call.hold()
            await ringing.received("INVITE")
            call.request("UPDATE")
            assert (await call.reply()).status == 200
            ringing.request("UPDATE")
            assert (await ringing.reply()).status == 200

    @in_virtual_time
    async def test_491_and_500_of_the_other_phone_reach_the_asking_one(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await connect(anna, berta)
            ringing.auto_answer = False
            later = [("Retry-After", "7 (later)")]
            for number, (status, headers) in enumerate([(491, []), (500, later), (500, [])], 1):
                call.hold()
                await ringing.received("INVITE", count=number)
                assert ringing.pending is not None
                ringing.reply_to(ringing.pending, status, headers=headers)
                reply = await call.reply()
                expected = (status, "7") if headers else (491 if status == 491 else 488, None)
                assert (reply.status, reply.headers.get("Retry-After")) == expected


class TestInAnEarlyDialog:
    """§5.1: once an answer was given reliably."""

    @in_virtual_time
    async def test_the_called_phone_may_move_its_early_media(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await early(anna, berta)
            ringing.request("UPDATE", berta.sdp(codecs="8 101").replace(b"m=audio 6060", b"m=audio 7070"))
            reply = await ringing.reply()
            assert reply.status == 200
            assert exchange.session_of(berta).remote.address.port == 7070
            ringing.answer(b"")
            await call.response(200)
            await exchange.pass_time(0.1)
            assert exchange.session_of(berta).remote.address.port == 7070, "what the UPDATE said still holds"

    @in_virtual_time
    async def test_hold_of_the_caller_is_carried_across(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await early(anna, berta)
            call.reinvite("sendonly", "8 101", method="UPDATE")
            reply = await call.reply()
            assert reply.status == 200
            assert b"a=recvonly" in reply.body
            assert b"a=sendonly" in (await ringing.received("UPDATE")).body
            ringing.answer(b"")
            ok = await call.response(200)
            assert ok.body == b""
            await exchange.pass_time(0.1)
            assert exchange.session_of(anna).remote.direction is Direction.SENDONLY
            assert len(exchange.manager.calls) == 1

    @in_virtual_time
    async def test_another_codec_of_the_called_phone_is_carried_across(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await early(anna, berta)
            ringing.reinvite(codecs="0 101", method="UPDATE")
            assert (await ringing.reply()).status == 200
            assert b"RTP/AVP 0 101" in (await call.received("UPDATE")).body
            ringing.answer(b"")
            await call.response(200)
            await exchange.pass_time(0.1)
            assert exchange.session_of(anna).remote.codecs[0].name == "PCMU"

    @in_virtual_time
    async def test_what_a_phone_without_update_would_have_to_hear_is_refused(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call = anna.dial("200", headers=[("Require", "100rel")])
            ringing = await berta.incoming()
            ringing.ring(183, berta.sdp(), rseq=1)
            await call.response(183)
            ringing.reinvite(codecs="0", method="UPDATE")
            assert (await ringing.reply()).status == 488
            ringing.answer(b"")
            await call.response(200)

    @in_virtual_time
    async def test_before_any_answer_it_comes_too_early(self) -> None:
        """§5.2: the offer of the INVITE waits for its answer on both legs."""
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call = anna.dial("200", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring(rseq=1)
            await call.response(180)
            await ringing.received("PRACK")
            call.reinvite(method="UPDATE")
            reply = await call.reply()
            assert reply.status == 500
            assert reply.headers.get("Retry-After") is not None
            ringing.reinvite(method="UPDATE")
            assert (await ringing.reply()).status == 491

    @in_virtual_time
    async def test_a_phone_that_nobody_hears_cannot_change_anything(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            kitchen = exchange.phone("200", "kitchen")
            call = anna.dial("200", headers=REQUIRED)
            at_desk, in_kitchen = await berta.incoming(), await kitchen.incoming()
            at_desk.ring(183, berta.sdp(), rseq=1)
            await call.response(183)
            in_kitchen.ring(183, kitchen.sdp(), rseq=1)
            await in_kitchen.received("PRACK")
            in_kitchen.reinvite("inactive", method="UPDATE")
            assert (await in_kitchen.reply()).status == 488
            assert exchange.session_of(anna).bridged is exchange.session_of(berta)

    @in_virtual_time
    async def test_an_update_that_the_answer_overtakes_is_told_to_come_again(self) -> None:
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await early(anna, berta)
            ringing.auto_answer = False
            call.reinvite("sendonly", "8 101", method="UPDATE")
            await ringing.received("UPDATE")
            ringing.answer(b"")
            assert (await call.reply()).status == 500
            await call.response(200)
            assert len(exchange.manager.calls) == 1

    @in_virtual_time
    async def test_the_called_side_has_no_bye_before_its_answer(self) -> None:
        """RFC 3261 §15."""
        async with Exchange() as exchange:
            anna, berta = exchange.phone("100"), exchange.phone("200")
            call, ringing = await early(anna, berta)
            ringing.request("BYE")
            assert (await ringing.reply()).status == 481
            assert ringing.dialog is not None
            assert len(exchange.manager.calls) == 1
            assert not [one for one in call.responses if one.status >= 200]
