"""Calls that outlive the signalling process: killed, started again, and the phones notice nothing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from sip_daemon.call.adopted_leg import CSEQ_JUMP
from sip_daemon.call.adoption import AdoptionReport
from sip_daemon.call.dialog_leg import PROBE_AGAIN
from sip_daemon.call.journal import Journal
from sip_daemon.call.record import CallRecord, CallStarted, CallStatus, CallUpdated, Side
from sip_daemon.flow import TransportProtocol
from sip_daemon.media_plane import MediaSilent, MediaStatistics
from sip_daemon.sdp import Direction
from sip_daemon.transaction import ServerTransaction
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import Exchange
from tests.support.phones import ALLOW, Phone, PhoneCall
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_bye_from_either_phone_ends_an_adopted_call_with_the_right_record() -> None:
    for hanging_up in (0, 1):
        async with Exchange() as first:
            anna, berta = first.phone("100"), first.phone("200")
            calls = await connect(anna, berta)
            started = first.manager.calls[0].story.journal.record
            await first.pass_time(30)
            first.session_of(anna).counters = MediaStatistics(packets_received=1500, packets_sent=1499)
            async with await first.kill() as second:
                await second.pass_time(2)
                assert await second.adopt() == AdoptionReport(adopted=1)
                await second.pass_time(10)
                calls[hanging_up].hang_up()
                assert (await calls[hanging_up].reply()).status == 200
                await calls[1 - hanging_up].received("BYE")
                record = await second.ended()
                await second.pass_time(1)
                assert second.manager.dialog_count == 0
                assert not second.media.sessions
                assert not second.media.left
    assert (record.id, record.started_at, record.answered_at) == (started.id, started.started_at, started.answered_at)
    assert record.answered_at is not None
    assert record.ended_at == pytest.approx(record.answered_at + 42, abs=0.5)
    assert (record.status, record.ended_by, record.cause) == (CallStatus.ANSWERED, "callee", "Call over")
    assert record.detail["adopted_at"] == [pytest.approx(record.answered_at + 32, abs=1)]
    caller, callee = record.legs
    assert (caller.side, caller.device, caller.state, caller.codec) == (Side.CALLER, "100", "answered", "PCMA/8000")
    assert (caller.packets_received, caller.packets_sent) == (1500, 1499)
    assert (callee.side, callee.device, callee.remote) == (Side.CALLEE, "200", str(berta.address))
    assert caller.sip_call_id
    assert callee.sip_call_id


@in_virtual_time
async def test_nothing_is_sent_to_the_phones_and_the_media_are_left_alone() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        await connect(anna, berta)
        await first.pass_time(60)
        configured = [len(first.session_of(phone).configured) for phone in (anna, berta)]
        async with await first.kill() as second:
            before = len(second.network.log)
            await second.adopt()
            await second.pass_time(300)
            assert len(second.network.log) == before
            assert [len(second.session_of(phone).configured) for phone in (anna, berta)] == configured
            assert second.session_of(anna).bridged is second.session_of(berta)


@in_virtual_time
async def test_the_record_goes_on_as_talking_and_is_written_at_once() -> None:
    async with Exchange() as first:
        await connect(first.phone("100"), first.phone("200"))
        async with await first.kill() as second:
            await second.adopt()
            (change,) = second.changes
            assert isinstance(change, CallUpdated)
            assert (change.record.status, change.record.ended_at) == (CallStatus.TALKING, None)
            assert not [one for one in second.changes if isinstance(one, CallStarted)]


@in_virtual_time
async def test_our_requests_go_on_with_a_higher_cseq() -> None:
    """RFC 3261 §12.2.1.1: what was sent since the state was kept must not be used twice."""
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, _ = await connect(anna, berta)
        async with await first.kill() as second:
            await second.adopt()
            await second.pass_time(1)
            assert second.manager.hang_up(second.manager.calls[0].id)
            bye = await call.received("BYE")
            assert bye.cseq.number > CSEQ_JUMP
            assert call.last_answer is None
            record = await second.ended()
            assert (record.ended_by, record.status) == ("admin", CallStatus.ANSWERED)


@in_virtual_time
async def test_hold_and_resume_are_carried_across_after_adoption() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, ringing = await connect(anna, berta)
        async with await first.kill() as second:
            await second.adopt()
            await second.pass_time(1)
            call.hold()
            assert (await call.reply()).status == 200
            reinvite = await ringing.received("INVITE")
            assert reinvite.cseq.number > CSEQ_JUMP
            assert b"a=sendonly" in reinvite.body
            assert second.session_of(anna).remote.direction is Direction.SENDONLY
            call.reinvite()
            assert (await call.reply()).status == 200


@in_virtual_time
async def test_a_call_on_hold_survives_and_its_phone_is_still_asked_now_and_then() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, ringing = await connect(anna, berta)
        call.hold()
        await call.reply()
        await first.pass_time(40)
        async with await first.kill() as second:
            await second.adopt()
            await ringing.received("OPTIONS")
            call.reinvite()
            assert (await call.reply()).status == 200
            berta.vanish()
            call.hold()
            assert (await call.reply()).status >= 400
            await second.pass_time(2 * PROBE_AGAIN)
            record = await second.ended()
            assert record.status is CallStatus.ANSWERED


@in_virtual_time
async def test_a_vanished_phone_of_an_adopted_call_is_noticed() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, _ = await connect(anna, berta)
        async with await first.kill() as second:
            await second.adopt()
            await second.pass_time(1)
            berta.vanish()
            second.session_of(berta).emit(MediaSilent(30))
            await call.received("BYE")
            assert (await second.ended()).cause == "The phone vanished"


@pytest.mark.parametrize("number", ["*43", "*44"])
def test_services_survive(number: str) -> None:
    @in_virtual_time
    async def survive() -> None:
        async with Exchange() as first:
            anna = first.phone("100")
            call = anna.dial(number)
            await call.response(200)
            session = first.session_of(anna)
            playing, echoing = session.playing, session.echoing
            async with await first.kill() as second:
                assert await second.adopt() == AdoptionReport(adopted=1)
                await second.pass_time(1)
                assert (session.playing, session.echoing) == (playing, echoing)
                call.hold()
                assert (await call.reply()).status == 200
                call.reinvite()
                assert (await call.reply()).status == 200
                call.hang_up()
                assert (await call.reply()).status == 200
                record = await second.ended()
                assert (record.status, record.dialled, record.ended_by) == (CallStatus.ANSWERED, number, "caller")

    survive()


# between the answer and its ACK


@in_virtual_time
async def test_a_200_that_was_not_acknowledged_is_repeated_until_it_is() -> None:
    """RFC 3261 §13.3.1.4: the 2xx is the user agent's to repeat, whichever process that is."""
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        anna.acknowledges = False
        call, _ = await connect_unacknowledged(anna, berta)
        async with await first.kill() as second:
            await second.adopt()
            await second.pass_time(3)
            repeated = len([one for one in call.responses if one.status == 200])
            assert repeated >= 3
            anna.acknowledges = True
            await second.pass_time(5)
            known = len([one for one in call.responses if one.status == 200])
            await second.pass_time(60)
            assert len([one for one in call.responses if one.status == 200]) == known
            call.hang_up()
            assert (await call.reply()).status == 200
            assert (await second.ended()).status is CallStatus.ANSWERED


