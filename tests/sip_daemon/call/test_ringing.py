"""Ringing several phones at once, and all the ways in which nobody answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sip_daemon.call import cause as causes
from sip_daemon.call.invite_client import MAX_ANSWERS
from sip_daemon.call.record import CallStatus
from sip_daemon.call.ringing import MAX_BRANCHES
from sip_daemon.flow import TransportProtocol
from tests.support.exchange import Exchange
from tests.support.phones import PBX, Datagram, Phone
from tests.support.virtual_time import in_virtual_time


def three_phones(exchange: Exchange) -> tuple[Phone, Phone, Phone]:
    """A caller, and the two devices of extension 200."""
    return exchange.phone("100"), exchange.phone("200", "desk"), exchange.phone("200", "kitchen")


@in_virtual_time
async def test_all_contacts_of_all_devices_ring_at_once() -> None:
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        mobile = exchange.phone("200", "desk")
        anna.dial("200")
        for phone in (desk, kitchen, mobile):
            await phone.incoming()


@in_virtual_time
async def test_the_first_answer_wins_and_the_others_are_cancelled_with_the_reason() -> None:
    """RFC 3326 §1: so that they list no missed call."""
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        call = anna.dial("200")
        at_desk, in_kitchen = await desk.incoming(), await kitchen.incoming()
        at_desk.ring()
        in_kitchen.ring()
        at_desk.answer()
        cancel = await in_kitchen.cancelled()
        assert cancel.headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
        await call.response(200)
        call.hang_up()
        record = await exchange.ended()
        assert [(leg.device, leg.state) for leg in record.legs] == [
            ("100", "answered"),
            ("desk", "answered"),
            ("kitchen", "cancelled"),
        ]


@in_virtual_time
async def test_the_caller_hears_ringing_once() -> None:
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        call = anna.dial("200")
        (await desk.incoming()).ring()
        (await kitchen.incoming()).ring()
        await call.response(180)
        await exchange.pass_time(1)
        assert [response.status for response in call.responses] == [100, 180]


@in_virtual_time
async def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() -> None:
    """RFC 3261 §9.1."""
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        call = anna.dial("200")
        at_desk, in_kitchen = await desk.incoming(), await kitchen.incoming()
        at_desk.ring()
        in_kitchen.ring()
        at_desk.answer()
        in_kitchen.answer()
        await in_kitchen.received("ACK")
        await in_kitchen.received("BYE")
        await call.response(200)
        await exchange.pass_time(1)
        assert len(exchange.media.sessions) == 2
        call.hang_up()
        await exchange.ended()
        await exchange.quiet()
        assert exchange.manager.dialog_count == 0


@in_virtual_time
async def test_media_of_phones_that_did_not_win_are_closed() -> None:
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        call = anna.dial("200")
        await kitchen.incoming()
        (await desk.incoming()).answer()
        await call.response(200)
        await exchange.pass_time(0.1)
        assert len(exchange.media.opened) == 3
        assert len(exchange.media.sessions) == 2


@in_virtual_time
async def test_legs_of_a_call_are_opened_in_one_worker() -> None:
    async with Exchange(media_workers=4) as exchange:
        anna, desk, _ = three_phones(exchange)
        anna.dial("200")
        await desk.incoming()
        assert len({session.worker for session in exchange.media.opened}) == 1


@pytest.mark.parametrize(
    ("said", "heard", "q850", "status"),
    [
        (486, 486, 17, CallStatus.BUSY),
        (600, 486, 17, CallStatus.BUSY),
        (603, 603, 21, CallStatus.DECLINED),
        (480, 480, 18, CallStatus.MISSED),
        (404, 480, 20, CallStatus.FAILED),
        (503, 480, 20, CallStatus.FAILED),
        (302, 480, 20, CallStatus.FAILED),
        (488, 488, 88, CallStatus.FAILED),
    ],
)
@in_virtual_time
async def test_what_the_called_phone_says_reaches_the_caller_in_its_meaning(
    said: int, heard: int, q850: int, status: CallStatus
) -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        (await berta.incoming()).reject(said)
        final = await call.final()
        assert final.status == heard
        assert (final.headers.get("Reason") or "").startswith(f"Q.850;cause={q850};")
        record = await exchange.ended()
        assert (record.status, record.sip_status) == (status, heard)


@in_virtual_time
async def test_one_busy_phone_lets_the_others_ring_on() -> None:
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        call = anna.dial("200")
        (await desk.incoming()).reject(486)
        ringing = await kitchen.incoming()
        ringing.ring()
        await exchange.pass_time(5)
        ringing.answer()
        await call.response(200)


@in_virtual_time
async def test_the_best_of_all_refusals_is_told() -> None:
    """RFC 3261 §16.7 step 6, in our order: what a person did comes first."""
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        call = anna.dial("200")
        (await desk.incoming()).reject(486)
        (await kitchen.incoming()).reject(404)
        assert (await call.final()).status == 486


@in_virtual_time
async def test_a_declined_call_ends_for_all_phones() -> None:
    """RFC 3261 §16.7 step 5: a 6xx speaks for the person."""
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        call = anna.dial("200")
        at_desk, in_kitchen = await desk.incoming(), await kitchen.incoming()
        in_kitchen.ring()
        at_desk.reject(603)
        assert (await call.final()).status == 603
        await in_kitchen.cancelled()
        assert (await exchange.ended()).ended_by == "callee"


@in_virtual_time
async def test_nobody_registered_is_temporarily_unavailable() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        exchange.add_device("200", "200")
        final = await anna.dial("200").final()
        assert final.status == 480
        assert final.headers.get("Reason") == 'Q.850;cause=20;text="No phone is registered for that number"'
        assert (await exchange.ended()).cause == causes.NOT_REGISTERED.text
        assert not exchange.media.opened


@in_virtual_time
async def test_nobody_answers_in_the_time_of_the_extension() -> None:
    async with Exchange() as exchange:
        exchange.change_extension("200", ring_seconds=12)
        anna, berta = exchange.phone("100"), exchange.phone("200")
        before = exchange.endpoint.now()
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring()
        final = await call.final()
        assert (final.status, round(exchange.endpoint.now() - before)) == (480, 12)
        assert (await ringing.cancelled()).headers.get("Reason") == causes.NO_ANSWER.reason
        record = await exchange.ended()
        assert (record.status, record.cause) == (CallStatus.MISSED, "Nobody answered in time")


@in_virtual_time
async def test_a_phone_that_is_switched_off_is_unreachable() -> None:
    """No provisional response until timer B."""
    async with Exchange() as exchange:
        exchange.change_extension("200", ring_seconds=60)
        anna, berta = exchange.phone("100"), exchange.phone("200")
        berta.vanish()
        final = await anna.dial("200").final()
        assert final.status == 480
        record = await exchange.ended()
        assert (record.status, record.cause) == (CallStatus.FAILED, causes.UNREACHABLE.text)
        assert record.legs[1].state == "unreachable"


@in_virtual_time
async def test_a_connection_that_closes_while_its_phone_rings_makes_it_unreachable() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        berta = exchange.phone("200", transport=TransportProtocol.TCP)
        call = anna.dial("200")
        (await berta.incoming()).ring()
        await call.response(180)
        exchange.transport.break_flow(berta.address)
        assert (await call.final()).status == 480


@in_virtual_time
async def test_a_registration_on_a_connection_that_is_gone_is_unreachable_at_once() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        berta = exchange.phone("200", transport=TransportProtocol.TCP)
        exchange.transport.break_flow(berta.address)
        before = exchange.endpoint.now()
        assert (await anna.dial("200").final()).status == 480
        assert exchange.endpoint.now() - before < 1


@in_virtual_time
async def test_the_caller_gives_up_while_it_rings() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring()
        await call.response(180)
        call.cancel()
        assert (await call.final()).status == 487
        await ringing.cancelled()
        record = await exchange.ended()
        assert (record.status, record.sip_status, record.ended_by) == (CallStatus.MISSED, 487, "caller")
        await exchange.quiet()
        assert not exchange.media.sessions


@in_virtual_time
async def test_the_caller_gives_up_before_anything_rings() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        await call.response(100)
        call.cancel()
        assert (await call.final()).status == 487
        assert (await exchange.ended()).status is CallStatus.CANCELLED
        ringing = await berta.incoming()
        assert not ringing.is_cancelled, "a CANCEL waits for a provisional response (RFC 3261 §9.1)"
        ringing.ring()
        await ringing.cancelled()


@in_virtual_time
async def test_a_caller_that_gives_up_in_the_moment_of_the_answer_leaves_nobody_talking() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring()
        await call.response(180)
        ringing.answer()
        call.cancel()
        assert (await call.final()).status == 487
        await ringing.received("ACK")
        await ringing.received("BYE")
        record = await exchange.ended()
        assert (record.status, record.sip_status, record.answered_at) == (CallStatus.MISSED, 487, None)
        await exchange.quiet()
        assert exchange.manager.dialog_count == 0


@in_virtual_time
async def test_a_bye_in_the_early_dialog_gives_up_too() -> None:
    """RFC 3261 §15: the caller may do so."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring()
        await call.response(180)
        call.request("BYE")
        assert (await call.reply()).status == 200
        assert (await call.final()).status == 487
        await ringing.cancelled()


