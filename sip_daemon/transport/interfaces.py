"""This machine's addresses: a scan, and a watcher that asks for the next scan when the kernel tells of a change.

The kernel's messages are only a trigger: what counts is what the scan finds, so a lost message loses nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass

import ifaddr

logger = logging.getLogger("sip_daemon.transport")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# linux/rtnetlink.h; the socket module has no names for the groups.
RTMGRP_LINK = 0x1
RTMGRP_IPV4_IFADDR = 0x10
RTMGRP_IPV4_ROUTE = 0x40
RTMGRP_IPV6_IFADDR = 0x100
RTMGRP_IPV6_ROUTE = 0x400
GROUPS = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE

SETTLE_SECONDS = 0.2
"""Changes come in bursts (link, address, routes); one scan serves them all."""
RESCAN_SECONDS = 30.0
"""A scan without a trigger: for lost messages, and to try again where listening failed."""


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """One address of this machine and the network that it is on."""

    host: str
    network: Network
    interface: str


def scan() -> tuple[LocalAddress, ...]:
    """The addresses that a phone can be told. Raises OSError.

    IPv6 link-local ones are left out: their zone means nothing to another machine, so they can stand neither in
    a Via or Contact nor in SDP.
    """
    found: dict[str, LocalAddress] = {}
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            host = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            interface = ipaddress.ip_interface(f"{host}/{ip.network_prefix}")
            if interface.version == 6 and interface.is_link_local:
                continue
            found.setdefault(str(interface.ip), LocalAddress(str(interface.ip), interface.network, adapter.nice_name))
    return tuple(found.values())


class InterfaceWatcher:
    """Calls `on_change` soon after addresses or routes changed, and every half minute."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._socket = open_netlink()
        if self._socket is not None:
            self._loop.add_reader(self._socket.fileno(), self._changed)
        self._timer = self._loop.call_later(RESCAN_SECONDS, self._fire)
        self._is_settling = False

    def close(self) -> None:
        self._timer.cancel()
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _changed(self) -> None:
        assert self._socket is not None
        drain(self._socket)
        if not self._is_settling:
            self._is_settling = True
            self._timer.cancel()
            self._timer = self._loop.call_later(SETTLE_SECONDS, self._fire)

    def _fire(self) -> None:
        self._is_settling = False
        self._timer = self._loop.call_later(RESCAN_SECONDS, self._fire)
        self._on_change()


def open_netlink() -> socket.socket | None:
    """A socket that becomes readable when addresses change; None where the system has none (a strict sandbox)."""
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        try:
            sock.setblocking(False)
            sock.bind((0, GROUPS))
        except OSError:
            sock.close()
            raise
    except OSError as error:
        logger.warning("address changes are only noticed every %d s: %s", RESCAN_SECONDS, error)
        return None
    return sock


def drain(sock: socket.socket, limit: int = 256) -> None:
    """Reads and forgets what waits. A queue that overran (ENOBUFS) is a change like any other."""
    for _ in range(limit):
        try:
            sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            continue
