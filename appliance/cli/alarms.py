"""`gosip alarm`."""

from __future__ import annotations

import click

from appliance.cli.common import moment, open_context, print_json, table, verb_options
from appliance.operations.alarms import list_alarms


@click.group()
def alarm() -> None:
    """Alarms: what is wrong now and needs a person."""


@alarm.command(name="list")
@verb_options
def list_(data_dir: str | None, as_json: bool) -> None:
    """List what is wrong now, the worst first, each with what to do. An alarm goes when it is right again.

    \b
    gosip alarm list

    Exit codes: 0, whether there are alarms or not; 3 there is no system in the data folder.
    """
    found = list_alarms(open_context(data_dir))
    if as_json:
        print_json({"items": found, "total": len(found)})
        return
    table(("SINCE", "SEVERITY", "WHAT", "WHAT TO DO"), ((moment(a.since), a.severity, a.message, a.fix) for a in found))
