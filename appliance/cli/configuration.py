"""`gosip config`, `gosip audit` and `gosip key`: settings, who changed what, and the key of the secret box."""

from __future__ import annotations

import click

from appliance.cli.common import data_dir_option, json_option, moment, open_context, print_json, table
from appliance.operations.audit import list_audit
from appliance.operations.configuration import SettingView, get_setting, list_settings, set_setting
from appliance.operations.keys import replace_lost_key
from appliance.operations.paging import DEFAULT_SIZE, MAX_SIZE, PageRequest
from appliance.settings import Settings, Source


@click.group()
def config() -> None:
    """The settings: what they are, where each comes from, and changing them."""


@config.command()
@click.argument("name", required=False)
@data_dir_option
@json_option
def show(name: str | None, data_dir: str | None, as_json: bool) -> None:
    """Show all settings, or the one with this NAME, each with the source of its value.

    The environment that `gosip up` was started with wins, then what `gosip config set` or the admin pages stored, then
    the default.

    \b
    gosip config show
    gosip config show sip_port
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
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take the stored value back; the default holds again.")
@data_dir_option
@json_option
def set_(name: str, value: str | None, unset: bool, data_dir: str | None, as_json: bool) -> None:
    """Store a VALUE for the setting NAME. It takes effect when GoSIP starts again.

    \b
    gosip config set sip_domain phones.example.com
    gosip config set log_level --unset

    Exit codes: 0 stored; 1 the value is not allowed, with what is; 2 wrong usage.
    """
    if (value is None) != unset:
        raise click.UsageError("Give a value, or --unset to take the stored one back.")
    view = set_setting(open_context(data_dir), name, value)
    if as_json:
        print_json(setting_json(view))
        return
    if view.source is Source.ENVIRONMENT:
        click.echo(f"Stored, but {view.variable} is set where GoSIP was started, and wins: {view.value}", err=True)
    else:
        click.echo(f"{view.name} is {view.value or 'empty'}. It takes effect at the next `gosip up`.")


@click.command()
@click.option("--limit", type=click.IntRange(1, MAX_SIZE), default=DEFAULT_SIZE, show_default=True, help="Rows a page.")
@click.option("--page", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Which page.")
@click.option("--actor", help="Only what this user did; `gosip` is the command line.")
@data_dir_option
@json_option
def audit(limit: int, page: int, actor: str | None, data_dir: str | None, as_json: bool) -> None:
    """Show who changed what, newest first.

    \b
    gosip audit
    gosip audit --actor ada --limit 100
    """
    found = list_audit(open_context(data_dir), PageRequest(page, limit), actor=actor)
    if as_json:
        print_json({"items": list(found.rows), "total": found.total, "page": found.number, "size": found.size})
        return
    rows = (
        (moment(row.at), row.actor, row.source, row.action, row.subject, detail_text(row.detail)) for row in found.rows
    )
    table(("AT", "WHO", "FROM", "WHAT", "ON", "DETAIL"), rows)


def detail_text(detail: object) -> str:
    return ", ".join(f"{key}={value}" for key, value in detail.items()) if isinstance(detail, dict) else ""


@click.group()
def key() -> None:
    """The key that seals passwords and tokens in the database: the file secret.key in the data folder."""


@key.command()
@data_dir_option
@json_option
def new(data_dir: str | None, as_json: bool) -> None:
    """Make a new key when the old one is lost for good, and say what was lost with it.

    First look for a copy of secret.key in your backups: with it nothing is lost. A good key is never replaced. With a
    new key phones go on working; passwords can no longer be rendered for provisioning, and second factors are gone.

    Exit codes: 0 made; 1 the key is good, and was left alone.
    """
    loss = replace_lost_key(Settings.load(data_dir))
    if as_json:
        print_json(loss)
        return
    click.echo("A new key was made. Start GoSIP again: gosip down, gosip up.")
    click.echo(f"Devices whose password must be set anew before they can be provisioned: {loss.devices}")
    click.echo(f"Users who must set up their second factor again: {', '.join(loss.second_factors) or 'none'}")
    click.echo(f"Tokens of other services that must be given again: {loss.service_secrets}")
