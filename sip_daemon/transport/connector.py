"""Stream connections that we open: one for each destination, shared by all who ask for it."""

from __future__ import annotations

import asyncio

from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.transport.connections import ConnectionTable
from sip_daemon.transport.stream import TCP, StreamKind
from sip_daemon.transport.stream_listener import watch_for_dead_peer

STREAM_KINDS: dict[TransportProtocol, StreamKind] = {TransportProtocol.TCP: TCP}

Destination = tuple[TransportProtocol, TransportAddress]


class Connector:
    """Connections under way. Those that are made belong to the `ConnectionTable`."""

    def __init__(self, connections: ConnectionTable) -> None:
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._under_way: dict[Destination, asyncio.Task[Flow]] = {}
        self._is_closed = False

    async def connect(self, transport: TransportProtocol, remote: TransportAddress) -> Flow:
        """The flow of a new connection, or of the one that somebody else is waiting for. Raises TransportError."""
        key = (transport, remote)
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = self._loop.create_task(self._open(transport, remote))
            task.add_done_callback(lambda done: self._finished(key, done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise TransportError(f"no connection to {remote}: GoSIP stops") from None
            raise

    def close(self) -> None:
        """Gives up what is under way."""
        self._is_closed = True
        for task in list(self._under_way.values()):
            task.cancel()

    async def _open(self, transport: TransportProtocol, remote: TransportAddress) -> Flow:
        kind = STREAM_KINDS.get(transport)
        if kind is None or self._is_closed:
            raise TransportError(f"no {transport} connection can be opened")
        try:
            async with asyncio.timeout(self._connections.limits.connect_seconds):
                raw, connection = await self._loop.create_connection(
                    lambda: self._connections.new(kind, is_accepted=False), remote.host, remote.port
                )
            watch_for_dead_peer(raw.get_extra_info("socket"))
        except TimeoutError as error:
            raise TransportError(f"{transport} {remote} does not answer") from error
        except (OSError, OverflowError) as error:
            raise TransportError(f"{transport} {remote}: {error}") from error
        if connection.flow is None or not connection.is_open:
            raise TransportError(f"{transport} {remote} closed the connection at once")
        return connection.flow

    def _finished(self, key: Destination, task: asyncio.Task[Flow]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # Seen, though whoever asked may have gone.
