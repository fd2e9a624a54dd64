"""What this machine knows of its own addresses."""

from __future__ import annotations

from ipaddress import ip_network

from appliance.addresses import LocalAddress, local_addresses, on_link_networks, reachable_addresses


def test_loopback_is_an_address_of_every_machine() -> None:
    assert "127.0.0.1" in {entry.address for entry in local_addresses()}


def test_the_network_of_an_address_follows_its_prefix() -> None:
    assert LocalAddress("192.168.7.9", 24, "eth0").network == ip_network("192.168.7.0/24")
    assert LocalAddress("2001:db8::9", 64, "eth0").network == ip_network("2001:db8::/64")


def test_loopback_and_link_local_addresses_are_not_told_to_others() -> None:
    assert not LocalAddress("127.0.0.1", 8, "lo").is_reachable_from_elsewhere
    assert not LocalAddress("fe80::1", 64, "eth0").is_reachable_from_elsewhere
    assert LocalAddress("10.0.0.5", 8, "eth0").is_reachable_from_elsewhere


def test_there_is_always_an_address_to_tell() -> None:
    assert reachable_addresses()


def test_the_loopback_network_is_on_link() -> None:
    assert ip_network("127.0.0.0/8") in on_link_networks()
