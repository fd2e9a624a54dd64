"""All stream connections of the daemon: how many from whom, which one leads where, which one is overdue."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from itertools import count

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol, source_of
from sip_daemon.transport.barred import Barred
from sip_daemon.transport.deadlines import Deadlines
from sip_daemon.transport.guard import OncePerSource
from sip_daemon.transport.limits import TransportLimits
from sip_daemon.transport.receiver import TransportReceiver
from sip_daemon.transport.stream import StreamConnection, StreamKind

logger = logging.getLogger("sip_daemon.transport")


class ConnectionTable:
    """Owns the connections and their deadlines; has no timer of its own: `expire` is to be called now and then."""

    def __init__(
        self,
        limits: TransportLimits,
        receiver: TransportReceiver,
        now: Callable[[], float],
        barred: Barred | None = None,
    ) -> None:
        self.limits = limits
        self._barred = barred or Barred()
        self.receiver = receiver
        self._now = now
        self._by_number: dict[int, StreamConnection] = {}
        self._by_remote: dict[tuple[TransportProtocol, TransportAddress], StreamConnection] = {}
        self._per_source: Counter[str] = Counter()
        """Open connections and those being set up, by `source_of` the peer."""
        self._reserved = 0
        self._deadlines: Deadlines[StreamConnection] = Deadlines()
        self._numbers = count(1)
        self._log_rate = OncePerSource()
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return len(self._by_number)

    def new(self, kind: StreamKind, *, is_accepted: bool) -> StreamConnection:
        """A connection to be given to the loop; it enters the table when it is connected."""
        return StreamConnection(kind, self, next(self._numbers), is_accepted=is_accepted)

    def get(self, flow: Flow) -> StreamConnection | None:
        """The open connection of `flow`."""
        connection = self._by_number.get(flow.connection)
        return connection if connection is not None and connection.is_open else None

    def find(self, transport: TransportProtocol, remote: TransportAddress) -> StreamConnection | None:
        """An open connection to that very address and port, whoever opened it."""
        connection = self._by_remote.get((transport, remote))
        return connection if connection is not None and connection.is_open else None

    def reserve(self, host: str) -> bool:
        """Whether a new connection from `host` is taken; if so it counts until `release`.

        A connection that is being set up counts too: a slow handshake must not slip under the limits.
        """
        if self._barred.sources and self._barred.turns_away(host):
            return False
        reason = self._refusal(host)
        if reason is None:
            self._reserved += 1
            self._per_source[source_of(host)] += 1
            return True
        held_back = self._log_rate.admit(host, "refused", self._now())
        if held_back is not None:
            logger.warning(
                "connection from %s refused: %s (%d more since the last line)",
                host,
                reason,
                held_back,
                extra={"source": host, "held_back": held_back},
            )
        return False

    def release(self, host: str) -> None:
        """The set-up has ended: the connection is in the table, or there is none."""
        self._reserved -= 1
        self._forget_source(host)

    def _refusal(self, host: str) -> str | None:
        total, of_source = len(self._by_number) + self._reserved, self._per_source[source_of(host)]
        if total >= self.limits.max_connections:
            return f"{total} connections are open, the limit of all"
        if of_source >= self.limits.max_connections_per_source and not is_loopback(host):
            return f"{of_source} connections are open, the limit of one source"
        return None

    def _forget_source(self, host: str) -> None:
        source = source_of(host)
        self._per_source[source] -= 1
        if not self._per_source[source]:
            del self._per_source[source]

    def close_all(self, reason: str) -> None:
        for connection in list(self._by_number.values()):
            connection.close(reason)

    def abort_all(self, reason: str) -> None:
        for connection in list(self._by_number.values()):
            connection.abort(reason)

    def abort_source(self, source: str, reason: str) -> None:
        """All connections of one source."""
        for connection in list(self._by_number.values()):
            if source_of(known_flow(connection).remote.host) == source:
                connection.abort(reason)

    async def wait_empty(self, seconds: float) -> None:
        """Until the last connection is gone, at most that long."""
        self._emptied.clear()
        if self._by_number:
            try:
                await asyncio.wait_for(self._emptied.wait(), seconds)
            except TimeoutError:
                pass

    def expire(self, now: float) -> None:
        """Ends the connections whose deadline has passed."""
        for connection in self._deadlines.passed(now):
            connection.expire()

    # what a connection asks of its owner

    def opened(self, connection: StreamConnection) -> None:
        flow = known_flow(connection)
        self._by_number[connection.number] = connection
        self._by_remote[flow.transport, flow.remote] = connection
        self._per_source[source_of(flow.remote.host)] += 1
        logger.debug("%s connected", flow, extra={"flow": str(flow), "local": str(flow.local)})
        self.receiver.connection_news(flow, "Connected")

    def message_received(self, data: bytes, flow: Flow) -> None:
        self.receiver.message_received(data, flow)

    def framing_failed(self, error: RemoteProtocolError, flow: Flow) -> None:
        self.receiver.framing_failed(error, flow)

    def set_deadline(self, connection: StreamConnection, seconds: float) -> None:
        self._deadlines.set(connection, self._now() + seconds)

    def closed(self, connection: StreamConnection) -> None:
        flow = known_flow(connection)
        del self._by_number[connection.number]
        if self._by_remote.get((flow.transport, flow.remote)) is connection:
            del self._by_remote[flow.transport, flow.remote]
        self._forget_source(flow.remote.host)
        self._deadlines.discard(connection)
        logger.debug("%s %s", flow, connection.ending, extra={"flow": str(flow), "reason": connection.ending})
        self.receiver.connection_news(flow, f"Connection ended: {connection.ending}")
        if not self._by_number:
            self._emptied.set()
        self.receiver.flow_closed(flow)


def known_flow(connection: StreamConnection) -> Flow:
    """The flow of a connection that has been made."""
    assert connection.flow is not None
    return connection.flow


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback
