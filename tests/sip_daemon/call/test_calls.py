"""Two phones through the exchange: what each of them sees, and what the record says."""

from __future__ import annotations

import pytest

from sip_daemon.call import cause as causes
from sip_daemon.call.record import CallStarted, CallStatus, CallUpdated, Side
from sip_daemon.message import Request
from tests.support.exchange import WALL_CLOCK, Exchange
from tests.support.phones import PBX, Phone, PhoneCall
from tests.support.virtual_time import in_virtual_time


async def connect(caller: Phone, callee: Phone, number: str = "200") -> tuple[PhoneCall, PhoneCall]:
    """A call that was answered."""
    call = caller.dial(number)
    ringing = await callee.incoming()
    ringing.ring()
    ringing.answer()
    await call.response(200)
    await ringing.received("ACK")
    return call, ringing


@in_virtual_time
async def test_the_caller_hears_trying_ringing_and_ok() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        await connect(anna, berta)
        assert exchange.network.between(PBX, anna.address) == [
            "SIP/2.0 401 Unauthorized",
            "SIP/2.0 100 Trying",
            "SIP/2.0 180 Ringing",
            "SIP/2.0 200 OK",
        ]


@in_virtual_time
async def test_the_called_phone_is_invited_in_the_same_instant() -> None:
    """Post-dial delay: no timer and no wait lies between the two INVITEs."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        before = exchange.endpoint.now()
        anna.dial("200")
        await berta.incoming()
        assert exchange.endpoint.now() - before < 0.005


@in_virtual_time
async def test_the_invite_goes_to_the_registered_contact_to_the_letter() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.dial("200")
        invite = (await berta.incoming()).invite
        assert invite is not None
        assert str(invite.uri) == str(berta.contact.uri)


@in_virtual_time
async def test_the_legs_share_no_identifier() -> None:
    """A leg is a dialog of its own (RFC 7092 §3.1)."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        invite = (await berta.incoming()).invite
        assert invite is not None
        assert call.invite is not None
        assert invite.call_id != call.invite.call_id
        assert invite.from_.tag != call.invite.from_.tag
        assert invite.max_forwards == 69


@in_virtual_time
async def test_the_identity_of_the_caller_is_ours_to_state() -> None:
    """What the phone wrote into From is not looked at."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.dial("200", headers=[("P-Asserted-Identity", "<sip:chief@pbx.example>")])
        invite = (await berta.incoming()).invite
        assert invite is not None
        assert (invite.from_.display_name, invite.from_.uri.user, invite.from_.uri.host) == (
            "Anna Berg",
            "100",
            PBX.host,
        )
        assert "P-Asserted-Identity" not in invite.headers
        assert invite.to.uri.user == "200"


@pytest.mark.parametrize("dialled", ["200", "Berta%20Alm", "berta%20alm"])
@in_virtual_time
async def test_a_person_is_dialled_by_number_or_name(dialled: str) -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.dial(dialled)
        await berta.incoming()


@in_virtual_time
async def test_both_ends_send_their_audio_to_us() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        for phone, leg in ((anna, call), (berta, ringing)):
            session = exchange.session_of(phone)
            description = leg.remote_sdp
            assert description.connection is not None
            assert description.connection.address == session.address.host
            assert description.media[0].port == session.address.port
            assert session.remote.address == phone.media
        assert exchange.session_of(anna).bridged is exchange.session_of(berta)


@in_virtual_time
async def test_both_ends_settle_on_what_the_called_phone_takes() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.codecs = "0 8 96"
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.answer(berta.sdp(codecs="8 96"))
        await call.response(200)
        assert call.remote_sdp.media[0].formats == ("8", "96")
        await ringing.received("ACK")


@in_virtual_time
async def test_other_streams_are_refused_in_their_place() -> None:
    """RFC 3264 §6: the answer has as many m= lines as the offer."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200", body=anna.sdp() + b"m=video 4000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n")
        (await berta.incoming()).answer()
        await call.response(200)
        assert [media.port == 0 for media in call.remote_sdp.media] == [False, True]


@in_virtual_time
async def test_the_caller_hangs_up() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        call.hang_up()
        assert (await call.reply()).status == 200
        bye = await ringing.received("BYE")
        assert bye.headers.get("Reason") == 'Q.850;cause=16;text="Call over"'
        record = await exchange.ended()
        assert (record.status, record.ended_by, record.cause) == (CallStatus.ANSWERED, "caller", "Call over")


@in_virtual_time
async def test_the_called_one_hangs_up() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.hang_up()
        assert (await ringing.reply()).status == 200
        await call.received("BYE")
        record = await exchange.ended()
        assert (record.status, record.ended_by) == (CallStatus.ANSWERED, "callee")


