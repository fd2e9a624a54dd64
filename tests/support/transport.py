"""Stand-ins around the transport: a receiver that remembers, peers on loopback, a transport without sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import cast

from sip_daemon.errors import RemoteProtocolError, TransportError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Uri
from sip_daemon.transport import Network, Target, TransportLayer, TransportLimits, TransportReceiver

PATIENCE_SECONDS = 5.0
"""How long a test waits for what must come; it fails after that."""
LOOPBACK = ("127.0.0.1", "::1")


async def eventually(condition: Callable[[], bool]) -> None:
    """Until `condition` holds; fails the test when it does not within `PATIENCE_SECONDS`."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.002)


class RecordingReceiver:
    """Keeps what the transport tells, in order."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, Flow]] = []
        self.framing_errors: list[tuple[RemoteProtocolError, Flow]] = []
        self.closed: list[Flow] = []
        self.failed: list[tuple[Flow, OSError]] = []
        self.news: list[tuple[Flow, str]] = []

    def message_received(self, data: bytes, flow: Flow) -> None:
        self.messages.append((data, flow))

    def framing_failed(self, error: RemoteProtocolError, flow: Flow) -> None:
        self.framing_errors.append((error, flow))

    def flow_closed(self, flow: Flow) -> None:
        self.closed.append(flow)

    def connection_news(self, flow: Flow, text: str) -> None:
        self.news.append((flow, text))

    def flow_failed(self, flow: Flow, error: OSError) -> None:
        self.failed.append((flow, error))


@contextlib.asynccontextmanager
async def running_layer(
    receiver: TransportReceiver | None = None, limits: TransportLimits | None = None
) -> AsyncIterator[TransportLayer]:
    """A transport layer that is closed at the end."""
    layer = TransportLayer(limits)
    layer.attach(receiver or RecordingReceiver())
    try:
        yield layer
    finally:
        await layer.close(drain_seconds=0.2)


class UdpPeer:
    """A phone's UDP socket."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self.address = address_of(self._socket.getsockname())

    def __enter__(self) -> UdpPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes, to: TransportAddress) -> None:
        self._socket.sendto(data, (to.host, to.port))

    async def receive(self) -> tuple[bytes, TransportAddress]:
        """The next datagram and where it came from."""
        received: list[tuple[bytes, tuple[str, int]]] = []

        def has_come() -> bool:
            with contextlib.suppress(BlockingIOError):
                received.append(self._socket.recvfrom(65_535))
            return bool(received)

        await eventually(has_come)
        data, sockaddr = received[0]
        return data, address_of(sockaddr)

    def receive_nothing(self) -> bool:
        """Whether no datagram waits."""
        try:
            self._socket.recvfrom(65_535)
        except BlockingIOError:
            return True
        return False


def address_of(sockaddr: tuple[str, int]) -> TransportAddress:
    return TransportAddress(sockaddr[0], sockaddr[1])


def free_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port on which nobody listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


class SocketlessTransport:
    """What the endpoint needs of a `TransportLayer`, with lists where the sockets would be."""

    def __init__(self) -> None:
        self.receiver: TransportReceiver = RecordingReceiver()
        self.sent: list[tuple[bytes, Flow]] = []
        self.networks: tuple[Network, ...] = ()
        self.gone: set[Flow] = set()
        """Flows on which nothing can be sent any more."""
        self.places: dict[str, tuple[Target, ...]] = {}
        """Targets by host, as DNS would tell them."""
        self.refusing: set[Target] = set()
        """Places that take no connection."""
        self.trusted: list[Flow] = []
        self.is_listening = True
        self.is_closed = False

    def as_layer(self) -> TransportLayer:
        return cast("TransportLayer", self)

    def attach(self, receiver: TransportReceiver) -> None:
        self.receiver = receiver

    def send(self, data: bytes, flow: Flow) -> None:
        if flow in self.gone or flow.connection < 0:
            raise TransportError(f"{flow} is gone")
        self.sent.append((data, flow))

    def trust(self, flow: Flow) -> None:
        self.trusted.append(flow)

    def usable(self, flow: Flow) -> Flow:
        if flow in self.gone or flow.connection < 0:
            raise TransportError(f"{flow} is gone")
        return flow

    async def locate(self, uri: Uri) -> tuple[Target, ...]:
        await asyncio.sleep(0)
        if uri.host not in self.places:
            raise TransportError(f"{uri.host} has no address")
        return self.places[uri.host]

    def flow_to(self, remote: TransportAddress, transport: TransportProtocol = TransportProtocol.UDP) -> Flow:
        return Flow(transport, TransportAddress("192.0.2.1", 5060), remote, transport.is_reliable)

    async def connect(self, transport: TransportProtocol, remote: TransportAddress) -> Flow:
        await asyncio.sleep(0)
        if Target(transport, remote) in self.refusing:
            raise TransportError(f"{remote} refuses")
        return self.flow_to(remote, transport)

    def listening_port(self, flow: Flow) -> int:
        return flow.local.port if flow.transport is TransportProtocol.UDP else 5060

    def stop_listening(self) -> None:
        self.is_listening = False

    async def close(self) -> None:
        self.is_closed = True

    def take_sent(self) -> list[tuple[bytes, Flow]]:
        taken, self.sent = self.sent, []
        return taken
