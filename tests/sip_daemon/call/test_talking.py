"""Hold, resume, other codecs, phones that vanish: what happens between the answer and the BYE."""

from __future__ import annotations

import pytest

from sip_daemon.call import cause as causes
from sip_daemon.call.dialog_leg import PROBE_AGAIN
from sip_daemon.call.record import CallStatus
from sip_daemon.errors import LocalProtocolError
from sip_daemon.flow import TransportProtocol
from sip_daemon.media_plane import DigitPressed, MediaSilent
from sip_daemon.sdp import Direction
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import Exchange
from tests.support.phones import PBX, PhoneCall
from tests.support.virtual_time import in_virtual_time


def direction(leg: PhoneCall) -> str:
    """What the last description from us says."""
    names = [name for name, _ in leg.remote_sdp.media[0].attributes]
    return next(name for name in names if name in ("sendrecv", "sendonly", "recvonly", "inactive"))


@in_virtual_time
async def test_hold_and_resume_are_carried_across() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        call.hold()
        assert (await call.reply()).status == 200
        assert direction(call) == "recvonly"
        assert direction(ringing) == "sendonly"
        assert exchange.session_of(anna).remote.direction is Direction.SENDONLY
        assert exchange.session_of(berta).remote.direction is Direction.RECVONLY
        call.reinvite()
        assert (await call.reply()).status == 200
        assert direction(call) == direction(ringing) == "sendrecv"


@in_virtual_time
async def test_the_called_one_may_hold_too() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.hold()
        assert (await ringing.reply()).status == 200
        assert direction(call) == "sendonly"


@in_virtual_time
async def test_a_reinvite_carries_no_header_of_the_other_leg() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        call.hold()
        reinvite = await ringing.received("INVITE")
        assert reinvite.from_.uri.user == "100"
        assert reinvite.headers.get("User-Agent") == "GoSIP"
        assert reinvite.contact is not None
        assert reinvite.contact.uri.host == PBX.host


@in_virtual_time
async def test_another_codec_is_carried_across() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        berta.codecs = "8 0 9 101"
        call, _ = await connect(anna, berta)
        call.reinvite(codecs="9 101")
        assert (await call.reply()).status == 200
        assert call.remote_sdp.media[0].formats == ("9", "101")
        assert exchange.session_of(berta).remote.codecs[0].name == "G722"


@in_virtual_time
async def test_a_new_address_concerns_only_its_own_leg() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        call.request("INVITE", anna.sdp().replace(b"m=audio 6060", b"m=audio 7070"))
        assert (await call.reply()).status == 200
        assert exchange.session_of(anna).remote.address.port == 7070
        assert [request.method for request in ringing.requests] == ["ACK"]


@in_virtual_time
async def test_what_the_other_phone_refuses_is_refused_and_the_session_stays() -> None:
    """RFC 3261 §14.1."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        configured = len(exchange.session_of(anna).configured)
        call.hold()
        await ringing.received("INVITE")
        assert ringing.pending is not None
        ringing.reply_to(ringing.pending, 488)
        assert (await call.reply()).status == 488
        assert len(exchange.session_of(anna).configured) == configured
        assert len(exchange.manager.calls) == 1


@in_virtual_time
async def test_an_offer_of_no_use_is_refused_with_a_warning() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ringing = await connect(anna, berta)
        call.request("INVITE", anna.sdp().replace(b"RTP/AVP", b"RTP/SAVP"))
        reply = await call.reply()
        assert reply.status == 488
        assert "Secure RTP" in (reply.headers.get("Warning") or "")
        call.hold()
        assert (await call.reply()).status == 200, "the session goes on"


@in_virtual_time
async def test_proposals_from_both_sides_at_once_are_told_apart() -> None:
    """RFC 3261 §14.2: 491, and each comes again in its own time."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        call.hold()
        await ringing.received("INVITE")
        ringing.hold()
        assert (await ringing.reply()).status == 491
        assert ringing.pending is not None
        ringing.reply_to(ringing.pending, 491)
        assert (await call.reply()).status == 491


@in_virtual_time
async def test_a_reinvite_on_top_of_an_unanswered_one_is_told_to_wait() -> None:
    """RFC 3261 §14.2: 500 with Retry-After."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        call.hold()
        await ringing.received("INVITE")
        call.hold()
        reply = await call.reply()
        assert reply.status == 500
        assert 0 <= int(reply.headers.get("Retry-After") or -1) <= 10


@in_virtual_time
async def test_a_withdrawn_reinvite_is_withdrawn_on_the_other_side() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        call.hold()
        await ringing.received("INVITE")
        await exchange.pass_time(1)
        call.cancel()
        assert (await call.reply()).status == 487
        assert len(exchange.manager.calls) == 1


@in_virtual_time
async def test_an_answer_to_a_withdrawn_reinvite_is_taken_back() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        call.hold()
        held = await ringing.received("INVITE")
        await exchange.pass_time(1)
        call.cancel()
        await call.reply()
        assert ringing.pending is not None
        ringing.auto_answer = True
        ringing.reply_to(ringing.pending, 200, berta.sdp("recvonly"))
        again = await ringing.received("INVITE", count=2)
        assert again.cseq.number > held.cseq.number
        assert b"a=sendrecv" in again.body


@in_virtual_time
async def test_a_reinvite_without_offer_is_answered_with_ours() -> None:
    """RFC 3261 §14.2; the answer comes with the ACK."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        anna.late_answer = anna.sdp("sendonly")
        call.request("INVITE")
        reply = await call.reply()
        assert b"a=sendrecv" in reply.body
        await ringing.received("INVITE")
        assert direction(ringing) == "sendonly"
        assert exchange.session_of(anna).remote.direction is Direction.SENDONLY


