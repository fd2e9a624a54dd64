"""What the daemon knows of extensions and devices: an immutable snapshot of the configuration.

Signalling reads a `Directory` in memory and never the database. `store` builds a new one from the changed rows
and swaps it; nobody edits one in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Device:
    """One phone: it registers under `username` and rings for its extension."""

    id: int
    username: str
    extension: str
    """The number of the extension it belongs to."""
    label: str
    ha1_md5: str = field(repr=False)
    """MD5(username:realm:password) as 32 lower-case hexadecimal digits (RFC 8760)."""
    ha1_sha256: str = field(repr=False)
    """The same with SHA-256, 64 digits."""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Extension:
    """A number that people dial. It rings all of its devices."""

    id: int
    number: str
    name: str
    """Display name of the owner, shown to the called party."""
    devices: tuple[str, ...] = ()
    """Usernames of its enabled devices."""
    enabled: bool = True
    ring_seconds: int = 30


@dataclass(frozen=True, slots=True)
class Directory:
    """All of it at one revision."""

    revision: int
    realm: str
    """Digest realm; stored once, it never follows the domain."""
    domains: frozenset[str]
    """Lower-case names and addresses under which we are addressed; the local addresses are added by `daemon`."""
    devices: Mapping[str, Device] = field(default_factory=lambda: MappingProxyType({}))
    """By username."""
    extensions: Mapping[str, Extension] = field(default_factory=lambda: MappingProxyType({}))
    """By number."""
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Extension number by case-folded owner name and by device username, so that people can be dialled by name."""

    def device(self, username: str) -> Device | None:
        """The enabled device of that name."""
        device = self.devices.get(username)
        return device if device is not None and device.enabled else None

    def extension(self, dialled: str) -> Extension | None:
        """The extension of that number or name."""
        found = self.extensions.get(dialled)
        if found is None:
            number = self.names.get(dialled.casefold())
            found = self.extensions.get(number) if number is not None else None
        return found if found is not None and found.enabled else None
