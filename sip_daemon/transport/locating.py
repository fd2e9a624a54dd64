"""Where to send a request that no flow leads to: RFC 3263 §4, with SRV weights of RFC 2782 and both address families
of RFC 7984.

The rule: an address in a URI asks nobody. What is found is an ordered list of targets, the best first; trying them is
the caller's business. Questions that are under way are shared, and only so many are asked at once.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sip_daemon.errors import TransportError
from sip_daemon.flow import TransportAddress, TransportProtocol
from sip_daemon.message import Uri
from sip_daemon.transport.address_order import in_order
from sip_daemon.transport.resolver import Lookup, Srv, is_somebodys, what_was_found

MAX_TARGETS: Final = 12
"""Addresses that one request may be tried at."""
MAX_SERVERS: Final = 8
"""SRV records whose addresses are asked for."""
MAX_QUESTIONS: Final = 16
"""URIs looked up at the same time; ten times as many may wait."""
LOCATE_SECONDS: Final = 6.0
"""For all questions about one URI together."""
DEFAULT_PORTS: Final = {TransportProtocol.TLS: 5061, TransportProtocol.WS: 80, TransportProtocol.WSS: 443}

PLAIN: Final = (TransportProtocol.UDP, TransportProtocol.TCP)
"""What SIP can go over in the clear, in the order of our preference where DNS states none."""
SERVICES: Final = {
    "SIP+D2U": TransportProtocol.UDP,
    "SIP+D2T": TransportProtocol.TCP,
    "SIPS+D2T": TransportProtocol.TLS,
}
"""NAPTR services (RFC 3263 §4.1)."""
SRV_PREFIXES: Final = {
    TransportProtocol.UDP: "_sip._udp.",
    TransportProtocol.TCP: "_sip._tcp.",
    TransportProtocol.TLS: "_sips._tcp.",
}


@dataclass(frozen=True, slots=True)
class Target:
    """One place to send a request to."""

    transport: TransportProtocol
    address: TransportAddress

    def __str__(self) -> str:
        return f"{self.transport.lower()}:{self.address}"


class Locator:
    """Turns SIP URIs into targets. `source_of` gives the local address that leads to a remote one, or raises
    `TransportError`; `supported` are the transports that we can open."""

    def __init__(
        self,
        lookup: Lookup,
        source_of: Callable[[TransportAddress], str],
        *,
        supported: Sequence[TransportProtocol] = PLAIN,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._lookup = lookup
        self._source_of = source_of
        self._supported = tuple(supported)
        self._chance = chance
        self._under_way: dict[str, asyncio.Task[tuple[Target, ...]]] = {}
        self._turns = asyncio.Semaphore(MAX_QUESTIONS)

    async def locate(self, uri: Uri) -> tuple[Target, ...]:
        """The targets of `uri`, at least one. Raises `TransportError` with the reason in words."""
        transport = self._transport_of(uri)
        host = (uri.parameters.get("maddr") or uri.host).strip("[]")
        if is_literal(host):
            return (self._literal(uri, host, transport),)
        key = f"{uri.scheme}:{host.lower()}:{uri.port}:{transport}"
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= 11 * MAX_QUESTIONS:
                raise TransportError(f"{host} is not looked up: too many names are asked for already")
            task = asyncio.create_task(self._ask(uri, host, transport))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        # Whoever gives up must not take the answer from the others.
        return await asyncio.shield(task)

    def close(self) -> None:
        """Give up what is under way."""
        for task in list(self._under_way.values()):
            task.cancel()

    def _finished(self, key: str, task: asyncio.Task[tuple[Target, ...]]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # Seen, though whoever asked may have gone.

    def _transport_of(self, uri: Uri) -> TransportProtocol | None:
        """The one that the URI names (RFC 3263 §4.1); None where it leaves the choice to us."""
        if not uri.is_sip:
            raise TransportError(f"a {uri.scheme}: URI names no place in the network")
        named = uri.transport
        if named is None:
            wanted = TransportProtocol.TLS if uri.is_sips else None
        else:
            wanted = {one.lower(): one for one in TransportProtocol}.get(named)
            if wanted is None:
                raise TransportError("the transport that the URI names is not known")
            if uri.is_sips and wanted is TransportProtocol.TCP:
                wanted = TransportProtocol.TLS  # RFC 3261 §26.2.2: sips with transport=tcp is TLS over TCP
        if wanted is not None and wanted not in self._supported:
            raise TransportError(f"{wanted} connections cannot be opened")
        if uri.is_sips and (wanted is None or not wanted.is_secure):
            raise TransportError(f"sips: does not go over {wanted}")
        return wanted

    def _literal(self, uri: Uri, host: str, transport: TransportProtocol | None) -> Target:
        if not is_somebodys(host):
            raise TransportError("the URI names an address that no single host has")
        transport = transport or PLAIN[0]
        return Target(transport, TransportAddress(host, uri.port or default_port(transport)))

    async def _ask(self, uri: Uri, host: str, transport: TransportProtocol | None) -> tuple[Target, ...]:
        async with self._turns:
            try:
                async with asyncio.timeout(LOCATE_SECONDS):
                    found = await self._find(uri, host, transport)
            except TimeoutError:
                raise TransportError(f"{host} could not be looked up within {LOCATE_SECONDS:.0f} s") from None
        if not found:
            raise TransportError(f"{host} has no address")
        return tuple(dict.fromkeys(found))[:MAX_TARGETS]

    async def _find(self, uri: Uri, host: str, transport: TransportProtocol | None) -> list[Target]:
        if uri.port is not None:
            # RFC 3263 §4.2: a port rules SRV out.
            return await self._at(host, transport or PLAIN[0], uri.port)
        found = await self._by_service(host, transport)
        if found is None:
            transport = transport or PLAIN[0]
            return await self._at(host, transport, default_port(transport))
        return found

    async def _by_service(self, host: str, transport: TransportProtocol | None) -> list[Target] | None:
        """What SRV records say; None when there are none. NAPTR tells which count; without it, all that we can do."""
        usual = [
            one for one in ((transport,) if transport else PLAIN) if one in SRV_PREFIXES and one in self._supported
        ]
        # Asked for at the same time: a domain without NAPTR, the common case, then costs one round trip.
        services, servers = await asyncio.gather(
            self._services(host) if transport is None else nothing(),
            self._servers([(one, SRV_PREFIXES[one] + host) for one in usual]),
        )
        if services:
            servers = await self._servers(services[:MAX_SERVERS])
        return await self._places(servers[:MAX_SERVERS]) if servers else None

    async def _places(self, servers: Iterable[tuple[TransportProtocol, Srv]]) -> list[Target]:
        """The addresses of the servers, in their order. One name that cannot be looked up does not matter."""
        asked = [self._at(server.target, transport, server.port) for transport, server in servers]
        return what_was_found(await asyncio.gather(*asked, return_exceptions=True))

    async def _servers(self, services: Iterable[tuple[TransportProtocol, str]]) -> list[tuple[TransportProtocol, Srv]]:
        """The servers of each service, in the order of their weights."""
        services = list(services)
        answers = await asyncio.gather(*(self._lookup.srv(name) for _, name in services))
        return [
            (transport, server)
            for (transport, _), records in zip(services, answers, strict=True)
            for server in by_weight(records, self._chance)
        ]

    async def _services(self, host: str) -> list[tuple[TransportProtocol, str]]:
        """What the domain offers and we can do, in the domain's order (RFC 3263 §4.1)."""
        try:
            records = await self._lookup.naptr(host)
        except TransportError:
            return []  # there are name servers that never heard of NAPTR; SRV decides then
        return [
            (SERVICES[record.service], record.replacement)
            for record in records
            if record.replacement and SERVICES.get(record.service) in self._supported
        ]

    async def _at(self, host: str, transport: TransportProtocol, port: int) -> list[Target]:
        if is_literal(host):
            return []  # RFC 2782 wants a name there
        addresses = in_order(await self._lookup.addresses(host), self._source_of)
        return [Target(transport, TransportAddress(address, port)) for address in addresses]


def by_weight(records: Iterable[Srv], chance: Callable[[], float]) -> list[Srv]:
    """The order in which servers are tried: by priority, within one by lot with their weights (RFC 2782).

    `chance` gives numbers from 0 to below 1.
    """
    waiting = sorted(records, key=lambda one: (one.priority, one.weight > 0))
    ordered: list[Srv] = []
    while waiting:
        equals = [one for one in waiting if one.priority == waiting[0].priority]
        # Those of weight 0 stand first, so that a lot of 0 can draw them ("a very small chance").
        lot = chance() * sum(one.weight for one in equals)
        total = 0
        for chosen in equals:
            total += chosen.weight
            if total >= lot:
                break
        ordered.append(chosen)
        waiting.remove(chosen)
    return ordered


async def nothing() -> list[tuple[TransportProtocol, str]]:
    """The answer to a question that need not be asked."""
    return []


def default_port(transport: TransportProtocol) -> int:
    return DEFAULT_PORTS.get(transport, 5060)


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