@in_virtual_time
async def test_a_200_that_never_went_out_goes_out_after_the_restart() -> None:
    """The state is kept first, so a call that the callee has answered is not lost for want of a few milliseconds."""
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        first.network.lose = lambda datagram: (
            datagram.destination == anna.address and datagram.first_line == "SIP/2.0 200 OK"
        )
        call, _ = await connect_unacknowledged(anna, berta)
        assert not [one for one in call.responses if one.status == 200]
        async with await first.kill() as second:
            second.network.lose = lambda datagram: False
            await second.adopt()
            await call.response(200)
            await second.pass_time(1)
            call.hang_up()
            assert (await call.reply()).status == 200


async def connect_unacknowledged(caller: Phone, callee: Phone) -> tuple[PhoneCall, PhoneCall]:
    call = caller.dial(callee.username)
    ringing = await callee.incoming()
    ringing.answer()
    await ringing.received("ACK")
    await asyncio.sleep(0.01)  # the state is kept, and then the 200 goes out
    return call, ringing


@in_virtual_time
async def test_a_phone_that_does_not_repeat_its_ack_keeps_its_call() -> None:
    """It may have acknowledged to the process that died: it is asked whether it is there, and not given up."""
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, _ = await connect(anna, berta)
        anna.acknowledges = False
        async with await first.kill() as second:
            await second.adopt()
            await call.received("OPTIONS")
            await second.pass_time(1)
            assert len(second.manager.calls) == 1
            call.hold()
            assert (await call.reply()).status == 200


