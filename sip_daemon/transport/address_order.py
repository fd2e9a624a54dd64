"""Which of a host's addresses to try first: RFC 6724 §6, as far as RFC 7984 needs it for SIP.

The rule: the list is asked of nobody else than the routing table. An address that no route leads to is left out, so
that a machine without IPv6 loses no time on it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Final

from sip_daemon.errors import TransportError
from sip_daemon.flow import TransportAddress

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

POLICY: Final = tuple(
    (ipaddress.ip_network(prefix), precedence, label)
    for prefix, precedence, label in (
        ("::1/128", 50, 0),
        ("2002::/16", 30, 2),
        ("2001::/32", 5, 5),
        ("fc00::/7", 3, 13),
        ("::/0", 40, 1),
        ("0.0.0.0/0", 35, 4),
    )
)
"""RFC 6724 §2.1: prefix, precedence, label; the longest prefix of a family stands before the others."""


def in_order(addresses: Sequence[str], source_of: Callable[[TransportAddress], str]) -> list[str]:
    """The addresses that a route leads to, the best first; all of them when no route leads anywhere.

    `source_of` gives our address towards a remote one, or raises `TransportError`.
    """
    ranked: list[tuple[bool, int, str]] = []
    for address in addresses:
        try:
            source = ipaddress.ip_address(source_of(TransportAddress(address, 0)).partition("%")[0])
        except TransportError:
            continue
        precedence, label = policy(ipaddress.ip_address(address))
        # Rule 5, prefer a matching label; rule 6, prefer higher precedence; rule 10, else leave the order.
        ranked.append((policy(source)[1] != label, -precedence, address))
    return [address for _, _, address in sorted(ranked, key=lambda one: one[:2])] or list(addresses)


def policy(ip: Ip) -> tuple[int, int]:
    """Precedence and label of an address."""
    for network, precedence, label in POLICY:
        if ip.version == network.version and ip in network:
            return precedence, label
    raise AssertionError("every address is in one of the networks")