@in_virtual_time
async def test_both_hang_up_in_the_same_moment() -> None:
    """Each BYE that crosses another is answered 200."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        call.hang_up()
        ringing.hang_up()
        assert (await call.reply()).status == 200
        assert (await ringing.reply()).status == 200
        await exchange.ended()
        assert len(exchange.records) == 1


@in_virtual_time
async def test_the_record_tells_who_when_and_how() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100", "anna-desk"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        await exchange.quiet()
        call.hang_up()
        record = await exchange.ended()
        assert (record.caller_number, record.caller_name, record.caller_device) == ("100", "Anna Berg", "anna-desk")
        assert (record.dialled, record.callee_number, record.callee_name) == ("200", "200", "Berta Alm")
        assert record.started_at == WALL_CLOCK
        assert record.answered_at is not None
        assert record.ended_at is not None
        assert record.ended_at - record.answered_at == pytest.approx(200, abs=1)
        steps = record.detail["steps_ms"]
        assert isinstance(steps, dict)
        assert list(steps) == ["media", "invited", "ringing", "answered", "ended"]


@in_virtual_time
async def test_the_record_has_a_leg_for_each_phone() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        call.hang_up()
        caller, callee = (await exchange.ended()).legs
        assert (caller.side, caller.device, caller.remote) == (Side.CALLER, "100", str(anna.address))
        assert (callee.side, callee.device, callee.codec) == (Side.CALLEE, "200", "PCMA/8000")
        assert (caller.transport, caller.media_profile, caller.user_agent) == ("UDP", "RTP/AVP", "Phone of 100")
        assert (caller.packets_received, callee.packets_sent) == (100, 100)
        assert not caller.media_secure


@in_virtual_time
async def test_the_store_hears_of_every_step() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        started, ringing, talking = exchange.changes
        assert isinstance(started, CallStarted)
        assert isinstance(ringing, CallUpdated)
        assert ringing.record.ringing_at is not None
        assert talking.record.status is CallStatus.TALKING
        call.hang_up()
        await exchange.ended()


@in_virtual_time
async def test_nothing_is_left_of_a_call() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        assert exchange.leftovers() > 0
        call.hang_up()
        await exchange.ended()
        await exchange.quiet()
        assert not exchange.manager.calls
        assert exchange.manager.dialog_count == 0
        assert not exchange.media.sessions
        assert exchange.leftovers() == 0


@in_virtual_time
async def test_the_200_is_repeated_until_the_ack_comes() -> None:
    """RFC 3261 §13.3.1.4: T1, doubling to T2."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.acknowledges = False
        call = anna.dial("200")
        (await berta.incoming()).answer()
        await exchange.pass_time(8)
        assert exchange.network.between(PBX, anna.address).count("SIP/2.0 200 OK") == 5
        assert call.dialog is not None
        anna.acknowledge(call.dialog, _invite(call))
        await exchange.pass_time(30)
        assert exchange.network.between(PBX, anna.address).count("SIP/2.0 200 OK") == 5


@in_virtual_time
async def test_a_caller_that_never_acknowledges_is_hung_up_on() -> None:
    """BYE after 64*T1, to both."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.acknowledges = False
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.answer()
        await ringing.received("BYE")
        await call.received("BYE")
        record = await exchange.ended()
        assert record.cause == causes.NO_ACK.text
        assert record.ended_by == "system"


@in_virtual_time
async def test_every_repeated_200_of_a_phone_is_acknowledged_again() -> None:
    """RFC 3261 §13.2.2.4: the first ACK was lost."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.dial("200")
        ringing = await berta.incoming()
        ringing.answer()
        await ringing.received("ACK")
        ringing.answer()
        await ringing.received("ACK", count=2)


@in_virtual_time
async def test_a_called_one_who_hangs_up_before_the_caller_has_acknowledged_waits_for_it() -> None:
    """RFC 3261 §15: no BYE from the UAS before the ACK."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.acknowledges = False
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.answer()
        await call.response(200)
        await ringing.received("ACK")
        ringing.hang_up()
        await exchange.ended()
        await exchange.pass_time(1)
        assert not call.requests
        assert call.dialog is not None
        anna.acknowledge(call.dialog, _invite(call))
        await call.received("BYE")


@in_virtual_time
async def test_an_answer_of_no_use_ends_the_attempt_with_488() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.answer(b"v=0\r\nnonsense")
        await ringing.received("ACK")
        await ringing.received("BYE")
        assert (await call.final()).status == 488


@in_virtual_time
async def test_an_invite_without_offer_gets_ours_in_the_200() -> None:
    """RFC 3261 §13.2.1: the answer comes with the ACK."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.late_answer = anna.sdp(codecs="8 101")
        call = anna.dial("200", body=b"")
        ringing = await berta.incoming()
        ringing.answer()
        await call.response(200)
        await exchange.pass_time(0.1)
        assert exchange.session_of(anna).remote.address == anna.media
        assert [codec.name for codec in exchange.session_of(anna).remote.codecs] == ["PCMA", "telephone-event"]
        assert exchange.session_of(anna).bridged is exchange.session_of(berta)


@in_virtual_time
async def test_an_ack_without_the_answer_it_owes_ends_the_call() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200", body=b"")
        ringing = await berta.incoming()
        ringing.answer()
        await call.received("BYE")
        await ringing.received("BYE")
        assert (await exchange.ended()).cause == causes.BAD_ANSWER.text


@in_virtual_time
async def test_an_administrator_ends_a_call() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        (live,) = exchange.manager.calls
        assert exchange.manager.hang_up(live.id)
        await call.received("BYE")
        await ringing.received("BYE")
        assert (await exchange.ended()).ended_by == "admin"
        assert not exchange.manager.hang_up("nobody")


@in_virtual_time
async def test_when_the_system_stops_live_calls_end_and_are_recorded_so() -> None:
    exchange = Exchange()
    async with exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
    await call.received("BYE")
    await ringing.received("BYE")
    assert exchange.records[0].status is CallStatus.STOPPED
    assert exchange.records[0].ended_by == "system"


@in_virtual_time
async def test_when_the_system_stops_new_calls_are_told_to_come_back() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        exchange.manager.stop()
        response = await anna.dial("200").final()
        assert (response.status, response.headers.get("Retry-After")) == (503, "5")


def _invite(call: PhoneCall) -> Request:
    assert call.invite is not None
    return call.invite
