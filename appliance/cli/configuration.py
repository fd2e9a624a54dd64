"""`gosip config`: the settings, where each value comes from, and changing them."""

from __future__ import annotations

import click

from appliance.cli.common import open_context, open_or_make_context, print_json, table, verb_options
from appliance.operations.configuration import SettingView, get_setting, list_settings, set_setting
from appliance.operations.context import Context


@click.group()
def config() -> None:
    """The settings: what they are, where each comes from, and changing them."""


@config.command()
@click.argument("name", required=False)
@verb_options
def show(name: str | None, data_dir: str | None, as_json: bool) -> None:
    """Show all settings, or the one with this NAME, each with the source of its value.

    The environment that `gosip up` was started with wins, then what `gosip config set` or the admin pages stored, then
    the default.

    \b
    gosip config show
    gosip config show sip_port

    Exit codes: 0; 1 there is no such setting; 3 there is no system in the data folder.
    """
    context = open_context(data_dir)
    settings = (get_setting(context, name),) if name else list_settings(context)
    if as_json:
        print_json({"items": [setting_json(view) for view in settings]})
        return
    rows = ((view.name, view.value, view.source, view.variable) for view in settings)
    table(("NAME", "VALUE", "FROM", "VARIABLE"), rows)
    if name:
        click.echo(settings[0].help)


def setting_json(view: SettingView) -> dict[str, object]:
    return {
        "name": view.name,
        "value": view.value,
        "source": view.source,
        "variable": view.variable,
        "help": view.help,
        "can_be_set": view.can_be_set,
    }


@config.command(name="set")
@click.argument("name")
@click.argument("value")
@verb_options
def set_(name: str, value: str, data_dir: str | None, as_json: bool) -> None:
    """Store a VALUE for the setting NAME. It takes effect when GoSIP starts again.

    A setting that a variable of the environment decides cannot be set here: the variable wins.

    \b
    gosip config set sip_domain phones.example.com
    gosip config set rtp_ports 30000-30999

    Exit codes: 0 stored; 1 refused, with what is allowed; 2 wrong usage.
    """
    store(open_or_make_context(data_dir), name, value, as_json=as_json)


@config.command()
@click.argument("name")
@verb_options
def unset(name: str, data_dir: str | None, as_json: bool) -> None:
    """Take the stored value of the setting NAME back: the default holds again when GoSIP starts again.

    \b
    gosip config unset rtp_ports

    Exit codes: 0 taken back, or there was none; 1 refused, with the reason; 2 wrong usage.
    """
    store(open_context(data_dir), name, None, as_json=as_json)


def store(context: Context, name: str, value: str | None, *, as_json: bool) -> None:
    view = set_setting(context, name, value)
    if as_json:
        print_json(setting_json(view))
    else:
        click.echo(f"{view.name} is {view.value or 'empty'} ({view.source}). It takes effect at the next `gosip up`.")