@in_virtual_time
async def test_a_phone_that_does_not_know_the_call_any_more_ends_it() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        call.hold()
        await ringing.received("INVITE")
        assert ringing.pending is not None
        ringing.reply_to(ringing.pending, 481)
        await call.received("BYE")
        record = await exchange.ended()
        assert (record.status, record.cause) == (CallStatus.ANSWERED, causes.VANISHED.text)


@in_virtual_time
async def test_options_inside_a_call_are_answered() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        call.request("OPTIONS")
        assert (await call.reply()).status == 200


@pytest.mark.parametrize("method", ["REFER", "INFO", "MESSAGE", "SUBSCRIBE", "FOO"])
@in_virtual_time
async def test_what_we_do_not_do_is_not_allowed(method: str) -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        call.request(method)
        reply = await call.reply()
        assert reply.status == 405
        assert method not in reply.allow
        assert "INVITE" in reply.allow


@in_virtual_time
async def test_a_request_of_yesterday_is_refused() -> None:
    """RFC 3261 §12.2.2: CSeq goes up."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        assert call.dialog is not None
        call.dialog.local_cseq -= 2
        call.request("OPTIONS")
        assert (await call.reply()).status == 500


@in_virtual_time
async def test_a_phone_that_vanished_is_found_out_by_silence() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        session = exchange.session_of(berta)
        berta.vanish()
        session.emit(MediaSilent(30))
        await call.received("BYE")
        record = await exchange.ended()
        assert (record.cause, record.ended_by) == (causes.VANISHED.text, "system")


@in_virtual_time
async def test_a_phone_that_is_only_silent_goes_on() -> None:
    """It answers the OPTIONS that asks whether it is there."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        _, ringing = await connect(anna, berta)
        exchange.session_of(berta).emit(MediaSilent(30))
        await ringing.received("OPTIONS")
        await exchange.quiet()
        assert len(exchange.manager.calls) == 1


@in_virtual_time
async def test_a_phone_that_was_silent_once_is_asked_again_and_again() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        exchange.session_of(berta).emit(MediaSilent(30))
        await ringing.received("OPTIONS", count=3)
        berta.vanish()
        await call.received("BYE")


@in_virtual_time
async def test_a_silent_phone_that_lost_the_call_ends_it() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        exchange.session_of(berta).emit(MediaSilent(30))
        await ringing.received("OPTIONS")
        assert ringing.pending is not None
        ringing.reply_to(ringing.pending, 481)
        await call.received("BYE")


@in_virtual_time
async def test_silence_reported_twice_asks_no_more_often() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        _, ringing = await connect(anna, berta)
        for _ in range(5):
            exchange.session_of(berta).emit(MediaSilent(30))
            await exchange.pass_time(1)
        asked = [one for one in ringing.requests if one.method == "OPTIONS"]
        await exchange.pass_time(2 * PROBE_AGAIN)
        again = [one for one in ringing.requests if one.method == "OPTIONS"]
        assert (len(asked), len(again)) == (5, 7)


@in_virtual_time
async def test_a_phone_that_vanished_while_it_was_held_is_found_out() -> None:
    """It sends no audio that anybody could miss."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        call.reinvite("inactive")
        assert (await call.reply()).status == 200
        berta.vanish()
        await call.received("BYE")
        assert (await exchange.ended()).cause == causes.VANISHED.text


@in_virtual_time
async def test_nobody_is_asked_after_the_end() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        exchange.session_of(berta).emit(MediaSilent(30))
        await ringing.received("OPTIONS")
        question = ringing.pending
        assert question is not None
        ringing.auto_answer = True
        call.hang_up()
        await ringing.received("BYE")
        ringing.reply_to(question, 200)
        await exchange.ended()
        await exchange.pass_time(2 * PROBE_AGAIN)
        assert [one.method for one in ringing.requests].count("OPTIONS") == 1


@in_virtual_time
async def test_a_reinvite_that_is_still_asked_about_ends_with_the_call() -> None:
    """Or its transaction would wait for an answer for ever."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        call.hold()
        await ringing.received("INVITE")
        assert ringing.pending is not None
        ringing.reply_to(ringing.pending, 180)
        await exchange.pass_time(1)
        ringing.auto_answer = True
        call.hang_up()
        await exchange.ended()
        assert "CANCEL" in " ".join(exchange.network.between(PBX, berta.address))
        await exchange.quiet()
        assert exchange.leftovers() == 0