@in_virtual_time
async def test_early_media_reach_the_caller() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring(183, berta.sdp())
        progress = await call.response(183)
        assert progress.body
        assert exchange.session_of(anna).bridged is exchange.session_of(berta)
        ringing.answer()
        ok = await call.response(200)
        assert ok.body == progress.body, "RFC 3261 §13.2.1: what was answered stays answered"


@in_virtual_time
async def test_early_media_come_only_from_the_first_that_offers() -> None:
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        call = anna.dial("200")
        (await desk.incoming()).ring(183, desk.sdp())
        await call.response(183)
        (await kitchen.incoming()).ring(183, kitchen.sdp())
        await exchange.pass_time(1)
        assert exchange.session_of(anna).bridged is exchange.session_of(desk)
        assert [response.status for response in call.responses] == [100, 183]


@in_virtual_time
async def test_another_phone_than_that_with_early_media_may_answer() -> None:
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        call = anna.dial("200")
        at_desk, in_kitchen = await desk.incoming(), await kitchen.incoming()
        at_desk.ring(183, desk.sdp())
        await call.response(183)
        in_kitchen.answer()
        await call.response(200)
        await exchange.pass_time(0.1)
        assert exchange.session_of(anna).bridged is exchange.session_of(kitchen)


@in_virtual_time
async def test_an_answer_that_differs_from_the_early_one_is_that_of_another_dialog() -> None:
    """RFC 3261 §13.2.1: in the dialog of the 183 a phone would pass over any other answer than the first."""
    async with Exchange() as exchange:
        anna, desk, kitchen = three_phones(exchange)
        call = anna.dial("200")
        at_desk, in_kitchen = await desk.incoming(), await kitchen.incoming()
        at_desk.ring(183, desk.sdp(codecs="8"))
        early = await call.response(183)
        in_kitchen.answer(kitchen.sdp(codecs="0"))
        ok = await call.response(200)
        assert ok.to.tag != early.to.tag
        assert call.remote_sdp.media[0].formats == ("0",)
        assert exchange.manager.dialog_count == 2
        await exchange.pass_time(0.1)
        in_kitchen.hang_up()
        assert (await call.received("BYE")).from_.tag == ok.to.tag


