"""`gosip call`: the history, the calls that are going on, and ending them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from appliance.cli.common import (
    moment,
    open_context,
    page_hint,
    page_json,
    page_options,
    print_json,
    printable,
    table,
    verb_options,
)
from appliance.control.errors import ControlError
from appliance.errors import NotFound
from appliance.operations.call_quality import grade, number, share
from appliance.operations.context import Context
from appliance.operations.history import STATUSES, CallFilter, CallView, LegView, calls_as_csv, get_call, list_calls
from appliance.operations.live import call_quality, hang_up, live_calls
from appliance.operations.paging import PageRequest

MOMENT = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"))


@click.group()
def call() -> None:
    """Calls: the history, those that are going on, and ending one."""


@call.command(name="list")
@click.option("--live", is_flag=True, help="The calls that are going on, instead of the history.")
@click.option("--number", default="", help="Only calls from or to exactly this number.")
@click.option("--search", default="", help="Only calls with this text in a number or name.")
@click.option("--status", type=click.Choice(STATUSES), default=None, help="Only calls with this status.")
@click.option(
    "--since", type=MOMENT, metavar="TIME", help="Only calls that began at this local time or later: 2026-01-31T14:30."
)
@click.option("--until", type=MOMENT, metavar="TIME", help="Only calls that began before.")
@page_options
@click.option("--csv", "as_csv", is_flag=True, help="All that match, as CSV with times in UTC.")
@verb_options
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

    Exit codes: 0; 2 wrong usage; 3 there is no system in the data folder, or with --live it does not run.
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
        print_json(page_json(found, [call_json(view) for view in found.rows]))
        return
    table(("STARTED", "FROM", "TO", "STATUS", "TALKED", "ID"), (call_row(view) for view in found.rows))
    page_hint(found)


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
        print_json({"calls": calls, "total": len(calls)})
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
@verb_options
def show(call_id: str, data_dir: str | None, as_json: bool) -> None:
    """Show one call with its phones and how each was heard; `gosip call list` has the ID.

    \b
    gosip call show 6f1c0e0a-6df7-4f63-9d2c-3f3a6b8a9c11
    gosip call show 6f1c0e0a-6df7-4f63-9d2c-3f3a6b8a9c11 --json

    Exit codes: 0; 1 there is no such call; 2 wrong usage; 3 there is no system in the data folder.
    """
    context = open_context(data_dir)
    view = get_call(context, call_id)
    live = live_quality(context, view)
    if as_json:
        print_json({**call_json(view), "legs": [asdict(leg) for leg in view.legs], "live_quality": live})
        return
    for name, text in call_lines(view):
        click.echo(f"{name + ':':11}{printable(text)}")
    for leg in view.legs:
        click.echo(
            f"\n{leg.side} {printable(leg.device)} ({printable(leg.state)}, {printable(leg.codec) or 'no codec'})"
        )
        for line in sound_lines(leg):
            click.echo(f"  {line}")
    if live is not None:
        click.echo("\nThe call is going on; --json shows how it is heard, sample by sample.")


def live_quality(context: Context, view: CallView) -> list[dict[str, Any]] | None:
    """Of a call that lasts, if the system tells."""
    if view.ended_at is not None:
        return None
    try:
        return call_quality(context, view.id)
    except (NotFound, ControlError):
        return None


def call_lines(view: CallView) -> Iterator[tuple[str, str]]:
    yield "From", person(view.caller_number, view.caller_name)
    yield "To", person(view.callee_number or view.dialled, view.callee_name)
    yield "Started", moment(view.started_at)
    yield "Status", view.status
    if view.answered_at is not None and view.ended_at is not None:
        yield "Talked", duration(view.talk_seconds)
    if view.cause:
        yield "Ended", f"{view.cause} (by {view.ended_by})" if view.ended_by else view.cause


def sound_lines(leg: LegView) -> Iterator[str]:
    """What was heard of one phone, and what it heard."""
    detail = leg.detail
    sent = leg.packets_received + leg.packets_lost
    yield (
        f"from it: {score(number(detail.get('mos')))}; {leg.packets_received} packets, {leg.packets_lost} lost"
        f" ({share(leg.packets_lost, sent) or 0:.1f} %), {int(number(detail.get('packets_discarded')) or 0)} too late,"
        f" jitter {leg.jitter_ms:.1f} ms"
    )
    lost, jitter = number(detail.get("remote_packets_lost")), number(detail.get("remote_jitter_ms"))
    reports = "it sent no reports" if lost is None else f"{lost:.0f} lost, jitter {jitter or 0:.1f} ms, by its reports"
    yield f"to it:   {score(number(detail.get('remote_mos')))}; {leg.packets_sent} packets; {reports}"
    rtt = number(detail.get("rtt_ms"))
    if rtt is not None:
        yield f"there and back: {rtt:.1f} ms"
    for alarm in ("speaks", "hears"):
        if detail.get(alarm) in ("nothing", "soundless"):
            yield f"it {alarm} {detail[alarm]} ({detail.get('suspicion')})"


def score(mos: float | None) -> str:
    return f"{grade(mos)} ({mos:.1f} of 4.4)" if mos is not None else "not known"


@call.command()
@click.argument("call_id", metavar="[ID]", required=False)
@click.option("--all", "everything", is_flag=True, help="Every call that is going on.")
@verb_options
def hangup(call_id: str | None, everything: bool, data_dir: str | None, as_json: bool) -> None:
    """End the live call with this ID; `gosip call list --live` shows it.

    \b
    gosip call hangup 6f1c0e0a-6df7-4f63-9d2c-3f3a6b8a9c11
    gosip call hangup --all

    Exit codes: 0 ended; 1 there is no such call; 2 wrong usage; 3 the system does not run.
    """
    if (call_id is None) != everything:
        raise click.UsageError("Give the ID of one call, or --all.")
    context = open_context(data_dir)
    if call_id is None:
        ended = hang_up_all(context)
    else:
        hang_up(context, call_id)
        ended = [call_id]
    if as_json:
        print_json({"ended": ended})
    else:
        click.echo(f"Ended {len(ended)} call{'' if len(ended) == 1 else 's'}.")


def hang_up_all(context: Context) -> list[str]:
    """The ids of those that we ended; one that ends by itself meanwhile is no failure."""
    ended = []
    for entry in live_calls(context):
        try:
            hang_up(context, str(entry["id"]))
        except NotFound:
            continue
        ended.append(str(entry["id"]))
    return ended
