"""Who asks for something, from where, and on which system."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.control.client import ControlClient
from appliance.control.errors import ControlError
from appliance.database.connection import open_database
from appliance.database.models import Config
from appliance.database.transactions import write_transaction
from appliance.errors import Forbidden
from appliance.folders import DataFolder
from appliance.secretbox import Purpose, SecretBox, ensure_key_file
from appliance.settings import Settings

NUDGE_SECONDS = 1.0
ADMIN_ONLY = "Only an administrator may do that."


class Role(StrEnum):
    """What a person may do."""

    ADMIN = "admin"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something."""

    name: str
    role: Role
    user_id: int | None = None
    """None for those who are no user: the command line and the system itself."""


COMMAND_LINE = Actor("gosip", Role.ADMIN)
"""Whoever may run `gosip` on this machine owns it."""
NOBODY = Actor("", Role.USER)
"""Somebody who has not signed in."""


@dataclass(frozen=True, slots=True)
class Appliance:
    """One system: its settings, database and keys. Made by `Appliance.open`, once in a process."""

    settings: Settings
    realm: str
    """The digest realm, as stored at the first start."""
    now: Callable[[], float] = field(default=time.time, repr=False)
    """Unix seconds."""

    @classmethod
    def open(cls, settings: Settings, now: Callable[[], float] = time.time) -> Appliance:
        """Open the system of a data folder, making what a first start makes: key, database and realm."""
        ensure_key_file(settings.folder.secret_key)
        open_database(settings.folder.database)
        return cls(settings, ensure_realm(settings), now)

    @property
    def folder(self) -> DataFolder:
        return self.settings.folder

    def box(self, purpose: Purpose) -> SecretBox:
        """The secret box of that purpose. Raises `KeyUnusable`."""
        return SecretBox.at(self.folder.secret_key, purpose)

    def nudge(self, revision: int) -> None:
        """Tell `sip` that the configuration changed. It may fail: a daemon that hears nothing looks by itself."""
        try:
            ControlClient(self.folder.sip_socket, timeout=NUDGE_SECONDS).call("nudge", {"revision": revision})
        except ControlError:
            pass


@dataclass(frozen=True, slots=True)
class Context:
    """What every operation takes first."""

    appliance: Appliance
    actor: Actor
    source: str
    """The address that the request came from, `cli`, or `system`."""

    @classmethod
    def of_command_line(cls, appliance: Appliance) -> Context:
        return cls(appliance, COMMAND_LINE, "cli")

    @property
    def now(self) -> float:
        return self.appliance.now()

    @property
    def is_admin(self) -> bool:
        return self.actor.role is Role.ADMIN

    def require_admin(self) -> None:
        """Raises `Forbidden`."""
        if not self.is_admin:
            raise Forbidden(ADMIN_ONLY)


def ensure_realm(settings: Settings) -> str:
    """The digest realm: the SIP domain of the first start, for ever, since every stored HA1 contains it."""
    stored: str | None = Config.get_by_id(1).realm
    if stored:
        return stored
    with write_transaction():
        Config.update(realm=settings.sip_domain).where(Config.realm.is_null()).execute()
        return str(Config.get_by_id(1).realm)
