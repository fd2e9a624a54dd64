"""Who is never banned: the sources of registered phones, and the networks that are trusted.

The rule: nothing is kept up to date for this while nobody attacks. Where the phones are is read from the location table
when a decision needs it, and not more often than every few seconds; who registers in between is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from sip_daemon.flow import Flow, TransportAddress, source_of
from sip_daemon.registrar import Binding

Network = IPv4Network | IPv6Network


class Neighbours:
    """Asked by the defence and by what sheds load. `bindings` gives all registered contacts."""

    def __init__(
        self,
        bindings: Callable[[], Iterable[Binding]],
        *,
        on_link: Callable[[], Iterable[Network]] = tuple,
        refresh_seconds: float = 5.0,
    ) -> None:
        self._bindings = bindings
        self._on_link = on_link
        self._refresh_seconds = refresh_seconds
        self._read_at = float("-inf")
        self._sources: set[str] = set()
        self._remotes: set[TransportAddress] = set()
        self._networks: tuple[Network, ...] = ()
        self._trusts_local = True

    def trust(self, networks: Iterable[Network], *, local: bool) -> None:
        """These networks, and with `local` the private ones that this machine is on."""
        self._networks, self._trusts_local = tuple(networks), local

    def is_trusted(self, host: str) -> bool:
        """Whether it is in a network that is never banned."""
        address = parsed(host)
        if self._trusts_local and (address.is_loopback or address.is_link_local):
            return True
        if any(address in network for network in self._networks):
            return True
        return self._trusts_local and address.is_private and any(address in one for one in self._on_link())

    def has_phone(self, host: str, now: float) -> bool:
        """Whether a phone is registered from that source."""
        self._refresh(now)
        return source_of(host) in self._sources

    def is_phone(self, flow: Flow, now: float) -> bool:
        """Whether it comes from the very socket of a registered phone."""
        self._refresh(now)
        return flow.remote in self._remotes

    def arrived(self, flow: Flow) -> None:
        """A phone has just shown good credentials there."""
        self._sources.add(source_of(flow.remote.host))
        self._remotes.add(flow.remote)

    def _refresh(self, now: float) -> None:
        if now - self._read_at < self._refresh_seconds:
            return
        self._read_at = now
        self._remotes = {binding.flow.remote for binding in self._bindings()}
        self._sources = {source_of(remote.host) for remote in self._remotes}


@lru_cache(maxsize=1024)
def parsed(host: str) -> IPv4Address | IPv6Address:
    return ip_address(host.partition("%")[0])
