"""Which request goes where, and which is put off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.bindings import tcp
from tests.support.digest import REALM, authorize
from tests.support.messages import SERVER, invite, register, request
from tests.support.switchboard import PHONE, STRANGER, Switchboard


@pytest.fixture
async def switchboard() -> AsyncIterator[Switchboard]:
    made = Switchboard()
    running = asyncio.create_task(made.calls.run())
    await asyncio.sleep(0)
    yield made
    made.calls.stop()
    await running


async def test_whoever_is_put_off_hears_503_and_when_to_come_again(switchboard: Switchboard) -> None:
    """RFC 3261 §21.5.4, before any credentials are asked for."""
    switchboard.is_behind(0.6)
    for asked in (register("1001"), invite("1002", "1001"), request("OPTIONS", f"sip:{SERVER}")):
        response = switchboard.answer(asked, STRANGER)
        assert response.status == 503
        assert 5 <= int(response.headers.get("Retry-After") or 0) <= 15


async def test_a_registered_phone_is_asked_for_its_credentials_as_ever(switchboard: Switchboard) -> None:
    switchboard.is_behind(0.6)
    assert switchboard.answer(register("1001"), PHONE).status == 401
    assert switchboard.answer(invite("1002", "1001"), PHONE).status == 401


async def test_its_new_call_is_put_off_before_its_registration(switchboard: Switchboard) -> None:
    switchboard.is_behind(2.1)
    assert switchboard.answer(invite("1002", "1001"), PHONE).status == 503
    assert switchboard.answer(register("1001"), PHONE).status == 401


async def test_what_belongs_to_a_dialog_is_never_put_off(switchboard: Switchboard) -> None:
    """That there is no such dialog can only be said by who has looked for it (RFC 3261 §12.2.2)."""
    switchboard.is_behind(2.1)
    within = request("BYE", f"sip:{SERVER}", headers={"To": f"<sip:1002@{SERVER}>;tag=b"})
    assert switchboard.answer(within, STRANGER).status == 481


async def test_a_connection_is_trusted_when_its_peer_has_shown_good_credentials(switchboard: Switchboard) -> None:
    connection = tcp(7, "203.0.113.5")
    challenge = switchboard.nonces.challenge(REALM, switchboard.now, source="203.0.113.5")[0]
    assert switchboard.answer(authorize(register("1001"), challenge, password="wrong"), connection).status == 403
    assert switchboard.transport.trusted == []
    assert switchboard.answer(authorize(register("1001"), challenge), connection).status == 200
    assert switchboard.transport.trusted == [connection]
