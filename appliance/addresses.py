"""The addresses of this machine: what the certificate names, what the admin page is reached by, who is on-link."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import ifaddr

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """One address of one interface."""

    address: str
    """Bare, without a scope."""
    prefix: int
    interface: str

    @property
    def network(self) -> Network:
        return ip_network(f"{self.address}/{self.prefix}", strict=False)

    @property
    def ip(self) -> IPv4Address | IPv6Address:
        return ip_address(self.address)

    @property
    def is_reachable_from_elsewhere(self) -> bool:
        """Neither loopback nor bound to one link."""
        return not (self.ip.is_loopback or self.ip.is_link_local)


def local_addresses() -> tuple[LocalAddress, ...]:
    """All addresses of this machine, loopback included, IPv4 before IPv6."""
    found = sorted(addresses_of_interfaces(), key=lambda entry: (entry.ip.version, entry.ip.is_loopback))
    return tuple(dict.fromkeys(found))


def addresses_of_interfaces() -> Iterator[LocalAddress]:
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            # An IPv6 address comes as (address, flow info, scope).
            address = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            yield LocalAddress(address.partition("%")[0], entry.network_prefix, adapter.nice_name)


def on_link_networks() -> tuple[Network, ...]:
    """The networks that this machine has an address in."""
    return tuple(dict.fromkeys(entry.network for entry in local_addresses()))


def reachable_addresses() -> tuple[str, ...]:
    """The addresses to tell a person: those that others reach, or loopback where there is nothing else."""
    addresses = tuple(entry.address for entry in local_addresses() if entry.is_reachable_from_elsewhere)
    return addresses or ("127.0.0.1",)


def host_names() -> tuple[str, ...]:
    """The names under which this machine knows itself, without asking the network."""
    return tuple(dict.fromkeys(("localhost", socket.gethostname())))
