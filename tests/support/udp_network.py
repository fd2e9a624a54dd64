"""The network of `phones.Phone` on real UDP sockets of loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sip_daemon.flow import TransportAddress
from tests.support.phones import Datagram, Network

Receiver = Callable[[bytes, TransportAddress], None]


class UdpNetwork(Network):
    """Each phone gets a socket; `address` finds a free port for one."""

    def __init__(self) -> None:
        super().__init__()
        self._sockets: dict[TransportAddress, _Socket] = {}

    async def address(self, host: str = "127.0.0.1") -> TransportAddress:
        """A bound address for the next phone."""
        opened = _Socket()
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: opened, local_addr=(host, 0))
        address = TransportAddress(*transport.get_extra_info("sockname")[:2])
        self._sockets[address] = opened
        return address

    def attach(self, address: TransportAddress, receiver: Receiver) -> None:
        self._sockets[address].receiver = receiver

    def detach(self, address: TransportAddress) -> None:
        self._sockets[address].receiver = None

    def send(self, data: bytes, source: TransportAddress, destination: TransportAddress) -> None:
        self.log.append(Datagram(source, destination, data))
        transport = self._sockets[source].transport
        assert transport is not None
        transport.sendto(data, (destination.host, destination.port))

    def close(self) -> None:
        for opened in self._sockets.values():
            if opened.transport is not None:
                opened.transport.close()


class _Socket(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.receiver: Receiver | None = None
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.receiver is not None:
            self.receiver(data, TransportAddress(*addr[:2]))
