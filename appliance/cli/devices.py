"""`gosip device`: phones and their numbers."""

from __future__ import annotations

import click

from appliance.addresses import reachable_addresses
from appliance.cli.common import (
    is_interactive,
    open_context,
    open_or_make_context,
    password_option,
    print_json,
    read_password,
    table,
    verb_options,
    yes_no,
)
from appliance.cli.device_import import import_
from appliance.errors import NotFound
from appliance.operations.context import Context
from appliance.operations.devices import NewDevice, add_device, all_devices, get_device, remove_device, set_password
from appliance.operations.extensions import DeviceView, get_extension
from appliance.settings import Settings

TRANSPORTS = ("UDP", "TCP")
"""By which a phone can register."""
UNUSABLE_DOMAIN = "localhost"
"""What the domain is until somebody sets it: no phone reaches us by that name."""
NO_SUCH_ID = "There is no device with the id {id}. `gosip device list --json` shows the ids."


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
@password_option
@verb_options
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

    Prints what the phone has to be told, with a strong password that was made for it. The password is shown this one
    time and never again; `gosip device password` makes another one. It works before the first `gosip up` too.

    \b
    gosip device add 201 --name "Ada Lovelace"
    gosip device add 201 --label kitchen             one more phone of the same number
    gosip device add 202 --password-stdin < file

    Exit codes: 0 added; 1 refused, with the reason; 2 wrong usage.
    """
    password = read_password() if password_stdin else None
    context = open_or_make_context(data_dir)
    new = add_device(context, number, name=name, username=username, label=label, password=password)
    show_account(context, new, as_json=as_json)


@device.command()
@click.argument("username")
@password_option
@verb_options
def password(username: str, password_stdin: bool, data_dir: str | None, as_json: bool) -> None:
    """Give the device with this USERNAME a new password; the old one is worth nothing from now on.

    Prints the new password, this one time, unless it was read from standard input. The phone registers again only when
    it was told the new one; until then it stays reachable for as long as its last registration lasts.

    \b
    gosip device password 201

    Exit codes: 0 changed; 1 refused, with the reason; 2 wrong usage.
    """
    chosen = read_password() if password_stdin else None
    context = open_context(data_dir)
    show_account(context, set_password(context, username, chosen), as_json=as_json)


def show_account(context: Context, new: NewDevice, *, as_json: bool) -> None:
    """What the phone has to be told; the password only when it was made here: whoever gave one knows it."""
    server = server_of(context.appliance.settings)
    if as_json:
        generated = {"password": new.password.reveal()} if new.was_generated else {}
        print_json({**device_json(new.device), **generated, "server": server})
        return
    click.echo(f"Number:   {new.device.number}")
    click.echo(f"Username: {new.device.username}")
    if new.was_generated:
        click.echo(f"Password: {new.password.reveal()}   (shown only now)")
    click.echo(f"Server:   {server['host']}, port {server['port']}, {' or '.join(TRANSPORTS)}")


def server_of(settings: Settings) -> dict[str, object]:
    """Where a phone registers: the domain that was set, else an address of this machine."""
    addresses = (settings.bind_address,) if settings.bind_address else reachable_addresses()
    host = addresses[0] if settings.sip_domain == UNUSABLE_DOMAIN else settings.sip_domain
    return {"host": host, "addresses": list(addresses), "port": settings.sip_port, "transports": list(TRANSPORTS)}


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
@click.argument("number", required=False)
@verb_options
def list_(number: str | None, data_dir: str | None, as_json: bool) -> None:
    """List all devices, or those of one NUMBER, ordered by number.

    \b
    gosip device list
    gosip device list 201
    gosip device list --json | jq -r '.items[].username'

    Exit codes: 0; 1 there is no such number; 3 there is no system in the data folder.
    """
    context = open_context(data_dir)
    devices = get_extension(context, number).devices if number is not None else all_devices(context)
    if as_json:
        print_json({"items": [device_json(view) for view in devices], "total": len(devices)})
        return
    rows = ((view.number, view.name, view.username, view.label, yes_no(view.enabled)) for view in devices)
    table(("NUMBER", "NAME", "USERNAME", "LABEL", "ENABLED"), rows)


@device.command()
@click.argument("username", required=False)
@click.option("--id", "device_id", type=int, help="The device with this id, instead of a USERNAME.")
@click.option("--with-number", is_flag=True, help="Remove the number as well when this was its last device.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@verb_options
def remove(
    username: str | None, device_id: int | None, with_number: bool, yes: bool, data_dir: str | None, as_json: bool
) -> None:
    """Remove the device with this USERNAME. Its registrations end; a running call goes on to its end.

    The number keeps its name and its other devices. A number without a device answers "not available". On a terminal
    you are asked first; with --yes or --json, and in a script, not.

    \b
    gosip device remove 201-2
    gosip device remove 201 --with-number --yes
    gosip device remove --id 17

    Exit codes: 0 removed; 1 there is no such device, or you said no; 2 wrong usage.
    """
    if (username is None) == (device_id is None):
        raise click.UsageError("Name the device: a USERNAME, or --id with its id.")
    context = open_context(data_dir)
    found = get_device(context, username) if username is not None else device_of_id(context, device_id)
    if is_interactive() and not (yes or as_json):
        click.confirm(f"Remove the device {description(found)}?", abort=True, err=True)
    remove_device(context, found.username, with_empty_extension=with_number)
    if as_json:
        print_json({"removed": found.username})
    else:
        click.echo(f"Removed {found.username}.")


def device_of_id(context: Context, device_id: int | None) -> DeviceView:
    """Ids are no second kind of usernames, since both are digits: whoever means an id says so."""
    found = next((view for view in all_devices(context) if view.id == device_id), None)
    if found is None:
        raise NotFound(NO_SUCH_ID.format(id=device_id))
    return found


def description(view: DeviceView) -> str:
    who = " ".join(part for part in (view.number, view.name, view.label) if part)
    return f"{view.username} ({who})"


device.add_command(import_)
