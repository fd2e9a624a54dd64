"""`gosip token`: the personal tokens by which programs use the API."""

from __future__ import annotations

import click

from appliance.cli.common import moment, open_context, plain, print_json, table, verb_options
from appliance.operations.api_tokens import MAX_DAYS, Scope, list_all_tokens, list_tokens, make_token, revoke_token


@click.group()
def token() -> None:
    """Tokens by which programs use the REST API."""


@token.command()
@click.argument("user")
@click.option("--name", required=True, help="What uses it; unique among the tokens of that user.")
@click.option(
    "--scope", type=click.Choice([scope.value for scope in Scope]), default=Scope.READ.value, show_default=True,
    help="`read` looks only; `write` does all that the user may.",
)  # fmt: skip
@click.option("--days", type=click.IntRange(1, MAX_DAYS), help="It ends after so many days; without this, never.")
@verb_options
def add(user: str, name: str, scope: str, days: int | None, data_dir: str | None, as_json: bool) -> None:
    """Make a token for USER and print it this one time.

    A program sends it as `Authorization: Bearer TOKEN`. It has the rights of the user, as they are when it is used.

    \b
    gosip token add ada --name monitoring
    gosip token add ada --name backup --scope write --days 90

    Exit codes: 0; 1 no such user, or the name is taken; 3 there is no system in the data folder.
    """
    made = make_token(open_context(data_dir), name, scope, days=days, user=user)
    if as_json:
        stored = plain(made.view)
        assert isinstance(stored, dict)  # a dataclass
        print_json({**stored, "token": made.token.reveal()})
    else:
        click.echo(made.token.reveal())


@token.command(name="list")
@click.argument("user", required=False)
@verb_options
def list_(user: str | None, data_dir: str | None, as_json: bool) -> None:
    """List the tokens of everybody, or of one user, newest first.

    \b
    gosip token list

    Exit codes: 0; 1 no such user; 3 there is no system in the data folder.
    """
    context = open_context(data_dir)
    found = list_all_tokens(context) if user is None else list_tokens(context, user)
    if as_json:
        print_json({"items": found, "total": len(found)})
        return
    rows = (
        (
            str(view.id),
            view.user,
            view.name,
            view.scope,
            moment(view.created_at),
            moment(view.expires_at) or "never",
            moment(view.used_at) or "never",
        )
        for view in found
    )
    table(("ID", "USER", "NAME", "SCOPE", "MADE", "ENDS", "LAST USED"), rows)


@token.command()
@click.argument("token_id", metavar="ID", type=int)
@verb_options
def remove(token_id: int, data_dir: str | None, as_json: bool) -> None:
    """Revoke the token with that ID: it is worth nothing from now on.

    \b
    gosip token remove 3

    Exit codes: 0; 1 no such token; 3 there is no system in the data folder.
    """
    revoke_token(open_context(data_dir), token_id)
    if as_json:
        print_json({"removed": token_id})
    else:
        click.echo("Removed.")
