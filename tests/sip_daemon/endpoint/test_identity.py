from __future__ import annotations

import ipaddress

import pytest

from sip_daemon.endpoint import Identity
from sip_daemon.endpoint.identity import PeerAddressing
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol

EXTERNAL = "203.0.113.9"


def flow(remote: str, local: str = "192.168.1.2") -> Flow:
    return Flow(TransportProtocol.UDP, TransportAddress(local, 5060), TransportAddress(remote, 5060))


@pytest.mark.parametrize("remote", ["10.1.2.3", "172.31.0.1", "192.168.7.7", "127.0.0.1", "169.254.3.4"])
def test_a_private_peer_is_told_our_local_address(remote: str) -> None:
    """RFC 1918, loopback and link-local."""
    assert PeerAddressing(Identity(external_ip=EXTERNAL)).host_for(flow(remote)) == "192.168.1.2"


def test_a_peer_off_the_lan_is_told_the_external_address() -> None:
    assert PeerAddressing(Identity(external_ip=EXTERNAL)).host_for(flow("198.51.100.1")) == EXTERNAL


def test_without_an_external_address_every_peer_is_told_the_local_one() -> None:
    assert PeerAddressing(Identity()).host_for(flow("198.51.100.1")) == "192.168.1.2"


@pytest.mark.parametrize("remote", ["2001:db8::1", "fd12::1"])
def test_an_external_ipv4_address_says_nothing_to_an_ipv6_peer(remote: str) -> None:
    addressing = PeerAddressing(Identity(external_ip=EXTERNAL))
    assert addressing.host_for(flow(remote, "2001:db8::2")) == "2001:db8::2"


def test_a_public_peer_on_our_own_network_is_told_the_local_address() -> None:
    addressing = PeerAddressing(Identity(external_ip=EXTERNAL))
    assert not addressing.is_local("198.51.100.1")
    addressing.set_on_link((ipaddress.ip_network("198.51.100.0/24"),))
    assert addressing.is_local("198.51.100.1")


def test_further_local_networks_can_be_named() -> None:
    identity = Identity(external_ip=EXTERNAL, local_networks=(ipaddress.ip_network("100.64.0.0/10"),))
    assert PeerAddressing(identity).host_for(flow("100.64.1.1")) == "192.168.1.2"


@pytest.mark.parametrize(("host", "is_local"), [("fd00::1", True), ("fe80::1%eth0", True), ("::1", True), ("x", False)])
def test_unusual_hosts_are_judged_too(host: str, is_local: bool) -> None:
    assert PeerAddressing(Identity()).is_local(host) is is_local
