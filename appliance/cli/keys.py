"""`gosip key`: the key of the secret box."""

from __future__ import annotations

import click

from appliance.cli.common import NOTHING_HERE, NothingHere, print_json, verb_options
from appliance.operations.keys import replace_lost_key
from appliance.settings import Settings


@click.group()
def key() -> None:
    """The key that seals passwords and tokens in the database: the file secret.key in the data folder."""


@key.command()
@verb_options
def new(data_dir: str | None, as_json: bool) -> None:
    """Make a new key when the old one is lost for good, and say what was lost with it.

    First look for a copy of secret.key in your backups: with it nothing is lost. A good key is never replaced. With a
    new key phones go on working; passwords can no longer be rendered for provisioning, and second factors are gone.

    \b
    gosip key new

    Exit codes: 0 made; 1 the key is good, and was left alone; 3 there is no system in the data folder.
    """
    settings = Settings.load(data_dir)
    if not settings.folder.database.exists():
        raise NothingHere(NOTHING_HERE.format(path=settings.folder.path))
    loss = replace_lost_key(settings)
    if as_json:
        print_json(loss)
        return
    click.echo("A new key was made. Start GoSIP again: gosip down, gosip up.")
    click.echo(f"Devices whose password must be set anew before they can be provisioned: {loss.devices}")
    click.echo(f"Users who must set up their second factor again: {', '.join(loss.second_factors) or 'none'}")
    click.echo(f"Tokens of other services that must be given again: {loss.service_secrets}")
