"""The transport layer (RFC 3261 §18): the only SIP sockets of the daemon.

It moves bytes between sockets and one `TransportReceiver` and understands none of them beyond stream framing.
A listener that can't be opened is named in `listeners` and leaves the others running.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Iterable

from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Uri
from sip_daemon.transport import interfaces
from sip_daemon.transport.barred import Barred
from sip_daemon.transport.connections import ConnectionTable
from sip_daemon.transport.connector import Connector
from sip_daemon.transport.interfaces import InterfaceWatcher, LocalAddress, Network
from sip_daemon.transport.limits import TransportLimits
from sip_daemon.transport.locating import Locator, Target
from sip_daemon.transport.receiver import Deaf, TransportReceiver
from sip_daemon.transport.resolver import DnsResolver, Lookup
from sip_daemon.transport.status import ListenerStatus, log_listener
from sip_daemon.transport.stream import TCP, TLS, StreamKind
from sip_daemon.transport.stream_listener import StreamListener
from sip_daemon.transport.tls import TlsServer
from sip_daemon.transport.udp_sockets import UdpSockets

logger = logging.getLogger("sip_daemon.transport")

ALL = "all"
WILDCARDS = {ALL: (4, 6), "*": (4, 6), "": (4, 6), "0.0.0.0": (4,), "::": (6,)}  # noqa: S104
"""Bind addresses that mean "every address", with the families meant. UDP never binds a wildcard itself: each address
gets its socket."""


class TransportLayer:
    """To be built inside a running event loop; `attach` names the layer above before anything listens."""

    def __init__(self, limits: TransportLimits | None = None, lookup: Lookup | None = None) -> None:
        """`lookup` answers questions to DNS; without it those of this machine's resolv.conf do."""
        self.limits = limits or TransportLimits()
        self._loop = asyncio.get_running_loop()
        self._receiver: TransportReceiver = Deaf()
        self.barred = Barred()
        """Whoever is in there gets silence on UDP, and is closed upon connecting."""
        self.backlog_handler: Callable[[bool], None] = lambda has_backlog: None  # noqa: ARG005
        """Hears that a backlog of datagrams waits, and when that is over."""
        self._udp = UdpSockets(
            self.limits, self._datagram_received, self._flow_failed, lambda is_so: self.backlog_handler(is_so)
        )
        self._connections = ConnectionTable(self.limits, self._receiver, self._loop.time, self.barred)
        self._stream_listeners: list[StreamListener] = []
        self._stream_statuses: dict[tuple[StreamKind, TransportAddress], ListenerStatus] = {}
        self.tls = TlsServer(self.limits.handshake_seconds, self._loop.time)
        """The context of every encrypted listener, and who failed to shake hands."""
        self._connector = Connector(self._connections)
        self._locator = Locator(lookup or DnsResolver(), self._udp.source)
        self._followed: dict[int, tuple[int, ...]] = {}
        """Families by port, for the UDP ports that follow the machine's addresses."""
        self._watcher: InterfaceWatcher | None = None
        self._addresses: tuple[LocalAddress, ...] = ()
        self.networks: tuple[Network, ...] = ()
        """The networks that this machine is on, as of the last scan; a new tuple only when they change."""
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    def attach(self, receiver: TransportReceiver) -> None:
        """From now on `receiver` gets what comes in."""
        self._receiver = receiver
        self._connections.receiver = receiver

    # listening

    async def listen(self, bind: str, port: int) -> list[ListenerStatus]:
        """UDP and TCP on one address, or with "all" on every address there is and will be."""
        if bind not in WILDCARDS:
            address = TransportAddress(bind, port)
            return [await self.listen_udp(address), await self.listen_tcp(address)]
        self._follow_addresses(port, WILDCARDS[bind])
        for host in self._stream_hosts(bind):
            await self.listen_tcp(TransportAddress(host, port))
        return [status for status in self.listeners if status.address.port == port]

    async def listen_tls(self, bind: str, port: int) -> list[ListenerStatus]:
        """TLS on one address or on all. Without a context in `tls` the listeners are named as failed, and open by
        `retry` when there is one."""
        self._rescan()
        return [self._listen_stream(TLS, TransportAddress(host, port)) for host in self._stream_hosts(bind)]

    async def listen_udp(self, address: TransportAddress) -> ListenerStatus:
        """One UDP socket on one address."""
        self._rescan()
        return self._udp.open(address)

    async def listen_tcp(self, address: TransportAddress) -> ListenerStatus:
        """A TCP listener; a wildcard address takes all of its family."""
        return self._listen_stream(TCP, address)

    def _stream_hosts(self, bind: str) -> list[str]:
        """What a stream binds: the one address, or a wildcard for each family that this machine has."""
        if bind not in WILDCARDS:
            return [bind]
        wildcards = {4: "0.0.0.0", 6: "::"}  # noqa: S104
        present = {4} | {address.network.version for address in self._addresses}
        return [wildcards[family] for family in WILDCARDS[bind] if family in present]

    def _listen_stream(self, kind: StreamKind, address: TransportAddress) -> ListenerStatus:
        asked = address
        status, listener = self._open_stream(kind, address)
        if listener is not None:
            self._stream_listeners.append(listener)
            address = listener.address
            self._stream_statuses.pop((kind, asked), None)
        if self._stream_statuses.get((kind, address)) != status:
            log_listener(status)
        self._stream_statuses[kind, address] = status
        self._arm_sweep()
        return status

    def _open_stream(self, kind: StreamKind, address: TransportAddress) -> tuple[ListenerStatus, StreamListener | None]:
        tls = self.tls if kind.transport.is_secure else None
        if tls is not None and tls.context is None:
            return ListenerStatus.without_certificate(kind.transport, address, tls.trouble), None
        try:
            listener = StreamListener(kind, address, self._connections, tls)
        except OSError as error:
            return ListenerStatus.failed(kind.transport, address, error), None
        return ListenerStatus.listening(kind.transport, listener.address), listener

    def stop_listening_on(self, transport: TransportProtocol) -> None:
        """Takes no new connections of that stream transport; what is open lives on."""
        for listener in [one for one in self._stream_listeners if one.kind.transport is transport]:
            listener.close()
            self._stream_listeners.remove(listener)
        for key in [key for key in self._stream_statuses if key[0].transport is transport]:
            del self._stream_statuses[key]

    def retry(self) -> None:
        """Open the stream listeners that could not be opened before."""
        for (kind, address), status in list(self._stream_statuses.items()):
            if not status.is_listening:
                self._listen_stream(kind, address)

    @property
    def listeners(self) -> list[ListenerStatus]:
        """Every address that we listen on, or failed to."""
        return [*self._udp.statuses.values(), *self._stream_statuses.values()]

    def listening_port(self, flow: Flow) -> int:
        """The port on which the local side of `flow` is reached: of a connection that we opened it is not its own."""
        if flow.transport is TransportProtocol.UDP:
            return flow.local.port
        for status in self._stream_statuses.values():
            same_kind = status.transport is flow.transport and status.address.is_ipv6 == flow.local.is_ipv6
            if same_kind and status.is_listening:
                return status.address.port
        return flow.local.port

    @property
    def local_hosts(self) -> frozenset[str]:
        """The addresses of this machine, as of the last scan."""
        return frozenset(address.host for address in self._addresses)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    # sending

    def send(self, data: bytes, flow: Flow) -> None:
        """Raises TransportError when it certainly does not arrive; silence promises nothing."""
        if flow.transport is TransportProtocol.UDP:
            udp = self._udp.get(flow.local)
            if udp is None:
                raise TransportError(f"{flow.local} is no longer an address of this machine")
            udp.send(data, flow.remote)
            return
        connection = self._connections.get(flow)
        if connection is None:
            raise TransportError(f"connection {flow} is closed")
        connection.send(data)

    def flow_to(self, remote: TransportAddress, transport: TransportProtocol = TransportProtocol.UDP) -> Flow:
        """A flow to that address: for UDP from the right local address, for streams one that is open already.

        Raises TransportError where there is none; `connect` opens one.
        """
        require_numeric(remote)
        if transport is TransportProtocol.UDP:
            return self._udp.flow_to(remote)
        connection = self._connections.find(transport, remote)
        if connection is None or connection.flow is None:
            raise TransportError(f"no {transport} connection to {remote} is open")
        return connection.flow

    def usable(self, flow: Flow) -> Flow:
        """`flow` itself, or, when our own address has changed since, the UDP flow that leads to its peer today.

        Raises TransportError when neither is there.
        """
        if flow.transport is TransportProtocol.UDP:
            return flow if self._udp.get(flow.local) is not None else self._udp.flow_to(flow.remote)
        if self._connections.get(flow) is None:
            raise TransportError(f"connection {flow} is closed")
        return flow

    async def connect(self, transport: TransportProtocol, remote: TransportAddress) -> Flow:
        """A flow to `remote`: one that is open, or a new connection shared by all who ask meanwhile.

        Raises TransportError.
        """
        require_numeric(remote)
        if transport is TransportProtocol.UDP or self._connections.find(transport, remote) is not None:
            return self.flow_to(remote, transport)
        self._arm_sweep()
        return await self._connector.connect(transport, remote)

    async def locate(self, uri: Uri) -> tuple[Target, ...]:
        """Where a request to `uri` may be sent, the best first (RFC 3263 §4). Raises TransportError."""
        return await self._locator.locate(uri)

    def trust(self, flow: Flow) -> None:
        """The peer has shown good credentials: its connection may be silent for long."""
        connection = self._connections.get(flow)
        if connection is not None:
            connection.trust()

    # closing

    def drop_source(self, source: str) -> None:
        """Ends the connections of a source that has just been barred."""
        self._connections.abort_source(source, "its address is banned")

    def stop_listening(self) -> None:
        """Takes no new connections; what is open lives on."""
        for listener in self._stream_listeners:
            listener.close()
        self._stream_listeners.clear()
        self._stream_statuses.clear()

    async def close(self, drain_seconds: float = 1.0) -> None:
        """Stops accepting, lets what was written leave for that long, closes everything."""
        if self._is_closed:
            return
        self._is_closed = True
        self.stop_listening()
        self._locator.close()
        self._connector.close()
        self._connections.close_all("GoSIP stops")
        await self._connections.wait_empty(drain_seconds)
        self._connections.abort_all("GoSIP stops")
        await self._connections.wait_empty(drain_seconds)
        if self._watcher is not None:
            self._watcher.close()
        if self._sweep is not None:
            self._sweep.cancel()
        self._udp.close()

    # news from the sockets and from the kernel

    def _datagram_received(self, data: bytes, flow: Flow) -> None:
        if self.barred.sources and self.barred.turns_away(flow.remote.host):
            return
        self._receiver.message_received(data, flow)

    def _flow_failed(self, flow: Flow, error: OSError) -> None:
        self._receiver.flow_failed(flow, error)

    def _follow_addresses(self, port: int, families: tuple[int, ...]) -> None:
        self._followed[port] = families
        if self._watcher is None:
            self._watcher = InterfaceWatcher(self._addresses_changed)
        self._addresses_changed()

    def _addresses_changed(self) -> None:
        self._rescan()
        for port, families in self._followed.items():
            self._udp.follow(self._hosts(families), port)
        self.retry()  # A port may have become free, too.

    def _hosts(self, families: Iterable[int]) -> list[str]:
        wanted = set(families)
        return [address.host for address in self._addresses if address.network.version in wanted]

    def _rescan(self) -> None:
        try:
            self._addresses = interfaces.scan()
        except OSError as error:
            logger.error("the addresses of this machine can't be read, the last known ones stay: %s", error)
            return
        networks = tuple(address.network for address in self._addresses)
        if networks != self.networks:
            self.networks = networks

    def _arm_sweep(self) -> None:
        if self._sweep is None and not self._is_closed:
            self._sweep = self._loop.call_later(self.limits.sweep_seconds, self._swept)

    def _swept(self) -> None:
        self._connections.expire(self._loop.time())
        self._sweep = self._loop.call_later(self.limits.sweep_seconds, self._swept)


def require_numeric(remote: TransportAddress) -> None:
    """Raises TransportError for a host name: the kernel's resolver would stop the loop until DNS answers."""
    try:
        ipaddress.ip_address(remote.host)
    except ValueError:
        raise TransportError(f"{remote.host} is not an IP address") from None
