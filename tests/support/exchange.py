"""A whole exchange in memory: a real endpoint and call manager, a media plane that remembers, phones on a network.

async with Exchange() as exchange:
    anna, berta = exchange.phone("100"), exchange.phone("200")
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import cast

from sip_daemon.authentication import Authenticator
from sip_daemon.call.adoption import AdoptionReport
from sip_daemon.call.manager import CallManager
from sip_daemon.call.record import CallChange, CallEnded, CallRecord, CallTrouble
from sip_daemon.directory import Device, Directory, Extension
from sip_daemon.endpoint import Endpoint, Identity
from sip_daemon.flow import TransportAddress, TransportProtocol
from sip_daemon.media_plane import AdoptableSession
from sip_daemon.registrar import Binding
from sip_daemon.transport import TransportLayer
from tests.support.garbage import GarbageWatch, watched_garbage
from tests.support.media import MemoryMediaPlane, MemoryMediaSession
from tests.support.phones import PBX, Network, NetworkTransport, Phone, password_hashes

REALM = "gosip"
NAMES = {"100": "Anna Berg", "200": "Berta Alm", "300": "Carl Dahl"}
FORGOTTEN_AFTER = 40.0
"""Seconds: the last transactions have ended (timers B, F, H, J, M are 32 s each, RFC 3261 table 4, RFC 6026)."""
WALL_CLOCK = 1_700_000_000.0


class Exchange:
    """Extensions 100, 200 and 300, each with as many devices as phones are made for it.

    It sees to it on leaving that of the calls that have ended nothing is left to the garbage collector.
    """

    def __init__(
        self,
        *,
        media_capacity: int = 100,
        media_workers: int = 1,
        network: Network | None = None,
        predecessor: Exchange | None = None,
    ) -> None:
        """`predecessor` was killed: the network, the phones and the media are those that it had."""
        if network is None:
            network = predecessor.network if predecessor is not None else Network()
        self.network: Network = network
        self.transport = NetworkTransport(self.network)
        loop = asyncio.get_running_loop()
        self.endpoint = Endpoint(
            cast(TransportLayer, self.transport), identity=Identity(user_agent="GoSIP"), clock=loop.time
        )
        self.media = MemoryMediaPlane(capacity=media_capacity, workers=media_workers)
        self.directory = Directory(
            revision=1,
            realm=REALM,
            domains=frozenset({"pbx.example", PBX.host}),
            extensions=MappingProxyType(
                {number: Extension(int(number), number, name) for number, name in NAMES.items()}
            ),
            names=MappingProxyType({name.casefold(): number for number, name in NAMES.items()}),
        )
        self.bindings: dict[str, list[Binding]] = {}
        self.changes: list[CallChange] = []
        """What the store got."""
        self.troubles: list[CallTrouble] = []
        self.manager = CallManager(
            self.endpoint,
            self.media,
            directory=lambda: self.directory,
            locate=lambda username: self.bindings.get(username, []),
            authenticator=Authenticator(b"0" * 32),
            submit=self._submit,
            wall_clock=lambda: WALL_CLOCK + loop.time() - 1000.0,
        )
        self.endpoint.request_handler = self.manager.handle_request
        self.endpoint.ack_handler = self.manager.handle_ack
        self.endpoint.cancel_handler = self.manager.handle_cancel
        self.endpoint.flow_closed_handler = self.manager.handle_flow_closed
        self.endpoint.stray_handler = self.manager.handle_stray
        self._news = asyncio.Event()
        self._phones = 0
        self._running: asyncio.Task[None] | None = None
        self._is_killed = False
        self._watching = ExitStack()
        self._watch: GarbageWatch | None = None
        self.left: tuple[AdoptableSession, ...] = ()
        """What the predecessor left in the media workers."""
        if predecessor is not None:
            self._take_over(predecessor)

    def _take_over(self, predecessor: Exchange) -> None:
        self.media.left, self.media.opened = predecessor.media.left, predecessor.media.opened
        for session in self.media.left.values():
            session.plane = self.media
        self.left = predecessor.left
        self.directory = predecessor.directory
        self.transport.transports = predecessor.transport.transports
        self.transport.first_connection = predecessor.transport.first_connection + 1
        self.bindings = {
            name: [binding for binding in bindings if not binding.flow.transport.is_reliable]
            for name, bindings in predecessor.bindings.items()
        }

    async def kill(self) -> Exchange:
        """`kill -9`, and a new process, which is still to be entered: it has adopted nothing yet."""
        self._is_killed = True
        self.left = self.media.orphan()
        self.transport.die()
        for call in self.manager.calls:
            call.is_leaving = True
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        return Exchange(predecessor=self)

    async def adopt(self) -> AdoptionReport:
        """Take up what the predecessor left, as the daemon does at its start."""
        report = await self.manager.adopt(self.left)
        self.manager.begin_sending()
        return report

    async def __aenter__(self) -> Exchange:
        self._watch = self._watching.enter_context(watched_garbage())
        self._running = asyncio.create_task(self.manager.run())
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._watching:
            if error is None and not self._is_killed:
                await self._check_garbage()
            self.manager.stop()
            if self._running is not None and not self._running.done():
                await self._running

    async def _check_garbage(self) -> None:
        await asyncio.sleep(FORGOTTEN_AFTER)
        self.media.opened.clear()
        assert self._watch is not None
        self._watch.check()

    def phone(
        self,
        number: str,
        username: str | None = None,
        *,
        transport: TransportProtocol = TransportProtocol.UDP,
        is_registered: bool = True,
    ) -> Phone:
        """A phone of that extension, registered. Its username is the number unless told otherwise."""
        self._phones += 1
        name = username or number
        phone = Phone(self.network, name, TransportAddress(f"192.0.2.{100 + self._phones}", 5060))
        self.transport.transports[phone.address] = transport
        self.add_device(name, number)
        if is_registered:
            self.register(phone)
        return phone

    def add_device(self, username: str, number: str) -> None:
        hashes = password_hashes(username, REALM, "secret")
        device = Device(len(self.directory.devices) + 1, username, number, "", *hashes)
        extension = self.directory.extensions[number]
        if username not in extension.devices:
            extension = replace(extension, devices=(*extension.devices, username))
        self.directory = replace(
            self.directory,
            devices=MappingProxyType({**self.directory.devices, username: device}),
            extensions=MappingProxyType({**self.directory.extensions, number: extension}),
        )

    def register(self, phone: Phone) -> None:
        """As if its REGISTER had been answered."""
        binding = make_binding(phone, self.transport)
        self.bindings.setdefault(phone.username, []).append(binding)

    def change_extension(self, number: str, **changes: object) -> None:
        extension = replace(self.directory.extensions[number], **changes)  # type: ignore[arg-type]
        extensions = {**self.directory.extensions, number: extension}
        self.directory = replace(self.directory, extensions=MappingProxyType(extensions))

    async def ended(self, count: int = 1) -> CallRecord:
        """The record of the last of so many calls, as soon as that many are over."""
        async with asyncio.timeout(300):
            while len(self.records) < count:
                self._news.clear()
                await self._news.wait()
        return self.records[-1]

    def _submit(self, change: CallChange | CallTrouble) -> None:
        if isinstance(change, CallTrouble):
            self.troubles.append(change)
            return
        self.changes.append(change)
        self._news.set()

    @property
    def records(self) -> Sequence[CallRecord]:
        return [change.record for change in self.changes if isinstance(change, CallEnded)]

    def session_of(self, phone: Phone) -> MemoryMediaSession:
        """The media session that was configured for this phone last."""
        return next(
            session
            for session in reversed(self.media.opened)
            if session.configured and session.remote.signalling_host == phone.address.host
        )

    def leftovers(self) -> int:
        """Transactions that are still kept."""
        counts = self.endpoint.transaction_counts()
        return counts.server + counts.client

    def timers(self) -> int:
        """Timers that are still to fire, those of transactions aside."""
        return len(self.endpoint._pump._timers)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def quiet(self) -> None:
        """Let every timer of SIP run out."""
        await asyncio.sleep(200)


def make_binding(phone: Phone, transport: NetworkTransport) -> Binding:
    """The binding of a phone that registered an hour ago for two."""
    return Binding(
        username=phone.username,
        contact=str(phone.contact.uri),
        flow=transport.flow(phone.address),
        expires_at=1e9,
        registered_at=WALL_CLOCK - 3600,
        call_id="registration",
        cseq=1,
        user_agent=f"Phone of {phone.username}",
    )
