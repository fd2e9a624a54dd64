"""What a restarted daemon would find of a call."""

from __future__ import annotations

import json

import pytest

from sip_daemon.call.record import CallRecord, CallStatus, Side
from sip_daemon.call.state import CallState
from sip_daemon.errors import LocalProtocolError
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import Exchange
from tests.support.phones import PBX
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_an_established_call_leaves_its_state_with_the_callers_session() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        blob = exchange.session_of(anna).state
        assert not exchange.session_of(berta).state, "once is enough: it names both sessions"
        state = CallState.load(blob)
        assert (state.record.status, state.record.caller_number) == (CallStatus.TALKING, "100")
        caller, callee = state.legs
        assert (caller.side, callee.side) == (Side.CALLER, Side.CALLEE)
        assert callee.contact == str(berta.contact.uri)
        assert caller.media_session == exchange.session_of(anna).id
        assert callee.media_session == exchange.session_of(berta).id
        assert call.dialog is not None
        assert ringing.dialog is not None
        for leg, phone in ((caller, call.dialog), (callee, ringing.dialog)):
            dialog = leg.load_dialog(cseq_jump=100)
            assert (dialog.id.local_tag, dialog.id.remote_tag) == (phone.id.remote_tag, phone.id.local_tag)
            assert dialog.local_cseq >= 100
        remote = caller.load_media()[1]
        assert remote is not None
        assert remote.address == anna.media
        assert caller.load_local_session().version == 1


@in_virtual_time
async def test_the_state_follows_a_change_of_media() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        call.hold()
        await call.reply()
        await exchange.pass_time(0.1)
        caller, callee = CallState.load(exchange.session_of(anna).state).legs
        assert [leg.remote["direction"] for leg in (caller, callee)] == ["sendonly", "recvonly"]
        assert callee.load_local_session().version == 2


@in_virtual_time
async def test_a_state_makes_the_round_trip() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        await connect(anna, berta)
        blob = exchange.session_of(anna).state
        assert CallState.load(blob).dump() == blob


@in_virtual_time
async def test_the_state_is_kept_before_the_200_goes_out_and_holds_it() -> None:
    """Whoever takes the call up repeats the 200 until the ACK comes (RFC 3261 §13.3.1.4)."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        sent_before: list[str] = []
        exchange.media.on_attach = lambda session: sent_before.extend(exchange.network.between(PBX, anna.address))
        await connect(anna, berta)
        assert sent_before
        assert "SIP/2.0 200 OK" not in sent_before
        caller, callee = CallState.load(exchange.session_of(anna).state).legs
        answer = caller.load_pending_answer()
        assert answer is not None
        assert (answer.status, answer.cseq.method) == (200, "INVITE")
        assert callee.load_pending_answer() is None


@in_virtual_time
async def test_the_state_is_kept_before_a_reinvite_is_answered() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        answers: list[int] = []
        exchange.media.on_attach = lambda session: answers.append(
            exchange.network.between(PBX, anna.address).count("SIP/2.0 200 OK")
        )
        call.hold()
        await call.reply()
        assert answers[-1] == 1, "only the answer to the first INVITE has been sent"
        caller, _ = CallState.load(exchange.session_of(anna).state).legs
        answer = caller.load_pending_answer()
        assert answer is not None
        assert answer.cseq.number == 3


@in_virtual_time
async def test_while_a_reinvite_crosses_the_asking_phone_is_due_a_500() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.auto_answer = False
        call.hold()
        await ringing.received("INVITE")
        await exchange.pass_time(0.1)
        caller, _ = CallState.load(exchange.session_of(anna).state).legs
        answer = caller.load_pending_answer()
        assert answer is not None
        assert (answer.status, answer.headers.get("Retry-After")) == (500, "1")


@in_virtual_time
async def test_a_service_is_kept_too() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        await anna.dial("*43").response(200)
        state = CallState.load(exchange.session_of(anna).state)
        assert state.service == "echo"
        assert len(state.legs) == 1


@in_virtual_time
async def test_phones_that_did_not_win_stay_in_the_record() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        exchange.phone("200", "200-b")
        await connect(anna, berta)
        await exchange.pass_time(0.1)
        state = CallState.load(exchange.session_of(anna).state)
        assert [(leg.device, leg.state) for leg in state.record.legs] == [("200-b", "cancelled")]
        assert CallState.load(state.dump()) == state


GOOD = json.loads(
    CallState(
        CallRecord("a", 1.0, "100", "", "100", "200", status=CallStatus.TALKING, answered_at=2.0), (), "x", 3.0, "echo"
    ).dump()
)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        json.dumps({**GOOD, "version": 1}).encode(),
        json.dumps({**GOOD, "record": {}}).encode(),
        json.dumps({**GOOD, "record": {**GOOD["record"], "started_at": "now"}}).encode(),
        json.dumps({**GOOD, "record": {**GOOD["record"], "answered_at": True}}).encode(),
        json.dumps({**GOOD, "record": {**GOOD["record"], "status": "answered"}}).encode(),
        json.dumps({**GOOD, "legs": [{"side": "caller"}]}).encode(),
        json.dumps({**GOOD, "legs": {}}).encode(),
        json.dumps(GOOD).encode(),
    ],
)
def test_anything_else_is_no_state(blob: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        CallState.load(blob)


@in_virtual_time
async def test_a_field_of_another_type_is_refused_wherever_it_stands() -> None:
    """A blob comes from another process: whatever is wrong in it, there is one error and no surprise later."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        await connect(anna, berta)
        blob = exchange.session_of(anna).state
    for index, leg in enumerate(json.loads(blob)["legs"]):
        for name, value in leg.items():
            bad = json.loads(blob)
            bad["legs"][index][name] = {"a": 1} if isinstance(value, str) else "x" if not isinstance(value, bool) else 0
            with pytest.raises(LocalProtocolError):
                CallState.load(json.dumps(bad).encode())
