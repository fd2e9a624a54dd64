"""Who we are to a peer: our product name, and the address by which this very peer reaches us."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from sip_daemon.flow import Flow
from sip_daemon.transport import Network

PRIVATE_NETWORKS: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",  # RFC 1918
        "127.0.0.0/8",
        "::1/128",  # loopback
        "169.254.0.0/16",
        "fe80::/10",  # link-local
        "fc00::/7",  # unique local, RFC 4193
    )
)
CACHED_HOSTS = 4096


@dataclass(frozen=True, slots=True)
class Identity:
    """What the endpoint says of itself."""

    user_agent: str = "GoSIP"
    """For User-Agent and Server."""
    external_ip: str | None = None
    """The address by which peers off the LAN reach us through a NAT; it speaks for its own family only."""
    local_networks: tuple[Network, ...] = ()
    """Networks reached without the NAT besides the private ones and those that we are on (a VPN, a second site)."""


class PeerAddressing:
    """Decides which of our addresses stands in a Via, Contact or SDP for a given peer."""

    def __init__(self, identity: Identity) -> None:
        self._external_ip = identity.external_ip
        self._external_is_ipv6 = ":" in (identity.external_ip or "")
        self._fixed = PRIVATE_NETWORKS + identity.local_networks
        self._on_link: tuple[Network, ...] = ()
        self._cache: dict[str, bool] = {}

    def set_on_link(self, networks: tuple[Network, ...]) -> None:
        """The networks that this machine is on have changed."""
        if networks is not self._on_link:
            self._on_link = networks
            self._cache.clear()

    def is_local(self, host: str) -> bool:
        """Whether a peer at `host` reaches our own addresses without the NAT."""
        known = self._cache.get(host)
        if known is None:
            if len(self._cache) >= CACHED_HOSTS:
                self._cache.clear()
            known = self._cache[host] = self._lies_within(host)
        return known

    def _lies_within(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return any(address in network for network in (*self._fixed, *self._on_link))

    def host_for(self, flow: Flow) -> str:
        """The address of ours that the peer of `flow` is told."""
        external = self._external_ip
        if external is None or self._external_is_ipv6 is not flow.local.is_ipv6 or self.is_local(flow.remote.host):
            # The zone of a link-local address means nothing to the peer (RFC 4007 §11.2).
            return flow.local.host.partition("%")[0]
        return external