@in_virtual_time
async def test_a_reinvite_soon_after_the_restart_proves_that_the_answer_arrived() -> None:
    """RFC 3261 §14.1: a phone begins no other INVITE before the first is over."""
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, _ = await connect(anna, berta)
        anna.acknowledges = False
        async with await first.kill() as second:
            await second.adopt()
            anna.acknowledges = True
            call.hold()
            assert (await call.reply()).status == 200


@in_virtual_time
async def test_an_old_answer_is_not_repeated() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, _ = await connect(anna, berta)
        await first.pass_time(33)
        async with await first.kill() as second:
            known = len(call.responses)
            await second.adopt()
            await second.pass_time(5)
            assert len(call.responses) == known


@in_virtual_time
async def test_an_answer_in_the_ack_is_understood_after_the_restart() -> None:
    """An INVITE without offer: the ACK brings the answer (RFC 3261 §13.2.1)."""
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        anna.acknowledges = False
        call = anna.dial("200", body=b"")
        ringing = await berta.incoming()
        ringing.answer()
        await call.response(200)
        async with await first.kill() as second:
            await second.adopt()
            anna.late_answer, anna.acknowledges = anna.sdp(codecs="8 101"), True
            await second.pass_time(5)
            assert second.session_of(anna).remote.address == anna.media
            call.hang_up()
            assert (await call.reply()).status == 200


# a re-INVITE on its way


@in_virtual_time
async def test_a_reinvite_that_was_undecided_is_refused_and_may_be_tried_again() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        call.hold()
        await ringing.received("INVITE")
        await first.pass_time(0.2)
        async with await first.kill() as second:
            await second.adopt()
            reply = await call.reply()
            assert (reply.status, reply.headers.get("Retry-After")) == (500, "1")
            await second.pass_time(5)
            ringing.auto_answer = True
            ringing.reply_to(one_of(ringing), 200, berta.sdp("recvonly"))
            await second.pass_time(5)
            acks = [one for one in ringing.requests if one.method == "ACK"]
            assert len(acks) >= 2, "an unacknowledged 200 would make the phone give the call up"
            restored = [one for one in ringing.requests if one.method == "INVITE"][-1]
            assert b"a=sendrecv" in restored.body, "what nobody agreed to is taken back"
            call.hold()
            assert (await call.reply()).status == 200


def one_of(call: PhoneCall) -> ServerTransaction:
    assert call.pending is not None
    return call.pending


@in_virtual_time
async def test_a_reinvite_that_is_repeated_to_the_new_process_gets_its_answer() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, _ = await connect(anna, berta)
        first.network.lose = lambda datagram: datagram.destination == anna.address
        call.hold()
        await first.pass_time(0.3)
        async with await first.kill() as second:
            second.network.lose = lambda datagram: False
            await second.adopt()
            assert (await call.reply()).status == 200
            assert second.session_of(anna).remote.direction is Direction.SENDONLY


# phones on TCP


