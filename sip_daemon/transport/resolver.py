"""Questions to the domain name system, asked without blocking the loop: what `locating` needs to know and no more.

The rule: an answer is never taken on trust. Names are bounded, addresses that can be nobody's are left out, and every
failure is one `TransportError` with a reason in words; that a name has no such record is an empty answer.

dnspython does the asking: servers tried in turn, TCP after a truncated answer, CNAME, EDNS, random ids and ports, and
a bounded cache by the records' own TTL, for "no such name" too (RFC 2308). It is imported at the first question: a site
whose phones all register here never pays for it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sip_daemon.errors import TransportError
from sip_daemon.flow import TransportAddress

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

logger = logging.getLogger("sip_daemon.transport")

Found = TypeVar("Found")

MAX_RECORDS = 16
"""Of one answer; a service with more servers than that has enough of them."""
CACHED_ANSWERS = 1024
FAILURE_SECONDS = 5.0
"""How long a failed question is not asked again (RFC 9520 §3.2 wants at least one second)."""
LOOK_AGAIN_SECONDS = 10.0
"""How often the files of the system's resolver are looked at: laptops and DHCP change them."""
QUERY_SECONDS = 1.5
"""For one question to one server."""


@dataclass(frozen=True, slots=True)
class Naptr:
    """One NAPTR record (RFC 3403 §4.1) of those that matter to SIP: flag "s", no regular expression."""

    order: int
    preference: int
    service: str
    """In upper case, e.g. SIP+D2U."""
    replacement: str
    """The name of SRV records."""


@dataclass(frozen=True, slots=True)
class Srv:
    """One SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


class Lookup(Protocol):
    """What is asked. Each raises `TransportError` when no answer can be had."""

    async def naptr(self, name: str) -> tuple[Naptr, ...]: ...
    async def srv(self, name: str) -> tuple[Srv, ...]: ...
    async def addresses(self, name: str) -> tuple[str, ...]:
        """IPv6 ones first."""
        ...


@dataclass(frozen=True, slots=True)
class ResolverFiles:
    """Where the system says how names are looked up."""

    resolv_conf: Path = Path("/etc/resolv.conf")
    hosts: Path = Path("/etc/hosts")


class DnsResolver:
    """A stub resolver: asks `servers`, or those of resolv.conf; /etc/hosts goes before them, as everywhere else."""

    def __init__(
        self,
        servers: Sequence[TransportAddress] = (),
        *,
        files: ResolverFiles | None = None,
        query_seconds: float = QUERY_SECONDS,
        total_seconds: float = 5.0,
    ) -> None:
        self._servers = tuple(servers)
        self._files = files or ResolverFiles()
        self._query_seconds = query_seconds
        self._total_seconds = total_seconds
        self._resolver: Resolver | None = None
        self._hosts: dict[str, tuple[str, ...]] = {}
        self._failures: dict[tuple[str, str], tuple[float, str]] = {}
        self._seen: tuple[float, ...] = ()
        self._look_at = 0.0

    async def naptr(self, name: str) -> tuple[Naptr, ...]:
        found = [
            Naptr(record.order, record.preference, text_of(record.service).upper(), name_of(record.replacement))
            for record in await self._ask(name, "NAPTR")
            if text_of(record.flags).lower() == "s" and not record.regexp
        ]
        return tuple(sorted(found, key=lambda one: (one.order, one.preference)))

    async def srv(self, name: str) -> tuple[Srv, ...]:
        # The target "." says that the service is decidedly not there (RFC 2782).
        return tuple(
            Srv(record.priority, record.weight, record.port, name_of(record.target))
            for record in await self._ask(name, "SRV")
            if record.port and name_of(record.target)
        )

    async def addresses(self, name: str) -> tuple[str, ...]:
        self._look_at_files()
        known = self._hosts.get(name.lower().rstrip("."))
        if known is not None:
            return known
        # One of the two failing is common (servers that never heard of AAAA).
        found = what_was_found(
            await asyncio.gather(self._ask(name, "AAAA"), self._ask(name, "A"), return_exceptions=True)
        )
        return tuple(record.address for record in found if is_somebodys(record.address))

    async def _ask(self, name: str, kind: str) -> list[Any]:
        """The records of that type, at most `MAX_RECORDS`; none when the name has none. Raises `TransportError`."""
        if not name.strip("."):
            raise TransportError("an empty name is looked up nowhere")
        now = time.monotonic()
        failure = self._failures.get((name, kind))
        if failure is not None and now < failure[0]:
            raise TransportError(failure[1])
        try:
            return await self._resolve(name, kind)
        except TransportError as error:
            if len(self._failures) >= CACHED_ANSWERS:
                self._failures.clear()
            self._failures[name, kind] = (now + FAILURE_SECONDS, str(error))
            raise

    async def _resolve(self, name: str, kind: str) -> list[Any]:
        import dns.exception  # see above: at the first question
        import dns.resolver

        resolver = self._resolver_now()
        # A name with a dot is meant as it stands; a bare one gets the search list of this network.
        search = "." not in name.rstrip(".")
        try:
            answer = await resolver.resolve(name if search else name.rstrip(".") + ".", kind, search=search)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.resolver.LifetimeTimeout:
            raise TransportError(f"no name server answers the question for {name} ({kind})") from None
        except dns.resolver.NoNameservers as error:
            raise TransportError(f"no name server can tell about {name} ({kind}): {reason_of(error)}") from None
        except dns.exception.DNSException as error:
            raise TransportError(f"{name} ({kind}) cannot be looked up: {type(error).__name__}") from None
        except (OSError, ValueError) as error:
            raise TransportError(f"{name} ({kind}) cannot be looked up: {error}") from None
        return list(answer)[:MAX_RECORDS]

    def _resolver_now(self) -> Resolver:
        self._look_at_files()
        if self._resolver is None:
            self._resolver = self._make_resolver()
        return self._resolver

    def _make_resolver(self) -> Resolver:
        import dns.asyncresolver
        import dns.exception
        import dns.nameserver
        import dns.resolver

        resolver = dns.asyncresolver.Resolver(configure=False)
        if self._servers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(one.host, one.port) for one in self._servers]
        else:
            try:
                resolver.read_resolv_conf(str(self._files.resolv_conf))
            except (dns.exception.DNSException, OSError):
                raise TransportError(
                    f"{self._files.resolv_conf} names no name server: set one there, or in GOSIP_DNS_SERVERS"
                ) from None
        resolver.timeout, resolver.lifetime = self._query_seconds, self._total_seconds
        resolver.cache = dns.resolver.LRUCache(CACHED_ANSWERS)
        # Larger answers than that get fragmented on the way (DNS flag day 2020); they come by TCP.
        resolver.use_edns(0, 0, 1232)
        return resolver

    def _look_at_files(self) -> None:
        """Forget what was read of files that have changed since."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_AGAIN_SECONDS
        seen = (modified(self._files.resolv_conf), modified(self._files.hosts))
        if seen != self._seen:
            self._seen, self._resolver = seen, None
            self._failures.clear()
            self._hosts = read_hosts(self._files.hosts)


