"""`gosip event follow`: what happens, as it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from appliance.cli.common import open_context, printable, verb_options
from appliance.control.client import ControlClient
from appliance.control.errors import NotReachable
from appliance.event_stream.event import KINDS
from appliance.folders import DataFolder

RECONNECT_SECONDS = 1.0
PATIENCE_SECONDS = 30.0
"""So long a program that restarts is waited for; who asks while nothing runs is told at once."""


@click.command()
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only events of this kind; repeatable.")
@verb_options
def follow(kinds: tuple[str, ...], data_dir: str | None, as_json: bool) -> None:
    """Print what happens as it happens, until Ctrl-C: registrations, calls, programs, alarms.

    With --json each event is a JSON object on a line of its own.

    \b
    gosip event follow
    gosip event follow --kind call --json

    Exit codes: 0; 3 the system does not run.
    """
    folder = open_context(data_dir).appliance.folder
    try:
        for kind, data in notifications(folder, kinds or KINDS):
            if as_json:
                click.echo(json.dumps({"kind": kind, **data}))
            else:
                click.echo(line(kind, data))
    except KeyboardInterrupt:
        pass


def notifications(folder: DataFolder, kinds: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Across restarts of the program `events`. Raises `NotReachable` when it is away for long."""
    waited: float | None = None
    while True:
        try:
            with ControlClient(folder.events_socket).connect() as session:
                session.call("subscribe", {"topics": list(kinds)})
                waited = 0.0
                for notification in session.notifications():
                    yield notification.method, notification.params
        except NotReachable:
            if waited is None or waited >= PATIENCE_SECONDS:
                raise
            time.sleep(RECONNECT_SECONDS)
            waited += RECONNECT_SECONDS


def line(kind: str, data: Mapping[str, Any]) -> str:
    """For a person: when, what, and the two or three words that matter."""
    match kind:
        case "call":
            text = f"{data['event']} {party(data['caller'])} -> {party(data['callee'])} {data['cause']}"
        case "binding":
            text = f"{data['event']} {data['username']} {data['remote']}"
        case "listeners":
            text = ", ".join(f"{one['transport']} {one['port']} {one['state']}" for one in data["listeners"])
        case "process":
            text = f"{data['name']} {data['state']}"
        case "alarm":
            text = f"{data['severity']} {data['source']}: {data['message']}"
        case _:
            text = " ".join(f"{name} {value}" for name, value in data.items() if name != "at")
    return printable(f"{data.get('at', '')} {kind:<9} {text}".rstrip())


def party(values: Mapping[str, Any]) -> str:
    return f"{values['number']} ({values['name']})" if values["name"] else str(values["number"])
