"""The sources that the phone system keeps out: asked of the daemon, which makes and ends bans by itself too."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from appliance.control.errors import CONFLICT, NOT_FOUND, CallRefused
from appliance.errors import Conflict, Invalid, NotFound
from appliance.operations import audit
from appliance.operations.context import Context
from appliance.operations.live import all_rows, daemon

NO_SOURCE = "Allowed is one IPv4 address, or an IPv6 address or its /64: 203.0.113.5, 2001:db8:1:2::/64."
LONGEST_SECONDS = 10 * 365 * 86_400
NO_DURATION = "Allowed are 1 second to ten years."
MAX_NOTE = 200
NOTE_TOO_LONG = f"At most {MAX_NOTE} characters."
NOT_BANNED = "{source} is not banned."


def list_bans(context: Context) -> list[dict[str, Any]]:
    """All that are banned, muted or slowed down; for administrators. Raises `NotReachable`."""
    context.require_admin()
    return all_rows(context, "ban.list", "bans")


def add_ban(
    context: Context, source: str, *, seconds: int | None = None, note: str = "", force: bool = False
) -> dict[str, Any]:
    """Keep an address out: for good, or for `seconds`.

    Raises `Invalid`; `Conflict` where phones are registered from it or its network is trusted, unless `force` says
    that this is meant; `NotReachable`.
    """
    context.require_admin()
    errors = {}
    if not is_source(source):
        errors["source"] = NO_SOURCE
    if seconds is not None and not 1 <= seconds <= LONGEST_SECONDS:
        errors["seconds"] = NO_DURATION
    if len(note) > MAX_NOTE:
        errors["note"] = NOTE_TOO_LONG
    if errors:
        raise Invalid(errors)
    wanted = {"source": source, "seconds": seconds or 0, "note": note, "force": force}
    try:
        ban: dict[str, Any] = daemon(context).call("ban.add", wanted)
    except CallRefused as error:
        if error.code == CONFLICT:
            raise Conflict(str(error), field="source") from error
        raise
    audit.note(context, "ban.add", ban["source"], seconds=seconds, note=note, force=force)
    return ban


def remove_ban(context: Context, source: str) -> str:
    """Let an address in again; how it is written in the list. Raises `NotFound` or `NotReachable`."""
    context.require_admin()
    try:
        removed: str = daemon(context).call("ban.remove", {"source": source})["source"]
    except CallRefused as error:
        if error.code == NOT_FOUND:
            raise NotFound(NOT_BANNED.format(source=source)) from error
        raise
    audit.note(context, "ban.remove", removed)
    return removed


def is_source(text: str) -> bool:
    """Whether it can be banned: one address, or an IPv6 /64."""
    try:
        network = ip_network(text.strip().strip("[]"), strict=False)
    except ValueError:
        return False
    return network.prefixlen == network.max_prefixlen or (network.version == 6 and network.prefixlen == 64)
