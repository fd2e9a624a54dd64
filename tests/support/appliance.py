"""A system without programs: a data folder with database and keys, a clock by hand, and people to act as."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.database.models import User
from appliance.folders import DataFolder
from appliance.operations.context import Actor, Appliance, Context, Role
from appliance.passwords import hash_password
from appliance.secret import Secret
from appliance.settings import Settings

PASSWORD = Secret("correct horse battery")
_HASH: list[str] = []


@dataclass
class WallClock:
    """Unix seconds that move only when told to."""

    time: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class Office:
    """A system to operate on."""

    appliance: Appliance
    clock: WallClock

    @classmethod
    def at(cls, path: Path, **environment: str) -> Office:
        folder = DataFolder.at(path)
        folder.create()
        clock = WallClock()
        settings = Settings.from_environment(path, {"GOSIP_SIP_DOMAIN": "phones.example", **environment})
        return cls(Appliance.open(settings, clock), clock)

    @property
    def console(self) -> Context:
        """Whoever runs `gosip` on the machine."""
        return Context.of_command_line(self.appliance)

    def person(self, name: str, role: Role = Role.USER, address: str = "192.0.2.10") -> Context:
        """A person with the password `PASSWORD`, made at the first call."""
        row = User.get_or_none(User.name == name)
        if row is None:
            # Hashing is slow on purpose: once is enough for all tests of a process.
            if not _HASH:
                _HASH.append(hash_password(PASSWORD))
            row = User.create(name=name, password_hash=_HASH[0], role=role, created_at=self.clock())
        return Context(self.appliance, Actor(name, role, row.id), address)

    def admin(self, name: str = "admin") -> Context:
        return self.person(name, Role.ADMIN)
