"""UDP: one socket for each local address, all of them behind one epoll descriptor.

A socket bound to one address answers from the address that it was sent to, and needs no control messages per
datagram; an IPv6 one never sees IPv4 (no v4-mapped addresses anywhere). ICMP errors are asked for (IP_RECVERR), so
that a request to a phone that is gone fails at once. A descriptor with a pending error is one that uvloop gives up
polling (libuv turns EPOLLERR into EBADF); therefore our own epoll holds the sockets and only its descriptor, which
is never in error, is given to the loop. `tests.benchmarks.udp_echo` measures what that costs: about 1 us a datagram.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import select
import socket
import struct
from collections.abc import Callable, Iterator

from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.transport.limits import TransportLimits

logger = logging.getLogger("sip_daemon.transport")

MAX_DATAGRAM_BYTES = 65_535
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the kernel, so that a burst (a site booting) waits in the queue while we are busy."""

# Not named by the socket module before Python 3.14 (linux/in.h, linux/in6.h).
IP_RECVERR = 11
IPV6_RECVERR = 25
# Not named by it at all (asm-generic/socket.h; linux/sock_diag.h for what it tells).
SO_MEMINFO = 55
MEMINFO = struct.Struct("=2I")
"""Bytes in the receive queue, and how many fit."""
UNREACHABLE = frozenset(
    {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENOPROTOOPT, errno.EHOSTDOWN, errno.EACCES}
)
"""What ends a transaction (RFC 3261 §18.4: host, network, port or protocol unreachable). The other errors, such as
a path MTU found, concern the kernel only."""


class UdpSocket:
    """The socket of one local address. Everything it does is non-blocking."""

    def __init__(self, address: TransportAddress, *, cached_flows: int = 8192) -> None:
        """Binds; raises OSError. Port 0 takes a free one."""
        self._socket = bound_socket(address)
        self.local = TransportAddress(address.host, self._socket.getsockname()[1])
        self._cached_flows = cached_flows
        self._flows: dict[object, Flow] = {}
        self.dropped = 0
        """Datagrams that found the kernel's send buffer full."""

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def flow(self, sockaddr: tuple[str, int]) -> Flow:
        """The flow of a peer, named by a socket address of the kernel or by (host, port)."""
        flow = self._flows.get(sockaddr)
        if flow is None:
            if len(self._flows) >= self._cached_flows:
                del self._flows[next(iter(self._flows))]
            flow = Flow(TransportProtocol.UDP, self.local, TransportAddress(sockaddr[0], sockaddr[1]))
            self._flows[sockaddr] = flow
        return flow

    def receive(self, limit: int) -> Iterator[tuple[bytes, Flow]]:
        """The datagrams that wait, at most `limit`."""
        receive = self._socket.recvfrom
        for _ in range(limit):
            try:
                data, sockaddr = receive(MAX_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # The pending ICMP error of another datagram; `errors` tells of it.
            yield data, self.flow(sockaddr)

    def has_backlog(self, limit: int) -> bool:
        """Whether more than `limit` bytes wait, or more than half of what the kernel keeps for us."""
        waiting, most = MEMINFO.unpack(self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size))
        return bool(waiting > min(limit, most // 2))

    def send(self, data: bytes, remote: TransportAddress) -> None:
        """Raises TransportError when the datagram can't leave. A full buffer loses it, as the network may."""
        try:
            self._socket.sendto(data, (remote.host, remote.port))
        except BlockingIOError:
            self.dropped += 1
        except OSError:
            # Perhaps the ICMP error of an earlier datagram, to whomever; telling it to us has cleared it.
            self._send_again(data, remote)
        except OverflowError as error:
            raise TransportError(f"UDP {remote}: {error}") from error

    def _send_again(self, data: bytes, remote: TransportAddress) -> None:
        try:
            self._socket.sendto(data, (remote.host, remote.port))
        except (BlockingIOError, ConnectionRefusedError):
            self.dropped += 1
        except OSError as error:
            raise TransportError(f"UDP {remote}: {error}") from error

    def errors(self, limit: int) -> Iterator[tuple[Flow, OSError]]:
        """The ICMP errors that wait, at most `limit`, with the flow of the datagram that caused each."""
        for _ in range(limit):
            try:
                _, ancillary, _, sockaddr = self._socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                # Reading the pending error clears it; otherwise epoll would report it for ever.
                self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                return
            code = extended_error(ancillary)
            if code in UNREACHABLE and sockaddr:
                yield self.flow(sockaddr), OSError(code, os.strerror(code))


def extended_error(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The errno in a sock_extended_err (linux/errqueue.h), 0 if there is none."""
    for level, kind, data in ancillary:
        wanted = (level, kind) in {(socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)}
        if wanted and len(data) >= 4:
            return int(struct.unpack_from("=I", data)[0])
    return 0


def bound_socket(address: TransportAddress) -> socket.socket:
    """A bound, non-blocking socket that reports ICMP errors.

    No SO_REUSEADDR: with it a second program could bind the same UDP port and take our datagrams.
    """
    sock = socket.socket(socket.AF_INET6 if address.is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if address.is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.bind((address.host, address.port))
    except OSError:
        sock.close()
        raise
    return sock


class UdpPoller:
    """Reads all UDP sockets: on each wake a bounded share from each, errors first."""

    def __init__(
        self,
        on_datagram: Callable[[bytes, Flow], None],
        on_error: Callable[[Flow, OSError], None],
        on_backlog: Callable[[bool], None] = lambda has_backlog: None,  # noqa: ARG005
        limits: TransportLimits | None = None,
    ) -> None:
        """`on_backlog` hears after a wake that took all it may that a backlog waits, and when that is over."""
        self._on_datagram = on_datagram
        self._on_error = on_error
        self._on_backlog = on_backlog
        self._has_backlog = False
        limits = limits or TransportLimits()
        self._datagrams_per_wake = limits.datagrams_per_wake
        self._backlog_bytes = limits.backlog_bytes
        self._epoll = select.epoll()
        self._sockets: dict[int, UdpSocket] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._epoll.fileno(), self._wake)

    def add(self, udp: UdpSocket) -> None:
        self._sockets[udp.fileno()] = udp
        self._epoll.register(udp.fileno(), select.EPOLLIN)

    def remove(self, udp: UdpSocket) -> None:
        """Also closes it."""
        if self._sockets.pop(udp.fileno(), None) is not None:
            self._epoll.unregister(udp.fileno())
        udp.close()

    def close(self) -> None:
        for udp in list(self._sockets.values()):
            self.remove(udp)
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _wake(self) -> None:
        has_backlog = False
        for descriptor, events in self._epoll.poll(0):
            udp = self._sockets.get(descriptor)
            if udp is None:
                continue
            if events & select.EPOLLERR:
                for flow, error in udp.errors(self._datagrams_per_wake):
                    self._on_error(flow, error)
            if events & select.EPOLLIN:
                taken = 0
                for data, flow in udp.receive(self._datagrams_per_wake):
                    self._on_datagram(data, flow)
                    taken += 1
                if taken == self._datagrams_per_wake:
                    has_backlog = has_backlog or udp.has_backlog(self._backlog_bytes)
        if has_backlog or self._has_backlog:
            self._has_backlog = has_backlog
            self._on_backlog(has_backlog)
