"""`gosip ban`: the addresses that are kept out."""

from __future__ import annotations

import re
from typing import Any

import click

from appliance.cli.common import moment, open_context, print_json, table, verb_options
from appliance.operations.bans import add_ban, list_bans, remove_ban

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """`90s`, `30m`, `12h` or `7d`; a bare number is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int:
        match = re.fullmatch(r"([0-9]{1,9})([smhd]?)", str(value))
        if match is None:
            self.fail("Write a time as 90s, 30m, 12h or 7d.", param, context)
        return int(match[1]) * UNITS[match[2] or "s"]


@click.group()
def ban() -> None:
    """Banned addresses: who is kept out, and why."""


@ban.command(name="list")
@verb_options
def list_(data_dir: str | None, as_json: bool) -> None:
    """List the addresses that are banned, muted or slowed down, with the reason and until when.

    banned: proven wrongdoing, or by hand. muted: for half a minute, since a datagram's address may be forged. slowed:
    phones are registered from there, or the network is trusted, so that only strangers' tries are rationed.

    \b
    gosip ban list
    gosip ban list --json | jq -r '.items[].source'

    Exit codes: 0; 3 the system does not run.
    """
    bans = list_bans(open_context(data_dir))
    if as_json:
        print_json({"items": bans, "total": len(bans)})
        return
    rows = (
        (
            str(entry["source"]),
            str(entry["state"]),
            str(entry["reason"]),
            moment(entry["since"]),
            moment(entry["until"]) or "for good",
            str(entry["blocked"]),
            str(entry["note"]),
        )
        for entry in bans
    )
    table(("ADDRESS", "STATE", "REASON", "SINCE", "UNTIL", "TURNED AWAY", "NOTE"), rows)


@ban.command()
@click.argument("address")
@click.option("--for", "seconds", type=Duration(), help="How long: 90s, 30m, 12h, 7d. For good unless given.")
@click.option("--note", default="", help="Why, for whoever reads the list.")
@click.option("--force", is_flag=True, help="Also when phones are registered from there.")
@verb_options
def add(address: str, seconds: int | None, note: str, force: bool, data_dir: str | None, as_json: bool) -> None:
    """Ban ADDRESS: an IPv4 address, or an IPv6 address with its whole /64.

    It gets no answer on UDP and no connection. An address from which phones are registered, or in a network that is
    never banned (`gosip config get never_ban`), is refused unless --force is given.

    \b
    gosip ban add 203.0.113.5 --note "calls at night"
    gosip ban add 2001:db8:1:2::/64 --for 7d

    Exit codes: 0 banned; 1 refused; 2 wrong usage; 3 the system does not run.
    """
    made = add_ban(open_context(data_dir), address, seconds=seconds, note=note, force=force)
    if as_json:
        print_json(made)
    else:
        click.echo(f"Banned {made['source']} until {moment(made['until']) or 'somebody ends it'}.")


@ban.command()
@click.argument("address")
@verb_options
def remove(address: str, data_dir: str | None, as_json: bool) -> None:
    """Let ADDRESS in again, and forget what it did.

    \b
    gosip ban remove 203.0.113.5

    Exit codes: 0 let in; 1 it was not banned; 3 the system does not run.
    """
    removed = remove_ban(open_context(data_dir), address)
    if as_json:
        print_json({"removed": removed})
    else:
        click.echo(f"{removed} is let in again.")