def what_was_found(results: Iterable[Sequence[Found] | BaseException]) -> list[Found]:
    """Of several questions that were asked together. Raises the first failure when nothing was found at all."""
    results = tuple(results)
    found = [one for result in results if not isinstance(result, BaseException) for one in result]
    failure = next((result for result in results if isinstance(result, BaseException)), None)
    try:
        if not found and failure is not None:
            raise failure
    finally:
        del results, failure  # it has this frame in its traceback: no circle is left behind
    return found


def is_somebodys(address: str) -> bool:
    """Whether one host can have it: an answer with a multicast or unspecified address is an error or an attack."""
    ip = ipaddress.ip_address(address)
    return not (ip.is_multicast or ip.is_unspecified or ip.is_link_local or address == "255.255.255.255")


def read_hosts(path: Path) -> dict[str, tuple[str, ...]]:
    """Names of a hosts file (hosts(5)), in lower case, with their addresses; IPv6 first."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, list[str]] = {}
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        try:
            ip = str(ipaddress.ip_address(address))
        except ValueError:
            continue
        for name in names:
            found.setdefault(name.lower(), []).append(ip)
    return {name: tuple(sorted(addresses, key=lambda one: ":" not in one)) for name, addresses in found.items()}


def modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def name_of(name: Any) -> str:
    """A dnspython name without the final dot; "" for the root."""
    return str(name).rstrip(".").lower()


def text_of(value: bytes) -> str:
    return value.decode("ascii", "replace")


def reason_of(error: Any) -> str:
    """What the last server did wrong: dnspython's own text lists them all, addresses and all."""
    errors = error.kwargs.get("errors") or ()
    last = errors[-1][3] if errors else None
    return str(last) if last else "none is configured"
