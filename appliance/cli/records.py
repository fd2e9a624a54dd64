"""`gosip audit` and `gosip event`: who changed what, and what a person should know about."""

from __future__ import annotations

from collections.abc import Mapping

import click

from appliance.cli.common import (
    moment,
    open_context,
    page_hint,
    page_json,
    page_options,
    print_json,
    table,
    verb_options,
)
from appliance.cli.following import follow
from appliance.operations.audit import list_audit
from appliance.operations.events import list_events
from appliance.operations.paging import PageRequest

SEVERITIES = ("info", "warning", "error")


@click.command()
@page_options
@click.option("--actor", help="Only what this user did; `gosip` is the command line.")
@verb_options
def audit(limit: int, page: int, actor: str | None, data_dir: str | None, as_json: bool) -> None:
    """Show who changed what, newest first.

    \b
    gosip audit
    gosip audit --actor ada --limit 100

    Exit codes: 0; 3 there is no system in the data folder.
    """
    found = list_audit(open_context(data_dir), PageRequest(page, limit), actor=actor)
    if as_json:
        print_json(page_json(found))
        return
    rows = (
        (moment(row.at), row.actor, row.source, row.action, row.subject, detail_text(row.detail)) for row in found.rows
    )
    table(("AT", "WHO", "FROM", "WHAT", "ON", "DETAIL"), rows)
    page_hint(found)


@click.group()
def event() -> None:
    """Events: programs that ended, listeners that failed, and whatever else wants a person's eye."""


@event.command(name="list")
@page_options
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only events of this severity.")
@verb_options
def list_(limit: int, page: int, severity: str | None, data_dir: str | None, as_json: bool) -> None:
    """List the events, newest first.

    \b
    gosip event list
    gosip event list --severity error

    Exit codes: 0; 3 there is no system in the data folder.
    """
    found = list_events(open_context(data_dir), PageRequest(page, limit), severity=severity)
    if as_json:
        print_json(page_json(found))
        return
    rows = ((moment(row.at), row.severity, row.source, row.message) for row in found.rows)
    table(("AT", "SEVERITY", "FROM", "WHAT"), rows)
    page_hint(found)


event.add_command(follow)


def detail_text(detail: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in detail.items())
