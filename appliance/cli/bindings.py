"""`gosip binding`: which device can be reached where."""

from __future__ import annotations

import click

from appliance.cli.common import open_context, print_json, table, verb_options, yes_no
from appliance.operations.devices import get_device
from appliance.operations.live import live_bindings


@click.group()
def binding() -> None:
    """Registrations: which device can be reached where."""


@binding.command(name="list")
@click.argument("usernames", metavar="[USERNAME]...", nargs=-1)
@verb_options
def list_(usernames: tuple[str, ...], data_dir: str | None, as_json: bool) -> None:
    """List the registered devices with their addresses; all of them, or those with these USERNAMEs.

    \b
    gosip binding list
    gosip binding list 201 201-2
    gosip binding list --json | jq -r '.bindings[].remote'

    Exit codes: 0; 1 there is no such device; 3 the system does not run.
    """
    context = open_context(data_dir)
    for username in usernames:
        get_device(context, username)  # so that a misspelt name is not taken for a phone that is offline
    bindings = live_bindings(context, list(usernames) or None)
    if as_json:
        print_json({"bindings": bindings, "total": len(bindings)})
        return
    rows = (
        (
            str(entry["extension"]),
            str(entry["username"]),
            str(entry["transport"]),
            str(entry["remote"]),
            f"{entry['expires_in']:.0f} s",
            f"no: {entry['trouble']}" if entry.get("trouble") else yes_no(entry["reachable"]),
            str(entry["user_agent"] or ""),
        )
        for entry in bindings
    )
    table(("NUMBER", "USERNAME", "BY", "FROM", "EXPIRES IN", "REACHABLE", "PHONE"), rows)
