"""From the text of a setting to its value. Each raises `NotAllowed` with what is allowed, not with what was given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

from appliance.secret import Secret

Network = IPv4Network | IPv6Network

DNS_PORT = 53
HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.?")
EMAIL = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]+\.[^@\s<>,;]+")


class NotAllowed(ValueError):
    """The text is no such value; the message is a sentence that says what is allowed."""


@dataclass(frozen=True, slots=True)
class PortRange:
    """The ports from `first` to `last`, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.first <= port <= self.last

    def slices(self, count: int) -> Iterator[PortRange]:
        """`count` slices of equal size that do not overlap; each starts at an even port, for RTP (RFC 3550 §11)."""
        size = len(self) // count // 2 * 2
        start = self.first + self.first % 2
        for index in range(count):
            first = start + index * size
            yield PortRange(first, min(first + size - 1, self.last))


@dataclass(frozen=True, slots=True)
class NeverBan:
    """Whom the defence of `sip` spares."""

    local: bool = True
    """The loopback, and the private networks that this machine is on."""
    networks: tuple[Network, ...] = ()

    def __str__(self) -> str:
        words = (["local"] if self.local else []) + [str(network) for network in self.networks]
        return ", ".join(words) or "none"


def text(value: str) -> str:
    if any(ord(character) < 32 for character in value):
        raise NotAllowed("It must not contain control characters.")
    return value


def secret(value: str) -> Secret:
    return Secret(value)


def boolean(value: str) -> bool:
    match value.strip().lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off" | "":
            return False
    raise NotAllowed("Allowed are true and false (also yes, no, on, off, 1, 0).")


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value.strip()) or not lowest <= int(value) <= highest:
            raise NotAllowed(f"Allowed is a whole number from {lowest} to {highest}.")
        return int(value)

    return parse


port = whole_number(1, 65535)


def port_range(value: str) -> PortRange:
    match = re.fullmatch(r"([0-9]{1,5})\s*-\s*([0-9]{1,5})", value.strip())
    if match is None or not 1024 <= int(match[1]) < int(match[2]) <= 65535:
        raise NotAllowed("Allowed are two ports from 1024 to 65535, the lower one first: 20000-29999.")
    return PortRange(int(match[1]), int(match[2]))


def choice(*allowed: str) -> Callable[[str], str]:
    """One of these words; small and capital letters are the same."""
    by_folded = {word.casefold(): word for word in allowed}

    def parse(value: str) -> str:
        found = by_folded.get(value.strip().casefold())
        if found is None:
            raise NotAllowed(f"Allowed are {', '.join(allowed[:-1])} and {allowed[-1]}.")
        return found

    return parse


def address(value: str) -> str:
    """An IP address in its usual form; empty for none."""
    if not value.strip():
        return ""
    try:
        return str(ip_address(value.strip().strip("[]")))
    except ValueError:
        raise NotAllowed("Allowed is one IPv4 or IPv6 address, without a port.") from None


def host(value: str) -> str:
    """A host name (lower case) or an IP address."""
    name = value.strip().lower()
    try:
        return str(ip_address(name.strip("[]")))
    except ValueError:
        pass
    if not HOST_NAME.fullmatch(name):
        raise NotAllowed("Allowed is a host name such as phones.example.com, or an IP address, without a port.")
    return name.rstrip(".")


def optional_host(value: str) -> str:
    return host(value) if value.strip() else ""


def hosts(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(host(part) for part in split(value)))


def networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(dict.fromkeys(ip_network(part, strict=False) for part in split(value)))
    except ValueError:
        raise NotAllowed("Allowed are networks separated by commas: 192.0.2.0/24, 2001:db8::/32.") from None


@dataclass(frozen=True, slots=True)
class Server:
    """The address of a server and its port."""

    address: str
    port: int

    def __str__(self) -> str:
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return shown if self.port == DNS_PORT else f"{shown}:{self.port}"


def name_servers(value: str) -> tuple[Server, ...]:
    """Addresses of name servers; the port is 53 unless one is given."""
    return tuple(dict.fromkeys(name_server(part) for part in split(value)))


def name_server(text: str) -> Server:
    # A bare IPv6 address has colons of its own; with a port it stands in brackets.
    host, port = text, ""
    if text.startswith("[") or text.count(":") == 1:
        host, _, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    try:
        server = Server(str(ip_address(host.strip("[]"))), int(port) if port else DNS_PORT)
    except ValueError:
        server = Server("", 0)
    if not 1 <= server.port <= 65535:
        raise NotAllowed("Allowed are addresses separated by commas: 192.0.2.53, 192.0.2.54:5353, [2001:db8::53]:5353.")
    return server


def never_ban(value: str) -> NeverBan:
    parts = [part.casefold() for part in split(value)]
    if not parts or parts == ["none"]:
        return NeverBan(local=not parts)
    try:
        return NeverBan("local" in parts, networks(" ".join(part for part in parts if part != "local")))
    except NotAllowed:
        raise NotAllowed("Allowed are local, networks such as 192.0.2.0/24 and 2001:db8::/32, or none.") from None


def words(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(split(text(value))))


def split(value: str) -> list[str]:
    return [part for part in re.split(r"[,\s]+", value) if part]


def file(value: str) -> str:
    """An absolute path, or none. Whether it can be read is found out when it is used."""
    if value and not Path(text(value)).is_absolute():
        raise NotAllowed("Allowed is an absolute path: /etc/ssl/phones.pem.")
    return value


def email(value: str) -> str:
    if value.strip() and not EMAIL.fullmatch(value.strip()):
        raise NotAllowed("Allowed is one e-mail address.")
    return value.strip()


def database_url(value: str) -> str:
    """Only SQLite for now: another engine is offered when the whole test suite runs on it."""
    if value in ("", "sqlite:", "sqlite://"):
        return ""
    if value.partition(":")[0] in ("postgresql", "postgres"):
        raise NotAllowed(
            "PostgreSQL is not supported yet: this version is tested on SQLite only. Leave the variable unset; "
            "the database is then the file gosip.sqlite3 in the data folder."
        )
    raise NotAllowed("Leave the variable unset: the database is the SQLite file gosip.sqlite3 in the data folder.")
