"""What a restarted daemon would find of a call."""

from __future__ import annotations

import pytest

from sip_daemon.call.record import CallStatus, Side
from sip_daemon.call.state import CallState
from sip_daemon.errors import LocalProtocolError
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import Exchange
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
        assert caller.load_media()[1].address == anna.media
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
        assert caller.load_media()[1].direction == "sendonly"
        assert callee.load_media()[1].direction == "recvonly"
        assert callee.load_local_session().version == 2


@in_virtual_time
async def test_a_state_makes_the_round_trip() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        await connect(anna, berta)
        blob = exchange.session_of(anna).state
        assert CallState.load(blob).dump() == blob


@pytest.mark.parametrize("blob", [b"", b"{}", b"[]", b'{"version":2}', b'{"version":1,"record":{},"legs":[]}', b"\xff"])
def test_anything_else_is_no_state(blob: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        CallState.load(blob)