@in_virtual_time
async def test_a_phone_on_tcp_speaks_on_its_new_connection() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100", transport=TransportProtocol.TCP), first.phone("200")
        call, ringing = await connect(anna, berta)
        await first.pass_time(40)
        async with await first.kill() as second:
            await second.adopt()
            second.register(anna)
            ringing.hang_up()
            assert (await ringing.reply()).status == 200
            await call.received("BYE")
            assert (await second.ended()).ended_by == "callee"


@in_virtual_time
async def test_a_bye_waits_for_a_phone_whose_connection_is_not_back_yet() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100", transport=TransportProtocol.TCP), first.phone("200")
        call, ringing = await connect(anna, berta)
        await first.pass_time(40)
        async with await first.kill() as second:
            await second.adopt()
            ringing.hang_up()
            await second.ended()
            await second.pass_time(20)
            assert not [one for one in call.requests if one.method == "BYE"]
            second.register(anna)
            await call.received("BYE")
            await second.pass_time(40)
            assert second.manager.dialog_count == 0


@in_virtual_time
async def test_who_holds_a_call_with_a_phone_that_is_not_back_yet_may_try_again() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200", transport=TransportProtocol.TCP)
        call, ringing = await connect(anna, berta)
        await first.pass_time(40)
        async with await first.kill() as second:
            await second.adopt()
            call.hold()
            assert (await call.reply()).status == 491
            second.register(berta)
            call.hold()
            assert (await call.reply()).status == 200
            await ringing.received("INVITE")


@in_virtual_time
async def test_the_first_request_of_a_phone_on_a_new_connection_is_enough() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100", transport=TransportProtocol.TCP), first.phone("200")
        call, ringing = await connect(anna, berta)
        await first.pass_time(40)
        async with await first.kill() as second:
            await second.adopt()
            call.hang_up()
            assert (await call.reply()).status == 200
            await ringing.received("BYE")


# what cannot go on


@in_virtual_time
async def test_a_call_that_rang_leaves_no_session_and_nobody_is_told() -> None:
    """Nothing is known of it any more: the caller's CANCEL gets 481, and its phone stops."""
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring()
        await call.response(180)
        async with await first.kill() as second:
            assert await second.adopt() == AdoptionReport(discarded=2)
            assert not second.media.sessions
            assert not second.media.left
            assert not second.manager.calls
            call.cancel()
            await second.pass_time(40)
            assert not second.leftovers()


@in_virtual_time
async def test_a_phone_that_rang_and_is_picked_up_after_the_restart_is_hung_up() -> None:
    """Its 200 is acknowledged (RFC 3261 §13.2.2.4) and followed by a BYE: there is no caller."""
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring()
        await call.response(180)
        async with await first.kill() as second:
            await second.adopt()
            ringing.answer()
            bye = await ringing.received("BYE")
            await ringing.received("ACK")
            assert "The system stopped" in (bye.headers.get("Reason") or "")
            await second.pass_time(40)
            assert not second.leftovers()


@in_virtual_time
async def test_a_stranger_cannot_have_requests_sent_by_making_up_an_answer() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        async with await first.kill() as second:
            await second.adopt()
            second.bindings.clear()
            ringing.answer()
            await second.pass_time(5)
            assert not ringing.requests
            call.cancel()


@in_virtual_time
async def test_half_a_call_is_hung_up_with_a_record() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, ringing = await connect(anna, berta)
        berta_session = first.session_of(berta)
        async with await first.kill() as second:
            second.left = tuple(one for one in second.left if one.id != berta_session.id)
            assert await second.adopt() == AdoptionReport(ended=1)
            await second.pass_time(2)
            await call.received("BYE")
            await ringing.received("BYE")
            record = await second.ended()
            assert (record.status, record.ended_by) == (CallStatus.ANSWERED, "system")
            assert "media" in record.cause
            assert not second.media.sessions


@in_virtual_time
async def test_a_session_that_ends_while_it_is_adopted_ends_the_call() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, _ = await connect(anna, berta)
        berta_session = first.session_of(berta)
        async with await first.kill() as second:
            del second.media.left[berta_session.id]
            assert (await second.adopt()).ended == 1
            await call.received("BYE")
            await second.ended()


