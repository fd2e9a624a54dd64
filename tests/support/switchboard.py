"""The signalling with all around it but sockets, in virtual time, with one registered phone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

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
from tests.support.digest import REALM, directory
from tests.support.media import MemoryMediaPlane
from tests.support.transport import SocketlessTransport

PHONE, STRANGER = udp("192.0.2.10"), udp("203.0.113.5")


class Switchboard:
    """Nobody is banned or muted for good: what is barred is let in all the same."""

    def __init__(self, realm: str = REALM, domains: frozenset[str] = frozenset(), members: Sequence[str] = ()) -> None:
        self.now = 1000.0
        self.transport = SocketlessTransport()
        endpoint = Endpoint(self.transport.as_layer(), clock=lambda: self.now)
        people = replace(directory("1001", "1002", *members), realm=realm)
        people = replace(people, domains=people.domains | domains)
        locations = LocationTable()
        nonces = self.nonces = Authenticator()
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