@in_virtual_time
async def test_an_answer_that_comes_after_the_phones_own_bye_is_acknowledged() -> None:
    """RFC 3261 §13.2.2.4: every 2xx, or the phone repeats it for half a minute."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        call.hold()
        await ringing.received("INVITE")
        reinvite = ringing.pending
        assert reinvite is not None
        ringing.hang_up()
        await exchange.ended()
        ringing.reply_to(reinvite, 200, berta.sdp("recvonly"))
        await ringing.received("ACK", count=2)


@pytest.mark.parametrize(("header", "status"), [(("Require", "gruu"), 420), (("Content-Type", "multipart/mixed"), 415)])
@in_virtual_time
async def test_a_reinvite_is_checked_like_a_first_invite(header: tuple[str, str], status: int) -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        assert call.dialog is not None
        reinvite = call.dialog.request("INVITE")
        reinvite.headers.set("Contact", str(anna.contact))
        reinvite.headers.set("Content-Type", "application/sdp")
        reinvite.headers.set(*header)
        reinvite.body = anna.sdp()
        call.last_answer = None
        anna.send(reinvite, call)
        assert (await call.reply()).status == status
        assert len(exchange.manager.calls) == 1
        assert [one.method for one in ringing.requests] == ["ACK"]


@in_virtual_time
async def test_a_closed_connection_does_not_end_a_call() -> None:
    """The phone comes back on another: its binding's newest flow is used (RFC 5626 §5.3)."""
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        berta = exchange.phone("200", transport=TransportProtocol.TCP)
        call, ringing = await connect(anna, berta)
        exchange.transport.break_flow(berta.address)
        await exchange.pass_time(1)
        exchange.transport.transports[berta.address] = TransportProtocol.UDP
        exchange.bindings["200"].clear()
        exchange.register(berta)
        call.hang_up()
        await ringing.received("BYE")


@in_virtual_time
async def test_a_phone_without_any_connection_is_not_waited_for() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        berta = exchange.phone("200", transport=TransportProtocol.TCP)
        call, _ = await connect(anna, berta)
        exchange.transport.break_flow(berta.address)
        call.hang_up()
        await exchange.ended()
        assert exchange.manager.dialog_count == 0 or await _gone(exchange)


async def _gone(exchange: Exchange) -> bool:
    await exchange.quiet()
    return exchange.manager.dialog_count == 0


@in_virtual_time
async def test_silence_of_a_phone_without_any_connection_ends_the_call() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        berta = exchange.phone("200", transport=TransportProtocol.TCP)
        call, _ = await connect(anna, berta)
        exchange.transport.break_flow(berta.address)
        exchange.session_of(berta).emit(MediaSilent(30))
        await call.received("BYE")


@in_virtual_time
async def test_a_lost_media_worker_ends_its_calls_and_no_other() -> None:
    async with Exchange(media_workers=2) as exchange:
        anna, berta, carl = exchange.phone("100"), exchange.phone("200"), exchange.phone("300")
        call, ringing = await connect(anna, berta)
        dora = exchange.phone("100", "dora")
        other, _ = await connect(dora, carl, "300")
        lost, kept = exchange.session_of(anna).worker, exchange.session_of(dora).worker
        assert lost != kept
        exchange.media.lose_worker(lost)
        await call.received("BYE")
        await ringing.received("BYE")
        record = await exchange.ended()
        assert (record.caller_device, record.cause) == ("100", causes.MEDIA_LOST.text)
        assert not other.requests
        assert len(exchange.manager.calls) == 1


@in_virtual_time
async def test_digits_are_seen_and_disturb_nothing() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        await connect(anna, berta)
        exchange.session_of(anna).emit(DigitPressed("5", 100))
        await exchange.pass_time(1)
        assert len(exchange.manager.calls) == 1


@in_virtual_time
async def test_an_error_of_ours_ends_this_one_call_with_500(caplog: pytest.LogCaptureFixture) -> None:
    async with Exchange() as exchange:
        anna, berta, carl = exchange.phone("100"), exchange.phone("200"), exchange.phone("300")
        _, _ = await connect(anna, carl, "300")
        dora = exchange.phone("100", "dora")

        def broken(*_: object, **__: object) -> None:
            raise LocalProtocolError("a bug of ours")

        exchange.media.open = broken  # type: ignore[method-assign, assignment]
        assert (await dora.dial("200").final()).status == 500
        assert (await exchange.ended()).cause == causes.INTERNAL_ERROR.text
        assert not berta.is_ringing
        assert len(exchange.manager.calls) == 1
        assert "failed" in caplog.text