@in_virtual_time
async def test_a_state_of_another_version_is_refused_and_its_sessions_are_closed() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, _ = await connect(anna, berta)
        session = first.session_of(anna)
        session.state = json.dumps({**json.loads(session.state), "version": 99}).encode()
        async with await first.kill() as second:
            assert await second.adopt() == AdoptionReport(discarded=2)
            assert not second.changes, "its record is the store's to close"
            call.hang_up()
            assert (await call.reply()).status == 481


@pytest.mark.parametrize("change", ["another call", "another session", "no service"])
def test_a_state_that_does_not_belong_where_it_lies_is_refused(change: str) -> None:
    @in_virtual_time
    async def refuse() -> None:
        async with Exchange() as first:
            anna, berta = first.phone("100"), first.phone("200")
            await connect(anna, berta)
            session = first.session_of(anna)
            values = json.loads(session.state)
            if change == "another call":
                values["record"]["id"] = "somebody else's"
            elif change == "another session":
                values["legs"][0]["media_session"] = first.session_of(berta).id
            else:
                values["service"], values["legs"] = "clairvoyance", values["legs"][:1]
            session.state = json.dumps(values).encode()
            async with await first.kill() as second:
                assert (await second.adopt()).discarded == 2
                assert not second.media.left
                assert not second.manager.calls

    refuse()


@in_virtual_time
async def test_what_we_left_ourselves_is_of_calls_that_we_ended() -> None:
    """The line to a worker broke and was made anew: its calls got their BYE then."""
    async with Exchange() as exchange:
        await connect(exchange.phone("100"), exchange.phone("200"))
        left = exchange.media.orphan()
        assert await exchange.manager.adopt(left) == AdoptionReport(discarded=2)


@in_virtual_time
async def test_a_call_survives_one_restart_after_the_other() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, ringing = await connect(anna, berta)
        async with await first.kill() as second:
            await second.adopt()
            await second.pass_time(5)
            call.hold()
            await call.reply()
            async with await second.kill() as third:
                assert await third.adopt() == AdoptionReport(adopted=1)
                await third.pass_time(5)
                call.reinvite()
                assert (await call.reply()).status == 200
                ringing.hang_up()
                await ringing.reply()
                record = await third.ended()
                assert len(record.detail["adopted_at"]) == 2  # type: ignore[arg-type]


@in_virtual_time
async def test_legs_that_lost_the_race_stay_in_the_record() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        first.phone("200", "200-b")
        call, _ = await connect(anna, berta)
        await first.pass_time(1)
        async with await first.kill() as second:
            await second.adopt()
            call.hang_up()
            await call.reply()
            record = await second.ended()
            assert sorted(leg.device for leg in record.legs) == ["100", "200", "200-b"]


@in_virtual_time
async def test_calls_of_a_worker_that_is_found_late_are_waited_for() -> None:
    """A 481 would end the call at the phone; over UDP it repeats its request (RFC 3261 §17.1.2.2)."""
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, ringing = await connect(anna, berta)
        async with await first.kill() as second:
            second.media.is_complete = False
            second.manager.begin_sending()
            call.hang_up()
            await second.pass_time(1.2)
            assert call.last_answer is None
            second.media.is_complete = True
            await second.adopt()
            assert (await call.reply()).status == 200
            await ringing.received("BYE")


@in_virtual_time
async def test_a_worker_that_does_not_come_is_not_waited_for_for_ever() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200", transport=TransportProtocol.TCP)
        call, ringing = await connect(anna, berta)
        async with await first.kill() as second:
            second.media.is_complete = False
            ringing.request("OPTIONS")
            reply = await ringing.reply()
            assert (reply.status, reply.headers.get("Retry-After")) == (503, "2")
            await second.pass_time(11)
            call.hang_up()
            assert (await call.reply()).status == 481


# a planned hand-over


