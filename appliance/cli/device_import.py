"""`gosip device import`: many phones at once."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from appliance.cli.common import open_or_make_context, print_json, verb_options
from appliance.operations.device_import import ImportResult, Progress, import_devices

BAR_WIDTH = 40


@click.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@verb_options
def import_(file: Path, data_dir: str | None, as_json: bool) -> None:
    """Import devices from a CSV FILE: all of its rows, or none when one has a fault.

    Columns are number, name, password, or those that a first line names: number, name, password, username, label. A row
    without a password gets a generated one, which is printed this one time as a line number,username,password. It
    works before the first `gosip up` too.

    \b
    number,name,password
    201,Ada Lovelace,a-long-password
    202,Grace Hopper,

    \b
    gosip device import phones.csv
    gosip device import phones.csv --json > passwords.json

    Exit codes: 0 imported; 1 refused, with line and reason of each fault; 2 wrong usage.
    """
    data = file.read_bytes()
    context = open_or_make_context(data_dir)
    with ProgressBar() as progress:
        result = import_devices(context, data, progress)
    if as_json:
        print_json(import_json(result))
        return
    for row in result.devices:
        if row.was_generated:
            click.echo(f"{row.number},{row.username},{row.password.reveal()}")
    click.echo(f"Imported {len(result.devices)} devices; {result.new_extensions} numbers are new.", err=True)


def import_json(result: ImportResult) -> dict[str, object]:
    return {
        "imported": len(result.devices),
        "new_numbers": result.new_extensions,
        "generated": [
            {"number": row.number, "username": row.username, "password": row.password.reveal()}
            for row in result.devices
            if row.was_generated
        ],
    }


class ProgressBar:
    """A bar on standard error, where that is a terminal."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._was_shown = False

    def __enter__(self) -> Progress:
        return self._show

    def __exit__(self, *exception: object) -> None:
        if self._was_shown:
            click.echo("", err=True)

    def _show(self, done: int, total: int) -> None:
        if self._is_terminal:
            self._was_shown = True
            filled = BAR_WIDTH * done // max(total, 1)
            click.echo(f"\r[{'#' * filled}{' ' * (BAR_WIDTH - filled)}] {done} of {total}", err=True, nl=False)
