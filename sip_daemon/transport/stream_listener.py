"""Accepting stream connections: an accept loop of our own, so that limits come before anything is spent on a peer."""

from __future__ import annotations

import asyncio
import logging
import socket

from sip_daemon.flow import TransportAddress
from sip_daemon.transport.connections import ConnectionTable
from sip_daemon.transport.stream import StreamConnection, StreamKind
from sip_daemon.transport.tls import TlsServer

logger = logging.getLogger("sip_daemon.transport")

BACKLOG = 1024
EXHAUSTED_PAUSE_SECONDS = 1.0
"""Accepting rests that long when the process has no descriptor left; otherwise the loop would spin on it."""
KEEPALIVE_IDLE_SECONDS = 60
KEEPALIVE_INTERVAL_SECONDS = 15
KEEPALIVE_PROBES = 4
UNACKNOWLEDGED_SECONDS = 30
"""What we sent and the peer's kernel has not acknowledged for so long ends the connection (RFC 5482): about the time of
timer B, and longer than the radio of a mobile phone is away in a tunnel. Linux applies it to the probes too."""


class StreamListener:
    """A listening socket of one stream kind."""

    def __init__(
        self, kind: StreamKind, address: TransportAddress, connections: ConnectionTable, tls: TlsServer | None = None
    ) -> None:
        """Binds and listens; raises OSError. Port 0 takes a free one. With `tls` each connection begins with a
        handshake."""
        self.kind = kind
        self._socket = listening_socket(address)
        self.address = TransportAddress(address.host, self._socket.getsockname()[1])
        self._connections = connections
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def close(self) -> None:
        """Stops accepting. Connections live on; those still being set up are dropped."""
        if self._pause is not None:
            self._pause.cancel()
        for task in self._tasks:
            task.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _accept(self) -> None:
        for _ in range(self._connections.limits.accepts_per_wake):
            try:
                sock, peer = self._socket.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._rest(error)
                return
            self._admit(sock, peer[0])

    def _admit(self, sock: socket.socket, host: str) -> None:
        if not self._connections.reserve(host):
            sock.close()
            return
        task = self._loop.create_task(self._connect(sock, host))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, sock: socket.socket, host: str) -> None:
        sock.setblocking(False)
        try:
            watch_for_dead_peer(sock)
            if self._tls is not None:
                await self._tls.accept(sock, host, self.address.port, self._new_connection)
            else:
                await self._loop.connect_accepted_socket(self._new_connection, sock)
        except OSError as error:
            logger.debug("accepted connection lost at once: %s", error)
            sock.close()
        except asyncio.CancelledError:
            sock.close()
            raise
        finally:
            self._connections.release(host)

    def _new_connection(self) -> StreamConnection:
        return self._connections.new(self.kind, is_accepted=True)

    def _rest(self, error: OSError) -> None:
        logger.error(
            "%s %s takes no new connections for a moment: %s",
            self.kind.transport,
            self.address,
            error.strerror,
            extra={"transport": self.kind.transport.value, "address": str(self.address)},
        )
        self._loop.remove_reader(self._socket.fileno())
        self._pause = self._loop.call_later(EXHAUSTED_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._socket.fileno(), self._accept)


def listening_socket(address: TransportAddress) -> socket.socket:
    """A listening, non-blocking socket. An IPv6 one takes no IPv4 connections."""
    sock = socket.socket(socket.AF_INET6 if address.is_ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # Connections of a former process in TIME_WAIT must not keep us from starting.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address.host, address.port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def watch_for_dead_peer(sock: socket.socket) -> None:
    """A peer that lost power says nothing. The kernel finds out: within two minutes of silence, and within half a
    minute when we have something to say."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_SECONDS * 1000)