@in_virtual_time
async def test_a_hand_over_keeps_established_calls_and_ends_ringing_ones() -> None:
    async with Exchange() as first:
        anna, berta, carl = first.phone("100"), first.phone("200"), first.phone("300")
        call, ringing = await connect(anna, berta)
        waiting = carl.dial("200")
        second_call = await berta.incoming()
        second_call.ring()
        await waiting.response(180)
        await first.manager.hand_over()
        assert (await waiting.final()).status == 503
        await second_call.cancelled()
        assert (await first.ended()).status is CallStatus.STOPPED
        call.hold()
        assert (await call.reply()).status == 200, "it is served until the sockets close"
        assert (await carl.dial("200").final()).status == 503
        await first.manager.leave()
        assert len(first.records) == 1
        async with await first.kill() as second:
            assert await second.adopt() == AdoptionReport(adopted=1)
            call.reinvite()
            assert (await call.reply()).status == 200
            assert not [one for one in (*call.requests, *ringing.requests) if one.method == "BYE"]


@in_virtual_time
async def test_a_call_that_ends_during_the_hand_over_ends_properly() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call, ringing = await connect(anna, berta)
        await first.manager.hand_over()
        call.hang_up()
        await ringing.received("BYE")
        assert (await first.ended()).status is CallStatus.ANSWERED
        await first.manager.leave()


@in_virtual_time
async def test_three_hundred_calls_are_taken_up() -> None:
    async with Exchange(media_capacity=1000) as first:
        anna = first.phone("100")
        calls = []
        for _ in range(300):
            calls.append(anna.dial("*43"))
            await calls[-1].response(200)
        async with await first.kill() as second:
            assert (await second.adopt()).adopted == 300
            await second.pass_time(1)
            for call in calls:
                call.hang_up()
            record = await second.ended(300)
            assert record.status is CallStatus.ANSWERED


def test_a_record_without_details_is_gone_on_with() -> None:
    record = CallRecord("a", 100.0, "1", "", "1", "2", status=CallStatus.TALKING, answered_at=101.0)
    journal = Journal.resume(
        replace(record, detail={"steps_ms": "odd", "adopted_at": 3}), wall=90.0, now=lambda: 5.0, submit=lambda _: None
    )
    assert journal.record.detail == {"steps_ms": {}, "adopted_at": [90.0]}


# session timers


@in_virtual_time
async def test_a_session_that_is_ours_to_refresh_is_refreshed_soon_after_adoption() -> None:
    """RFC 4028 §10: nobody knows when the last refresh was, so the next one comes before the time can be up."""
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call = await connect_with_timer(anna, berta, "90;refresher=uas")
        await first.pass_time(44)
        async with await first.kill() as second:
            await second.pass_time(3)
            await second.adopt()
            update = await call.received("UPDATE")
            assert update.cseq.number > CSEQ_JUMP
            await second.pass_time(90)
            assert len(second.manager.calls) == 1


@in_virtual_time
async def test_a_session_that_the_phone_stops_refreshing_expires_after_adoption() -> None:
    async with Exchange() as first:
        anna, berta = first.phone("100"), first.phone("200")
        call = await connect_with_timer(anna, berta, "90;refresher=uac")
        async with await first.kill() as second:
            await second.adopt()
            await second.pass_time(30)
            call.request("UPDATE", headers=[("Session-Expires", "90;refresher=uac"), ("Supported", "timer")])
            assert (await call.reply()).status == 200
            await second.pass_time(50)
            assert len(second.manager.calls) == 1
            await call.received("BYE")
            assert (await second.ended()).status is CallStatus.ANSWERED


async def connect_with_timer(caller: Phone, callee: Phone, expires: str) -> PhoneCall:
    headers = [("Session-Expires", expires), ("Supported", "timer"), ("Allow", ALLOW)]
    call = caller.dial(callee.username, headers=headers)
    ringing = await callee.incoming()
    ringing.answer()
    await call.response(200)
    await ringing.received("ACK")
    return call
