"""Where a message came from and where its answer goes.

A `Flow` (RFC 5626 §3) is a connection, or for UDP the pair of local and remote address. Above the transport
nobody sees a socket: an answer, or a request to a phone behind NAT, is sent "on the flow".
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class TransportProtocol(StrEnum):
    """A transport as it is written in a Via header (RFC 3261 §20.42, RFC 7118 §5.2)."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"
    WS = "WS"
    WSS = "WSS"

    @property
    def is_reliable(self) -> bool:
        """Whether the transport itself repeats what is lost, so that the transaction need not."""
        return self is not TransportProtocol.UDP

    @property
    def is_secure(self) -> bool:
        """Whether nobody on the way can read the message."""
        return self in (TransportProtocol.TLS, TransportProtocol.WSS)


@dataclass(frozen=True, slots=True)
class TransportAddress:
    """An IP address and port. `host` is a bare address: an IPv6 one carries no brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host


@dataclass(frozen=True, slots=True)
class Flow:
    """One way to a peer and back.

    `connection` numbers stream connections within this process; it is 0 for UDP, so that the flow of a UDP
    peer is the same value before and after a restart.
    """

    transport: TransportProtocol
    local: TransportAddress
    remote: TransportAddress
    connection: int = 0

    def __str__(self) -> str:
        return f"{self.transport.lower()}:{self.remote}"


def source_of(host: str) -> str:
    """What a peer at `host` counts for where peers are counted: its IPv4 address, or its IPv6 /64, all of which a
    single host may use."""
    return host if ":" not in host else network_of(host)


@lru_cache(maxsize=4096)
def network_of(host: str) -> str:
    """The /64 of an IPv6 address."""
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))
