"""`gosip device`: phones and their numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from appliance.cli.common import data_dir_option, json_option, open_context, print_json, table
from appliance.operations.device_import import ImportResult, Progress, import_devices
from appliance.operations.devices import NewDevice, add_device, all_devices, remove_device
from appliance.operations.extensions import DeviceView
from appliance.secret import Secret


@click.group()
def device() -> None:
    """Phones: add, list, remove and import them.

    A number rings all of its devices. Each device registers with a username and password of its own, so that one of
    them can be taken out of use without touching the others.
    """


@device.command()
@click.argument("number")
@click.option("--name", help="Who it is; shown to the people who are called. Belongs to the number.")
@click.option("--username", help="SIP username; the number, then NUMBER-2, NUMBER-3 ... when not given.")
@click.option("--label", default="", help="What phone it is: desk, kitchen ...")
@click.option("--password-stdin", is_flag=True, help="Read the SIP password from standard input; else one is made.")
@data_dir_option
@json_option
def add(
    number: str,
    name: str | None,
    username: str | None,
    label: str,
    password_stdin: bool,
    data_dir: str | None,
    as_json: bool,
) -> None:
    """Add a device with this NUMBER, and the number itself when it is new.

    Prints a strong password that was made for it. It is shown this one time and never again; it can be set anew in the
    admin pages.

    \b
    gosip device add 201 --name "Ada Lovelace"
    gosip device add 201 --label kitchen             one more phone of the same number
    gosip device add 202 --password-stdin < file

    Exit codes: 0 added; 1 refused, with the reason; 2 wrong usage.
    """
    password = read_password() if password_stdin else None
    new = add_device(open_context(data_dir), number, name=name, username=username, label=label, password=password)
    if as_json:
        print_json(added_json(new))
        return
    click.echo(f"Number:   {new.device.number}")
    click.echo(f"Username: {new.device.username}")
    if new.was_generated:
        click.echo(f"Password: {new.password.reveal()}   (shown only now)")


def read_password() -> Secret:
    """The first line of standard input, without its end."""
    text = sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise click.UsageError("--password-stdin was given, but standard input has no password.")
    return Secret(text)


def added_json(new: NewDevice) -> dict[str, object]:
    """With the password only when it was made here: whoever gave one knows it."""
    generated = {"password": new.password.reveal()} if new.was_generated else {}
    return {**device_json(new.device), **generated}


def device_json(view: DeviceView) -> dict[str, object]:
    return {
        "id": view.id,
        "number": view.number,
        "name": view.name,
        "username": view.username,
        "label": view.label,
        "enabled": view.enabled,
        "created_at": view.created_at,
        "changed_at": view.changed_at,
    }


@device.command(name="list")
@data_dir_option
@json_option
def list_(data_dir: str | None, as_json: bool) -> None:
    """List all devices with their numbers, ordered by number.

    \b
    gosip device list
    gosip device list --json | jq -r '.items[].username'
    """
    devices = all_devices(open_context(data_dir))
    if as_json:
        print_json({"items": [device_json(view) for view in devices], "total": len(devices)})
        return
    rows = ((view.number, view.name, view.username, view.label, "yes" if view.enabled else "no") for view in devices)
    table(("NUMBER", "NAME", "USERNAME", "LABEL", "ENABLED"), rows)


@device.command()
@click.argument("username")
@click.option("--with-number", is_flag=True, help="Remove the number as well when this was its last device.")
@data_dir_option
@json_option
def remove(username: str, with_number: bool, data_dir: str | None, as_json: bool) -> None:
    """Remove the device with this USERNAME. Its registrations end; a running call goes on to its end.

    The number keeps its name and its other devices. A number without a device answers "not available".

    \b
    gosip device remove 201-2
    gosip device remove 201 --with-number
    """
    remove_device(open_context(data_dir), username, with_empty_extension=with_number)
    if as_json:
        print_json({"removed": username})
    else:
        click.echo(f"Removed {username}.")


@device.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_dir_option
@json_option
def import_(file: Path, data_dir: str | None, as_json: bool) -> None:
    """Import devices from a CSV FILE: all of its rows, or none when one has a fault.

    Columns are number, name, password, or those that a first line names: number, name, password, username, label. A row
    without a password gets a generated one, which is printed this one time.

    \b
    number,name,password
    201,Ada Lovelace,a-long-password
    202,Grace Hopper,

    \b
    gosip device import phones.csv
    gosip device import phones.csv --json > passwords.json

    Exit codes: 0 imported; 1 refused, with line and reason of each fault; 2 wrong usage.
    """
    context = open_context(data_dir)
    with ProgressBar() as progress:
        result = import_devices(context, file.read_bytes(), progress)
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
            filled = 40 * done // max(total, 1)
            click.echo(f"\r[{'#' * filled}{' ' * (40 - filled)}] {done} of {total}", err=True, nl=False)
