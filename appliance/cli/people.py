"""`gosip admin` and `gosip user`: who signs in."""

from __future__ import annotations

import click

from appliance.cli.common import moment, open_context, print_json, table, verb_options, yes_no
from appliance.operations.paging import MAX_SIZE, PageRequest
from appliance.operations.setup_codes import CODE_SECONDS, new_setup_code
from appliance.operations.users import UserView, list_users


@click.group()
def admin() -> None:
    """The way in for administrators."""


@admin.command()
@verb_options
def reset(data_dir: str | None, as_json: bool) -> None:
    """Print a new one-time code that makes an administrator, or gives a lost account back.

    Open the admin page and give the code there, with a user name and a new password. With the name of an account that
    exists, that account gets the new password, becomes an administrator and loses its second factor. Older codes are
    void from now on, and everybody who was locked out may try again.

    \b
    gosip admin reset

    Exit codes: 0; 3 there is no system in the data folder.
    """
    context = open_context(data_dir)
    code = new_setup_code(context).reveal()
    if as_json:
        print_json({"code": code, "expires_at": context.now + CODE_SECONDS})
    else:
        click.echo(f"Set-up code: {code}   (one use, valid for {CODE_SECONDS // 3600} hours)")


@click.group()
def user() -> None:
    """The people who sign in to the admin pages."""


@user.command(name="list")
@verb_options
def list_(data_dir: str | None, as_json: bool) -> None:
    """List all users with their roles.

    \b
    gosip user list

    Exit codes: 0; 3 there is no system in the data folder.
    """
    users = all_users(data_dir)
    if as_json:
        print_json({"items": users, "total": len(users)})
        return
    rows = (
        (
            view.name,
            view.role,
            yes_no(view.enabled),
            yes_no(view.has_second_factor),
            moment(view.last_sign_in_at) or "never",
        )
        for view in users
    )
    table(("NAME", "ROLE", "ENABLED", "SECOND FACTOR", "LAST SIGN-IN"), rows)


def all_users(data_dir: str | None) -> list[UserView]:
    context = open_context(data_dir)
    users: list[UserView] = []
    while True:
        page = list_users(context, PageRequest(len(users) // MAX_SIZE + 1, MAX_SIZE))
        users += page.rows
        if not page.rows or len(users) >= page.total:
            return users
