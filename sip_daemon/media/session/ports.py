"""The worker's slice of the port range, in pairs: even for RTP, the next for RTCP (RFC 3550 §11).

A port that was closed is given out again as late as possible: the peer may go on sending for a while, and its packets
must not reach a stranger's call. It rests for as long as there are others, not for a fixed time: a burst of short calls
must not be refused while ports are free.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from dataclasses import dataclass

from sip_daemon.errors import MediaError, MediaUnavailable

RETRY_AFTER_SECONDS = 10
"""What a caller is told when every port is in use: some call will have ended by then."""

RECEIVE_BUFFER_BYTES = 128 * 1024
"""Room for a stall of ours: half a second of G.711 as the kernel counts its buffers, and a bound for floods."""

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What the machine will have again when some call has ended."""

EXPEDITED_FORWARDING = 0xB8
"""DSCP 46 (RFC 4594 §4.1), so that switches send audio first."""


@dataclass(frozen=True, slots=True)
class PortSlice:
    """Ports `first` to `last`, both included."""

    first: int
    last: int

    def part(self, index: int, parts: int) -> PortSlice:
        """The share of one of `parts` workers; every share begins at an even port."""
        pairs = self.pairs // parts
        first = self.even_first + 2 * pairs * index
        return PortSlice(first, first + 2 * pairs - 1)

    @property
    def pairs(self) -> int:
        return max(0, (self.last + 1 - self.even_first) // 2)

    @property
    def even_first(self) -> int:
        return self.first + self.first % 2


class PortPool:
    """Pairs by their even port; the one that was free longest comes first."""

    def __init__(self, ports: PortSlice) -> None:
        self._free: deque[int] = deque(range(ports.even_first, ports.last, 2))
        self.total = len(self._free)

    def take(self) -> int:
        """Raises `MediaUnavailable` when all are in use."""
        if not self._free:
            raise MediaUnavailable("no RTP port is free", retry_after=RETRY_AFTER_SECONDS)
        return self._free.popleft()

    def give_back(self, port: int) -> None:
        self._free.append(port)

    def give_back_unused(self, port: int) -> None:
        """Nobody was told about it: it needs no rest."""
        self._free.appendleft(port)

    @property
    def free(self) -> int:
        """How many pairs could be taken now."""
        return len(self._free)


@dataclass(frozen=True, slots=True)
class SocketPair:
    """Two bound, non-blocking sockets."""

    port: int
    rtp: socket.socket
    rtcp: socket.socket

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


def open_pair(pool: PortPool, host: str) -> SocketPair:
    """Bind the next pair that no other program holds.

    Raises `MediaUnavailable` when none is left, `MediaError` when `host` is no address of this machine.
    """
    for _ in range(pool.total):
        port = pool.take()
        try:
            return SocketPair(port, *_bind_both(host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                pool.give_back(port)
                continue
            pool.give_back_unused(port)
            text = f"cannot open RTP sockets on {host}: {error.strerror}"
            if error.errno in EXHAUSTED:
                raise MediaUnavailable(text, retry_after=RETRY_AFTER_SECONDS) from error
            raise MediaError(text) from error
    raise MediaUnavailable("every RTP port is taken by another program")


def _bind_both(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    rtp = _bind(host, port)
    try:
        return rtp, _bind(host, port + 1)
    except OSError:
        rtp.close()
        raise


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if family == socket.AF_INET6:
            # Never v4-mapped: an IPv4 peer is spoken to from an IPv4 socket.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, EXPEDITED_FORWARDING)
        else:
            bound.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED_FORWARDING)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
