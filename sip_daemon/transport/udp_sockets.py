"""The set of UDP sockets: which address has one, and which of them reaches a given peer."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable

from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.transport.limits import TransportLimits
from sip_daemon.transport.status import ListenerStatus, log_listener
from sip_daemon.transport.udp import UdpPoller, UdpSocket

logger = logging.getLogger("sip_daemon.transport")

CACHED_SOURCES = 4096


class UdpSockets:
    """Opens, closes and finds them. `statuses` has one entry for each address asked for."""

    def __init__(
        self,
        limits: TransportLimits,
        on_datagram: Callable[[bytes, Flow], None],
        on_error: Callable[[Flow, OSError], None],
        on_backlog: Callable[[bool], None],
    ) -> None:
        self._limits = limits
        self._poller = UdpPoller(on_datagram, on_error, on_backlog, limits)
        self._sockets: dict[TransportAddress, UdpSocket] = {}
        self._sources: dict[str, str] = {}
        self.statuses: dict[TransportAddress, ListenerStatus] = {}

    def open(self, address: TransportAddress) -> ListenerStatus:
        """Listens on `address`. A failure that was reported before is not logged again."""
        try:
            udp = UdpSocket(address, cached_flows=self._limits.cached_flows)
        except OSError as error:
            status = ListenerStatus.failed(TransportProtocol.UDP, address, error)
        else:
            self._poller.add(udp)
            self._sockets[udp.local] = udp
            address = udp.local
            status = ListenerStatus.listening(TransportProtocol.UDP, address)
        if self.statuses.get(address) != status:
            log_listener(status)
        self.statuses[address] = status
        self._sources.clear()
        return status

    def follow(self, hosts: Iterable[str], port: int) -> bool:
        """Makes the sockets of `port` those of `hosts`. Whether anything changed."""
        wanted = [TransportAddress(host, port) for host in hosts]
        gone = [address for address in self.statuses if address.port == port and address not in wanted]
        new = [address for address in wanted if address not in self._sockets]
        for address in gone:
            self._drop(address)
        changed = [self.open(address).is_listening for address in new]
        self._sources.clear()  # The routes may have changed although the addresses did not.
        return bool(gone) or any(changed)

    def _drop(self, address: TransportAddress) -> None:
        del self.statuses[address]
        udp = self._sockets.pop(address, None)
        if udp is not None:
            self._poller.remove(udp)
            logger.info(
                "no longer listening on UDP %s: the address is gone",
                address,
                extra={"transport": "UDP", "address": address.host, "port": address.port, "state": "closed"},
            )

    def get(self, local: TransportAddress) -> UdpSocket | None:
        return self._sockets.get(local)

    def flow_to(self, remote: TransportAddress) -> Flow:
        """The flow from the local address that the routing table prefers. Raises TransportError."""
        source = self.source(remote)
        same_family = [udp for udp in self._sockets.values() if udp.local.is_ipv6 == remote.is_ipv6]
        if not same_family:
            raise TransportError(f"no UDP socket can reach {remote}")
        preferred = [udp for udp in same_family if udp.local.host == source]
        # Bound to one address only, we send from that one whatever the routing table prefers.
        return (preferred or same_family)[0].flow((remote.host, remote.port))

    def source(self, remote: TransportAddress) -> str:
        """Our address towards `remote`, as the routing table has it. Raises TransportError where there is no route."""
        source = self._sources.get(remote.host)
        if source is None:
            source = source_address(remote)
            if len(self._sources) >= CACHED_SOURCES:
                self._sources.clear()
            self._sources[remote.host] = source
        return source

    def close(self) -> None:
        self._poller.close()
        self._sockets.clear()
        self.statuses.clear()


def source_address(remote: TransportAddress) -> str:
    """The local address that the kernel's routing table chooses for `remote`. Raises TransportError."""
    family = socket.AF_INET6 if remote.is_ipv6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((remote.host, remote.port or 9))  # Sends nothing.
            return str(probe.getsockname()[0])
    except (OSError, OverflowError) as error:
        raise TransportError(f"no route to {remote}: {error}") from error
