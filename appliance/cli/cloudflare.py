"""`gosip cloudflare`: the API token for the DNS of the domain, and whether it can do what it is for."""

from __future__ import annotations

import click

from appliance.checks import Check, all_passed
from appliance.cli.common import (
    is_interactive,
    open_context,
    open_or_make_context,
    print_json,
    read_secret,
    verb_options,
)
from appliance.cli.frame import REFUSED
from appliance.operations.cloudflare import TokenView, check_cloudflare, set_cloudflare_token, token_view
from appliance.secret import Secret

NO_TOKEN = "There is no token on standard input."  # noqa: S105 - a message
MARKS = {True: "ok", False: "FAILED", None: "unknown"}


@click.group()
def cloudflare() -> None:
    """Cloudflare, where the DNS of the domain is kept: by it certificates are proven and records maintained."""


@cloudflare.group()
def token() -> None:
    """The API token. It is kept sealed and never shown."""


@token.command(name="set")
@verb_options
def set_(data_dir: str | None, as_json: bool) -> None:
    """Store the API token, read from standard input: as an argument every user of the machine could read it.

    Make it at Cloudflare with the template "Edit zone DNS", for the zones of this system only. Typed at a terminal it
    is not shown. `gosip cloudflare check` then tells whether it works.

    \b
    gosip cloudflare token set
    gosip cloudflare token set < token-file

    Exit codes: 0 stored; 1 it is no token, or a variable of the environment decides; 2 there is nothing to read.
    """
    view = set_cloudflare_token(open_or_make_context(data_dir), read_token())
    if as_json:
        print_json(view)
    else:
        click.echo(f"Stored the token that ends in {view.ending}. Does it work? gosip cloudflare check NAME")


@token.command()
@verb_options
def show(data_dir: str | None, as_json: bool) -> None:
    """Show whether a token is set, its last four characters and where it comes from.

    \b
    gosip cloudflare token show

    Exit codes: 0 also when none is set; 1 the stored one cannot be opened; 3 there is no system in the data folder.
    """
    view = token_view(open_context(data_dir))
    if as_json:
        print_json(view)
    else:
        click.echo(words_for(view))
    if view.trouble:
        raise click.exceptions.Exit(REFUSED)


@token.command()
@verb_options
def remove(data_dir: str | None, as_json: bool) -> None:
    """Forget the stored token. Delete it at Cloudflare too when nobody else uses it.

    \b
    gosip cloudflare token remove

    Exit codes: 0 removed; 1 none was stored; 3 there is no system in the data folder.
    """
    view = set_cloudflare_token(open_context(data_dir), None)
    if as_json:
        print_json(view)
    else:
        click.echo("Removed.")


@cloudflare.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@verb_options
def check(names: tuple[str, ...], data_dir: str | None, as_json: bool) -> None:
    """Check by use that the token can edit the DNS of these names: a TXT record is added and removed in each zone.

    Says exactly which right is missing, and tells a wrong token from a Cloudflare that cannot be reached.

    \b
    gosip cloudflare check phones.example.com

    Exit codes: 0 all is well; 1 something is not, or could not be found out; 3 there is no system in the data folder.
    """
    checks = check_cloudflare(open_context(data_dir), names)
    if as_json:
        print_json({"ok": all_passed(checks), "checks": [one.to_json() for one in checks]})
    else:
        for one in checks:
            print_check(one)
    if not all_passed(checks):
        raise click.exceptions.Exit(REFUSED)


def read_token() -> Secret:
    if is_interactive():
        return Secret(str(click.prompt("API token", hide_input=True, err=True)).strip())
    return Secret(read_secret("token", NO_TOKEN).reveal().strip())


def words_for(view: TokenView) -> str:
    if view.trouble:
        return view.trouble
    return f"Set, ends in {view.ending} (from the {view.source})." if view.is_set else "No token is set."


def print_check(check: Check) -> None:
    click.echo(f"{MARKS[check.ok]:8} {check.name}. {check.why}")
    if check.fix:
        click.echo(f"         {check.fix}")
