"""`gosip trace`: the last SIP messages, as text or JSON, at once or as they come."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from appliance.cli.common import open_context, print_json, printable, verb_options
from appliance.control.errors import NotReachable
from appliance.operations.context import Context
from appliance.operations.trace import MAX_ENTRIES, TraceOf, kind_of, read_trace

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 30.0
"""So long a program that restarts is waited for; who asks while nothing runs is told at once."""
ARROWS: Final = {"received": "<-", "sent": "->", "note": "--"}
ONE_OF = "Give only one of --device, --call, --source and --strangers."
NOTHING_KEPT = "No messages are kept: the setting trace_memory is 0."
NO_MESSAGES = "No messages are kept of that at the moment; --follow waits for some."


@click.command()
@click.option("--device", default="", metavar="USERNAME", help="Only what this phone says and hears.")
@click.option("--call", "call_id", default="", metavar="ID", help="Only this call, live or of the history.")
@click.option("--source", default="", metavar="ADDRESS", help="Only from and to this address.")
@click.option("--strangers", is_flag=True, help="Only addresses from which no phone has shown its password.")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_ENTRIES),
    default=100,
    show_default=True,
    help="So many messages, the last ones.",
)
@click.option("--full", is_flag=True, help="Whole messages instead of their first lines.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@verb_options
def trace(
    device: str,
    call_id: str,
    source: str,
    strangers: bool,
    limit: int,
    full: bool,
    follow: bool,
    data_dir: str | None,
    as_json: bool,
) -> None:
    """Show the last SIP messages, decrypted and without secrets: of all, of a phone, a call, an address, or strangers.

    A line has the time, <- for what came and -> for what went out, the transport and address of the other end, and the
    first line of the message; -- is news of a connection. The system itself leaves out passwords, digests and keys. The
    look is noted in the audit log.

    \b
    gosip trace --device 201 --follow
    gosip trace --call 6f1c0e0a-6df7-4f63-9d2c-3f3a6b8a9c11 --full
    gosip trace --strangers --json | jq -r '.entries[].remote'

    Exit codes: 0; 1 there is no such phone or call; 2 wrong usage; 3 the system does not run.
    """
    if sum(map(bool, (device, call_id, source, strangers))) > 1:
        raise click.UsageError(ONE_OF)
    context = open_context(data_dir)
    of = TraceOf(device, call_id, source, strangers)
    if follow:
        print_as_they_come(context, of, limit, full=full, as_json=as_json)
        return
    answer = read_trace(context, of, limit=limit)
    if as_json:
        print_json(answer)
        return
    for entry in answer["entries"]:
        print_entry(entry, full=full)
    tell_rest(answer)


def tell_rest(answer: Mapping[str, Any]) -> None:
    """What the messages do not say themselves."""
    left = answer["total"] - len(answer["entries"])
    if not answer["budget_bytes"]:
        click.echo(NOTHING_KEPT, err=True)
    elif not answer["entries"]:
        click.echo(NO_MESSAGES, err=True)
    elif left:
        click.echo(f"{left} older messages are not shown; --limit shows up to {MAX_ENTRIES}.", err=True)


def print_as_they_come(context: Context, of: TraceOf, limit: int, *, full: bool, as_json: bool) -> None:
    try:
        for entry in entries_as_they_come(context, of, limit):
            if as_json:
                click.echo(json.dumps(entry))
            else:
                print_entry(entry, full=full)
    except KeyboardInterrupt:
        pass


def entries_as_they_come(context: Context, of: TraceOf, limit: int) -> Iterator[dict[str, Any]]:
    """Across restarts of the program `sip`. Raises `NotReachable` when it is away for long."""
    started_at, cursor, waited = None, 0, PATIENCE_SECONDS
    while True:
        try:
            answer = read_trace(context, of, after=cursor, limit=MAX_ENTRIES if cursor else limit)
        except NotReachable:
            if waited >= PATIENCE_SECONDS:
                raise
            waited += POLL_SECONDS
        else:
            waited = 0.0
            if started_at not in (None, answer["started_at"]) and cursor:
                started_at, cursor = answer["started_at"], 0  # its serials begin anew
                continue
            yield from answer["entries"]
            started_at, cursor = answer["started_at"], answer["cursor"]
        time.sleep(POLL_SECONDS)


def print_entry(entry: Mapping[str, Any], *, full: bool) -> None:
    """A line; with `full` the message below it."""
    colour = COLOURS.get(kind_of(entry))
    line = entry_line(entry)
    click.secho(line, fg=colour, color=False if os.environ.get("NO_COLOR") else None)
    if full and entry["text"]:
        for text in entry["text"].splitlines():
            click.echo(f"    {printable(text)}".rstrip())
        click.echo()


COLOURS: Final = {"request": "cyan", "success": "green", "failure": "red", "malformed": "red", "note": "yellow"}
"""On a terminal only. What is provisional, or only has the request sent again, has none."""


def entry_line(entry: Mapping[str, Any]) -> str:
    """Time, direction, the other end, and the first line of a message."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry["at"])) + f".{int(entry['at'] * 1000) % 1000:03}"
    return printable(
        f"{at} {ARROWS.get(entry['direction'], '??')} {entry['transport']:<4}{entry['remote']:<21} {summary(entry)}"
    )


def summary(entry: Mapping[str, Any]) -> str:
    """The first line, and what is worth knowing besides."""
    said = entry["title"]
    if entry["kind"] == "response" and entry["method"]:
        said += f" ({entry['method']})"
    if entry["from"] or entry["to"]:
        said += f"  {entry['from'] or '?'} to {entry['to'] or '?'}"
    marks = [word for word, holds in (("SDP", entry["has_sdp"]), ("repeated", entry["repeated"])) if holds]
    if marks:
        said += f"  [{', '.join(marks)}]"
    return f"{said}  ({entry['problem']})" if entry["problem"] else said
