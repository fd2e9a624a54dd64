"""100rel on both legs of a call (RFC 3262): who gets a PRACK, what waits for one, what happens when none comes."""

from __future__ import annotations

from sip_daemon.call import cause as causes
from sip_daemon.call.record import CallStatus
from sip_daemon.dialog import RAck
from sip_daemon.message import Response, parse_message
from tests.support.exchange import Exchange
from tests.support.phones import PBX, Datagram, Phone
from tests.support.virtual_time import in_virtual_time

REQUIRED = [("Require", "100rel")]


def two_phones(exchange: Exchange) -> tuple[Phone, Phone]:
    return exchange.phone("100"), exchange.phone("200")


def sent_to(exchange: Exchange, phone: Phone, line: str) -> int:
    return sum(one.startswith(line) for one in exchange.network.between(PBX, phone.address))


def successes(exchange: Exchange, phone: Phone) -> list[str]:
    """To which methods this phone got a 200, in order."""
    messages = [parse_message(one.data) for one in exchange.network.log if one.destination == phone.address]
    return [one.cseq.method for one in messages if isinstance(one, Response) and one.status == 200]


class TestTowardsTheCalledPhone:
    """We are the UAC (§4)."""

    @in_virtual_time
    async def test_we_say_that_we_can(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.dial("200")
            invite = (await berta.incoming()).invite
            assert invite is not None
            assert "100rel" in invite.supported
            assert not invite.require

    @in_virtual_time
    async def test_a_reliable_180_is_acknowledged_and_rings_at_the_caller(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            call = anna.dial("200")
            ringing = await berta.incoming()
            ringing.ring(rseq=4711)
            prack = await ringing.received("PRACK")
            assert ringing.invite is not None
            assert prack.headers.get("RAck") == str(RAck(4711, ringing.invite.cseq.number))
            assert prack.cseq.number == ringing.invite.cseq.number + 1
            assert (await call.response(180)).headers.get("RSeq") is None
            ringing.answer()
            await call.response(200)
            await ringing.received("ACK")
            call.hang_up()
            assert (await ringing.received("BYE")).cseq.number == prack.cseq.number + 1, "it is one dialog"
            await exchange.ended()
            await exchange.quiet()
            assert exchange.manager.dialog_count == 0
            assert exchange.leftovers() == 0

    @in_virtual_time
    async def test_a_repetition_is_not_acknowledged_again(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.dial("200")
            ringing = await berta.incoming()
            for rseq in (1, 1, 2, 1, 4, 3):
                ringing.ring(rseq=rseq)
            await exchange.pass_time(1)
            pracks = [one.headers.get("RAck") for one in ringing.requests if one.method == "PRACK"]
            assert pracks == ["1 1 INVITE", "2 1 INVITE", "3 1 INVITE"]

    @in_virtual_time
    async def test_a_lost_prack_is_repeated_by_its_transaction(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            lost: list[Datagram] = []

            def lose(datagram: Datagram) -> bool:
                is_first = datagram.first_line.startswith("PRACK") and not lost
                if is_first:
                    lost.append(datagram)
                return is_first

            exchange.network.lose = lose
            anna.dial("200")
            ringing = await berta.incoming()
            ringing.ring(rseq=1)
            await ringing.received("PRACK")
            assert len(lost) == 1

    @in_virtual_time
    async def test_early_media_that_came_reliably_are_the_answer(self) -> None:
        """RFC 3261 §13.2.1: what the 200 says about media counts no more."""
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            call = anna.dial("200")
            ringing = await berta.incoming()
            ringing.ring(183, berta.sdp(codecs="8 101"), rseq=1)
            await call.response(183)
            ringing.answer(berta.sdp(codecs="0"))
            ok = await call.response(200)
            await exchange.pass_time(0.1)
            assert b"RTP/AVP 8 101" in ok.body
            assert exchange.session_of(berta).remote.codecs[0].name == "PCMA"

    @in_virtual_time
    async def test_each_branch_of_a_forking_phone_has_its_own_numbers_and_dialog(self) -> None:
        """§4, RFC 3261 §12.1: early dialogs with different To tags."""
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            call = anna.dial("200")
            ringing = await berta.incoming()
            for tag, rseq in (("one", 10), ("two", 10), ("one", 11)):
                ringing.tag = tag
                ringing.ring(rseq=rseq)
                await exchange.pass_time(0.1)
            assert exchange.manager.dialog_count == 1 + 2
            pracks = [(one.to.tag, one.cseq.number) for one in ringing.requests if one.method == "PRACK"]
            assert pracks == [("one", 2), ("two", 2), ("one", 3)]
            ringing.tag = "two"
            ringing.answer()
            await call.response(200)
            await exchange.pass_time(0.1)
            assert exchange.manager.dialog_count == 2, "the other branch is forgotten"
            call.hang_up()
            assert (await ringing.received("BYE")).to.tag == "two"

    @in_virtual_time
    async def test_the_answer_of_one_branch_is_not_taken_for_that_of_another(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            call = anna.dial("200")
            ringing = await berta.incoming()
            ringing.tag = "one"
            ringing.ring(183, berta.sdp(codecs="8"))
            ringing.tag = "two"
            ringing.ring(183, berta.sdp(codecs="0"))
            await call.response(183)
            ringing.answer(b"")
            ok = await call.response(200)
            assert b"RTP/AVP 0\r\n" in ok.body

    @in_virtual_time
    async def test_a_cancelled_phone_leaves_no_early_dialog(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            call = anna.dial("200")
            ringing = await berta.incoming()
            ringing.ring(rseq=1)
            await call.response(180)
            assert exchange.manager.dialog_count == 2
            call.cancel()
            await ringing.cancelled()
            await exchange.quiet()
            assert exchange.manager.dialog_count == 0
            assert exchange.leftovers() == 0

    @in_virtual_time
    async def test_an_answer_that_crosses_the_cancel_leaves_no_early_dialog(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            call = anna.dial("200")
            ringing = await berta.incoming()
            ringing.ring(rseq=1)
            await call.response(180)
            call.cancel()
            ringing.answer()
            await ringing.received("BYE")
            await exchange.quiet()
            assert exchange.manager.dialog_count == 0

    @in_virtual_time
    async def test_a_number_that_cannot_be_read_is_passed_over(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            berta.headers = (("Require", "100rel"), ("RSeq", "many"))
            call = anna.dial("200")
            ringing = await berta.incoming()
            ringing.ring()
            await exchange.pass_time(1)
            assert not call.responses[1:]
            berta.headers = ()
            ringing.answer()
            await call.response(200)


class TestTowardsTheCaller:
    """We are the UAS (§3)."""

    @in_virtual_time
    async def test_the_call_goes_as_ever(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            call = anna.dial("200", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring()
            response = await call.response(180)
            assert "100rel" in response.require
            ringing.answer()
            assert (await call.response(200)).body
            await exchange.pass_time(60)
            assert sent_to(exchange, anna, "SIP/2.0 180") == 1
            call.hang_up()
            assert (await exchange.ended()).status is CallStatus.ANSWERED
            await exchange.quiet()
            assert exchange.leftovers() == 0

    @in_virtual_time
    async def test_a_caller_that_only_supports_it_is_not_burdened(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            call = anna.dial("200", headers=[("Supported", "100rel")])
            (await berta.incoming()).ring()
            response = await call.response(180)
            assert not response.require
            assert response.headers.get("RSeq") is None

    @in_virtual_time
    async def test_it_is_repeated_until_the_prack_comes(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.pracks = False
            call = anna.dial("200", headers=REQUIRED)
            (await berta.incoming()).ring()
            response = await call.response(180)
            await exchange.pass_time(4)
            assert sent_to(exchange, anna, "SIP/2.0 180") == 4
            call.prack(int(response.headers.get("RSeq") or ""))
            assert (await call.reply()).status == 200
            await exchange.pass_time(30)
            assert sent_to(exchange, anna, "SIP/2.0 180") == 4

    @in_virtual_time
    async def test_without_a_prack_the_call_is_refused(self) -> None:
        """After 64*T1, with 5xx."""
        async with Exchange() as exchange:
            exchange.change_extension("200", ring_seconds=60)
            anna, berta = two_phones(exchange)
            anna.pracks = False
            before = exchange.endpoint.now()
            call = anna.dial("200", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring()
            final = await call.final()
            assert (final.status, round(exchange.endpoint.now() - before)) == (504, 32)
            await ringing.cancelled()
            record = await exchange.ended()
            assert (record.status, record.cause, record.ended_by) == (
                CallStatus.FAILED,
                causes.NO_PRACK.text,
                "system",
            )
            await exchange.quiet()
            assert (exchange.manager.dialog_count, exchange.leftovers()) == (0, 0)

    @in_virtual_time
    async def test_a_prack_that_acknowledges_nothing_is_told_so(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.pracks = False
            call = anna.dial("200", headers=REQUIRED)
            (await berta.incoming()).ring()
            number = int((await call.response(180)).headers.get("RSeq") or "")
            call.prack(number + 1)
            assert (await call.reply()).status == 481
            call.prack(number, cseq=99)
            assert (await call.reply()).status == 481
            call.prack(number)
            assert (await call.reply()).status == 200
            call.prack(number)
            assert (await call.reply()).status == 481, "once is enough"

    @in_virtual_time
    async def test_a_prack_without_rack_is_a_bad_request(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.pracks = False
            call = anna.dial("200", headers=REQUIRED)
            (await berta.incoming()).ring()
            await call.response(180)
            call.request("PRACK")
            assert (await call.reply()).status == 400

    @in_virtual_time
    async def test_the_200_waits_for_the_prack_of_the_early_answer_and_does_not_repeat_it(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.pracks = False
            call = anna.dial("200", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring(183, berta.sdp())
            progress = await call.response(183)
            ringing.answer()
            await ringing.received("ACK")
            await exchange.pass_time(5)
            assert all(response.status < 200 for response in call.responses)
            call.prack(int(progress.headers.get("RSeq") or ""))
            ok = await call.response(200)
            assert ok.to.tag == progress.to.tag
            assert ok.body == b""
            assert successes(exchange, anna) == ["PRACK", "INVITE"]

    @in_virtual_time
    async def test_the_200_does_not_wait_for_the_prack_of_a_180(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.pracks = False
            call = anna.dial("200", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring()
            number = int((await call.response(180)).headers.get("RSeq") or "")
            ringing.answer()
            await call.response(200)
            await exchange.pass_time(10)
            assert sent_to(exchange, anna, "SIP/2.0 180") == 1
            call.prack(number)
            assert (await call.reply()).status == 200, "it is right even after the final response"

    @in_virtual_time
    async def test_one_is_outstanding_at_a_time(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.pracks = False
            call = anna.dial("200", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring()
            number = int((await call.response(180)).headers.get("RSeq") or "")
            ringing.ring(183, berta.sdp())
            await exchange.pass_time(1)
            assert sent_to(exchange, anna, "SIP/2.0 183") == 0
            call.prack(number)
            progress = await call.response(183)
            assert int(progress.headers.get("RSeq") or "") == number + 1

    @in_virtual_time
    async def test_a_caller_may_give_up_while_the_200_is_held_back(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.pracks = False
            call = anna.dial("200", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring(183, berta.sdp())
            await call.response(183)
            ringing.answer()
            await ringing.received("ACK")
            call.cancel()
            assert (await call.final()).status == 487
            await ringing.received("BYE")
            await exchange.ended()
            await exchange.quiet()
            assert (exchange.manager.dialog_count, exchange.leftovers()) == (0, 0)

    @in_virtual_time
    async def test_a_called_one_that_hangs_up_while_the_200_is_held_back_ends_the_attempt(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.pracks = False
            call = anna.dial("200", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring(183, berta.sdp())
            await call.response(183)
            ringing.answer()
            await ringing.received("ACK")
            ringing.hang_up()
            assert (await call.final()).status == 480
            await exchange.ended()
            await exchange.quiet()
            assert (exchange.manager.dialog_count, exchange.leftovers()) == (0, 0)

    @in_virtual_time
    async def test_a_held_back_200_that_gets_no_prack_ends_both(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.pracks = False
            call = anna.dial("200", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring(183, berta.sdp())
            await call.response(183)
            ringing.answer()
            assert (await call.final()).status == 504
            await ringing.received("BYE")
            assert (await exchange.ended()).cause == causes.NO_PRACK.text

    @in_virtual_time
    async def test_without_an_offer_no_provisional_response_breaks_the_exchange(self) -> None:
        """§5: the first reliable one would have to carry an offer; so there is none before the 200."""
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.late_answer = anna.sdp()
            call = anna.dial("200", body=b"", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring()
            await exchange.pass_time(1)
            assert [response.status for response in call.responses] == [100]
            ringing.answer()
            assert (await call.response(200)).body
            await exchange.pass_time(1)
            assert exchange.session_of(anna).bridged is exchange.session_of(berta)

    @in_virtual_time
    async def test_another_phone_than_that_with_early_media_is_another_dialog(self) -> None:
        """The answer that was given reliably stands; another phone answers as another user agent."""
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            kitchen = exchange.phone("200", "kitchen")
            call = anna.dial("200", headers=REQUIRED)
            at_desk, in_kitchen = await berta.incoming(), await kitchen.incoming()
            at_desk.ring(183, berta.sdp(codecs="8"))
            early = await call.response(183)
            in_kitchen.answer(kitchen.sdp(codecs="0"))
            ok = await call.response(200)
            assert ok.to.tag != early.to.tag
            assert b"RTP/AVP 0\r\n" in ok.body

    @in_virtual_time
    async def test_a_prack_may_bring_the_next_offer(self) -> None:
        """§5: the answer comes with its 200."""
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            anna.pracks = False
            call = anna.dial("200", headers=REQUIRED)
            ringing = await berta.incoming()
            ringing.ring(183, berta.sdp())
            progress = await call.response(183)
            moved = anna.sdp().replace(b"m=audio 6060", b"m=audio 7070")
            call.prack(int(progress.headers.get("RSeq") or ""), moved)
            reply = await call.reply()
            assert reply.status == 200
            assert b"m=audio" in reply.body
            assert exchange.session_of(anna).remote.address.port == 7070

    @in_virtual_time
    async def test_trying_is_never_reliable(self) -> None:
        async with Exchange() as exchange:
            anna, berta = two_phones(exchange)
            call = anna.dial("200", headers=REQUIRED)
            await berta.incoming()
            assert not (await call.response(100)).require
