"""`gosip call` and `gosip binding`: what happened, and what happens right now."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import click

from appliance.cli.common import data_dir_option, json_option, moment, open_context, print_json, table
from appliance.operations.context import Context
from appliance.operations.history import STATUSES, CallFilter, CallView, calls_as_csv, list_calls
from appliance.operations.live import hang_up, live_bindings, live_calls
from appliance.operations.paging import DEFAULT_SIZE, MAX_SIZE, PageRequest

MOMENTS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")


@click.group()
def call() -> None:
    """Calls: the history, those that are going on, and ending one."""


@call.command(name="list")
@click.option("--live", is_flag=True, help="The calls that are going on, instead of the history.")
@click.option("--number", default="", help="Only calls from or to exactly this number.")
@click.option("--search", default="", help="Only calls with this text in a number or name.")
@click.option("--status", type=click.Choice(STATUSES), default=None, help="Only calls with this status.")
@click.option("--since", type=click.DateTime(MOMENTS), help="Only calls that began at this local time or later.")
@click.option("--until", type=click.DateTime(MOMENTS), help="Only calls that began before.")
@click.option("--limit", type=click.IntRange(1, MAX_SIZE), default=DEFAULT_SIZE, show_default=True, help="Rows a page.")
@click.option("--page", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Which page.")
@click.option("--csv", "as_csv", is_flag=True, help="All that match, as CSV with times in UTC.")
@data_dir_option
@json_option
def list_(
    live: bool,
    number: str,
    search: str,
    status: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    page: int,
    as_csv: bool,
    data_dir: str | None,
    as_json: bool,
) -> None:
    """List calls, newest first.

    \b
    gosip call list --live
    gosip call list --number 201 --status missed --since 2026-01-31
    gosip call list --csv > calls.csv

    Exit codes: 0; 2 wrong usage; 3 with --live when the system does not run.
    """
    context = open_context(data_dir)
    if live:
        list_live(context, as_json=as_json)
        return
    filters = CallFilter(search, number, status or "", unix_of(since), unix_of(until))
    if as_csv:
        for line in calls_as_csv(context, filters):
            click.echo(line, nl=False)
        return
    found = list_calls(context, PageRequest(page, limit), filters)
    if as_json:
        items = [call_json(view) for view in found.rows]
        print_json({"items": items, "total": found.total, "page": found.number, "size": found.size})
        return
    table(("STARTED", "FROM", "TO", "STATUS", "TALKED", "ID"), (call_row(view) for view in found.rows))
    if found.total > len(found.rows):
        click.echo(f"{len(found.rows)} of {found.total}; --page {page + 1} shows more.", err=True)


def unix_of(moment_given: datetime | None) -> float | None:
    return None if moment_given is None else moment_given.timestamp()


def call_json(view: CallView) -> dict[str, Any]:
    names = [name for name in CallView.__dataclass_fields__ if name != "legs"]
    return {name: getattr(view, name) for name in names} | {"talk_seconds": view.talk_seconds}


def call_row(view: CallView) -> tuple[str, ...]:
    return (
        moment(view.started_at),
        person(view.caller_number, view.caller_name),
        person(view.callee_number or view.dialled, view.callee_name),
        view.status,
        duration(view.talk_seconds) if view.answered_at is not None else "",
        view.id,
    )


def person(number: str, name: str) -> str:
    return f"{number} {name}".strip()


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def list_live(context: Context, *, as_json: bool) -> None:
    calls = live_calls(context)
    if as_json:
        print_json({"calls": calls})
        return
    now = time.time()
    rows = (
        (
            duration(max(0.0, now - (entry["answered_at"] or entry["started_at"]))),
            person(entry["caller"]["number"], entry["caller"]["name"]),
            person(entry["callee"]["number"], entry["callee"]["name"]),
            str(entry["state"]),
            str(entry["id"]),
        )
        for entry in calls
    )
    table(("FOR", "FROM", "TO", "STATE", "ID"), rows)


@call.command()
@click.argument("call_id", metavar="ID")
@data_dir_option
@json_option
def hangup(call_id: str, data_dir: str | None, as_json: bool) -> None:
    """End the live call with this ID; `gosip call list --live` shows it.

    Exit codes: 0 ended; 1 there is no such call; 3 the system does not run.
    """
    hang_up(open_context(data_dir), call_id)
    if as_json:
        print_json({"ended": call_id})
    else:
        click.echo("Ended.")


@click.group()
def binding() -> None:
    """Registrations: which device can be reached where."""


@binding.command(name="list")
@data_dir_option
@json_option
def list_bindings(data_dir: str | None, as_json: bool) -> None:
    """List the registered devices with their addresses.

    \b
    gosip binding list

    Exit codes: 0; 3 the system does not run.
    """
    bindings = live_bindings(open_context(data_dir))
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
            "yes" if entry["reachable"] else "no",
            str(entry["user_agent"] or ""),
        )
        for entry in bindings
    )
    table(("NUMBER", "USERNAME", "BY", "FROM", "EXPIRES IN", "REACHABLE", "PHONE"), rows)