@in_virtual_time
async def test_the_dialog_of_the_180_is_that_of_the_200() -> None:
    """RFC 3261 §12.1.1: what happened in it while it was early still counts."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring()
        await call.response(180)
        call.request("OPTIONS")
        assert (await call.reply()).status == 200
        ringing.answer()
        await call.response(200)
        assert call.dialog is not None
        call.dialog.local_cseq -= 2
        call.request("OPTIONS")
        assert (await call.reply()).status == 500


@in_virtual_time
async def test_a_phone_that_only_played_something_did_not_answer_in_time() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        (await berta.incoming()).ring(183, berta.sdp())
        assert (await call.final()).status == 480
        assert (await exchange.ended()).cause == causes.NO_ANSWER.text


@in_virtual_time
async def test_only_so_many_contacts_ring_the_newest_of_them() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        (binding,) = exchange.bindings["200"]
        older = replace(binding, registered_at=binding.registered_at - 1)
        exchange.bindings["200"] = [older] * MAX_BRANCHES + [binding]
        anna.dial("200")
        await exchange.pass_time(0.1)
        assert len(exchange.media.opened) == 1 + MAX_BRANCHES
        assert sum(line.startswith("INVITE") for line in exchange.network.between(PBX, berta.address)) == MAX_BRANCHES


@in_virtual_time
async def test_only_so_many_branches_of_one_phone_are_acknowledged() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.dial("200")
        ringing = await berta.incoming()
        for number in range(2 * MAX_ANSWERS):
            ringing.tag = f"branch-{number}"
            ringing.answer()
        await exchange.pass_time(1)
        lines = exchange.network.between(PBX, berta.address)
        assert sum(line.startswith("ACK") for line in lines) == MAX_ANSWERS


@in_virtual_time
async def test_nonsense_in_a_provisional_response_is_passed_over() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring(183, b"nonsense")
        ringing.ring(180)
        await call.response(180)
        ringing.answer()
        await call.response(200)


@in_virtual_time
async def test_a_phone_that_gave_its_answer_early_may_leave_it_out_of_the_200() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring(183, berta.sdp())
        await call.response(183)
        ringing.answer(b"")
        await call.response(200)


@in_virtual_time
async def test_a_lost_invite_is_repeated() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        attempts = 0

        def lose_the_first(datagram: Datagram) -> bool:
            nonlocal attempts
            attempts += datagram.destination == berta.address
            return attempts == 1 and datagram.destination == berta.address

        exchange.network.lose = lose_the_first
        call = anna.dial("200")
        (await berta.incoming()).answer()
        await call.response(200)
        assert attempts == 3, "INVITE, INVITE again, ACK"


@in_virtual_time
async def test_no_media_port_is_answered_with_when_to_try_again() -> None:
    async with Exchange(media_capacity=1) as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        final = await anna.dial("200").final()
        assert (final.status, final.headers.get("Retry-After")) == (503, "10")
        assert not berta.is_ringing
        record = await exchange.ended()
        assert (record.status, record.cause) == (CallStatus.FAILED, "No media port is free")


@in_virtual_time
async def test_no_media_process_is_another_thing_than_no_port() -> None:
    async with Exchange() as exchange:
        anna, _ = exchange.phone("100"), exchange.phone("200")
        exchange.media.lose_worker(0)
        final = await anna.dial("200").final()
        assert (final.status, final.headers.get("Retry-After")) == (503, "10")
        assert (await exchange.ended()).cause == "No media process is running"
