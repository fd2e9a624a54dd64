"""The navigation of a signed-in person: what the role may open, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request, url_for
from flask_babel import gettext

from flask_admin_ui.security.access import viewer


@dataclass(frozen=True, slots=True)
class Item:
    title: str
    icon: str
    address: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    items: tuple[Item, ...]


def menu() -> list[Group]:
    """The groups of the sidebar, for the viewer of this request."""
    if not viewer().is_admin:
        return [
            Group(
                "",
                (
                    item(gettext("My phones"), "device-landline-phone", "devices.index", "devices."),
                    item(gettext("Live calls"), "phone-calling", "calls.live"),
                    item(gettext("My calls"), "history", "calls.history", "calls.show"),
                    item(gettext("My account"), "user-circle", "account.show", "account."),
                ),
            )
        ]
    return [
        Group(
            "",
            (
                item(gettext("Dashboard"), "dashboard", "dashboard.show"),
                item(gettext("Phones"), "device-landline-phone", "devices.index", "devices."),
                item(gettext("Live calls"), "phone-calling", "calls.live"),
                item(gettext("Call history"), "history", "calls.history", "calls.show"),
            ),
        ),
        Group(
            gettext("Manage"),
            (
                item(gettext("Users"), "users", "users.index", "users."),
                item(gettext("Settings"), "adjustments-horizontal", "system.settings"),
                item(gettext("Certificate"), "shield-check", "certificates.show", "certificates."),
                item(gettext("Processes"), "server", "system.processes"),
                item(gettext("Banned addresses"), "lock", "bans.index"),
                item(gettext("SIP messages"), "search", "messages.system"),
                item(gettext("Events"), "activity", "system.events"),
                item(gettext("Audit log"), "shield-check", "system.audit"),
                item(gettext("My account"), "user-circle", "account.show", "account."),
            ),
        ),
    ]


def item(title: str, icon: str, endpoint: str, family: str | None = None) -> Item:
    """`family` is the beginning of the endpoints that belong under this item too."""
    current = request.endpoint or ""
    is_current = current == endpoint or (family is not None and current.startswith(family))
    return Item(title, icon, url_for(endpoint), is_current)
