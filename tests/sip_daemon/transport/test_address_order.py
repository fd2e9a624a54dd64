"""RFC 6724 §6, the rules that decide between the addresses of one SIP server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sip_daemon.errors import TransportError
from sip_daemon.flow import TransportAddress
from sip_daemon.transport.address_order import in_order


def sources(four: str | None, six: str | None) -> Callable[[TransportAddress], str]:
    """A machine with these addresses."""

    def source_of(remote: TransportAddress) -> str:
        source = six if remote.is_ipv6 else four
        if source is None:
            raise TransportError("no route")
        return source

    return source_of


@pytest.mark.parametrize(
    ("four", "six", "addresses", "expected"),
    [
        ("192.0.2.1", "2001:db8::1", ["198.51.100.7", "2001:db8:1::7"], ["2001:db8:1::7", "198.51.100.7"]),
        ("192.0.2.1", None, ["2001:db8:1::7", "198.51.100.7"], ["198.51.100.7"]),
        (None, "2001:db8::1", ["198.51.100.7", "2001:db8:1::7"], ["2001:db8:1::7"]),
        ("192.0.2.1", "fd00::1", ["2001:db8:1::7", "198.51.100.7"], ["198.51.100.7", "2001:db8:1::7"]),
        ("192.0.2.1", "fd00::1", ["198.51.100.7", "fd00::7"], ["198.51.100.7", "fd00::7"]),
        ("192.0.2.1", "2001:db8::1", ["2002:c000:204::7", "198.51.100.7"], ["198.51.100.7", "2002:c000:204::7"]),
        (None, None, ["198.51.100.7", "2001:db8:1::7"], ["198.51.100.7", "2001:db8:1::7"]),
        ("192.0.2.1", "2001:db8::1", ["198.51.100.9", "198.51.100.7"], ["198.51.100.9", "198.51.100.7"]),
    ],
    ids=[
        "IPv6 is preferred where both work (rule 6)",
        "an address without a route is left out (rule 1)",
        "so is an IPv4 one",
        "a unique local address of ours is no way into the world (rule 5)",
        "IPv4 goes before unique local addresses (rule 6)",
        "6to4 comes last (rules 5 and 6)",
        "without any route nothing is left out: the attempt tells why",
        "equals keep the order of the answer (rule 10)",
    ],
)
def test_order(four: str | None, six: str | None, addresses: list[str], expected: list[str]) -> None:
    assert in_order(addresses, sources(four, six)) == expected
