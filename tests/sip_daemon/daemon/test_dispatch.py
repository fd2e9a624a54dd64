"""Which request goes where, and which is put off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from sip_daemon.authentication import Authenticator
from sip_daemon.call.manager import CallManager
from sip_daemon.daemon.dispatch import Dispatcher
from sip_daemon.defence import Defence, Neighbours, Overload
from sip_daemon.endpoint import Endpoint
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response, parse_message
from sip_daemon.registrar import LocationTable, Registrar
from sip_daemon.transport import Barred
from tests.support.bindings import binding, udp
from tests.support.digest import directory
from tests.support.media import MemoryMediaPlane
from tests.support.messages import SERVER, invite, register, request
from tests.support.transport import SocketlessTransport

PHONE, STRANGER = udp("192.0.2.10"), udp("203.0.113.5")


class Switchboard:
    """The dispatcher with all around it but sockets."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.transport = SocketlessTransport()
        endpoint = Endpoint(self.transport.as_layer(), clock=lambda: self.now)
        locations, people, nonces = LocationTable(), directory("1001", "1002"), Authenticator()
        locations.load([binding(flow=PHONE)])
        self.calls = CallManager(
            endpoint,
            MemoryMediaPlane(),
            directory=lambda: people,
            locate=lambda username: locations.reachable(username, self.now),
            authenticator=nonces,
            submit=lambda change: None,
            wall_clock=time.time,
        )
        neighbours = Neighbours(locations.all)
        defence = Defence(
            neighbours,
            Barred(),
            clock=lambda: self.now,
            wall_clock=time.time,
            changed=lambda change: None,
            report=lambda news: None,
            drop=lambda source: None,
            is_registered=lambda username, source, now: False,
        )
        self.overload = Overload(
            neighbours, clock=lambda: self.now, soon=lambda callback: None, report=lambda news: None
        )
        registrar = Registrar(lambda: people, locations, nonces)
        Dispatcher(endpoint, registrar, locations, self.calls, lambda change: None, defence, self.overload).attach()

    def is_behind(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.overload.datagrams_wait(True)
            self.now += 0.1
        self.overload.datagrams_wait(True)

    def answer(self, asked: Request, flow: Flow) -> Response:
        self.transport.receiver.message_received(bytes(asked), flow)
        ((data, to),) = self.transport.take_sent()
        assert to.remote.host == flow.remote.host
        response = parse_message(data)
        assert isinstance(response, Response)
        return response


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
