"""People who may sign in; for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, url_for
from pydantic import BeforeValidator, Field

from appliance.operations import checks, users
from appliance.operations import context as operation_context
from appliance.secret import Secret
from flask_admin_ui.api.lists import PageQuery, listed
from flask_admin_ui.api.operation import Answer, if_match, operation
from flask_admin_ui.security.access import context
from flask_admin_ui.shapes import Input, Listing, Moment, Output, checked_by

blueprint = Blueprint("api_users", __name__, url_prefix="/api/users")

Role = operation_context.Role
UserName = Annotated[str, *checked_by(checks.user_name, pattern=r"^[\w][\w.@+-]{0,63}$")]
ChosenRole = Annotated[Role, BeforeValidator(lambda value: Role(value) if value in tuple(Role) else value)]
"""The role by its word, also where nothing is converted."""
PasswordText = Annotated[str, Field(min_length=checks.MIN_PASSWORD, max_length=checks.MAX_PASSWORD)]


class NewPerson(Input):
    """Somebody who may sign in."""

    name: UserName
    password: PasswordText
    role: ChosenRole = Role.USER


class PersonChange(Input):
    """What is given changes, and the person is signed out everywhere."""

    role: ChosenRole | None = None
    enabled: bool | None = None
    password: PasswordText | None = None


class Person(Output):
    """Somebody who may sign in."""

    id: int
    name: str
    role: Role
    enabled: bool
    has_second_factor: bool
    created_at: Moment
    last_sign_in_at: Moment | None


@blueprint.get("")
@operation("List the people", query=PageQuery, gives=Listing[Person], admin=True)
def index(query: PageQuery) -> Any:
    return listed(users.list_users(context(), query.wanted))


@blueprint.post("")
@operation("Add a person", takes=NewPerson, gives=Person, status=201, admin=True, clashes=True)
def add(body: NewPerson) -> Any:
    made = users.create_user(context(), body.name, Secret(body.password), body.role)
    return Answer(made, etag=made.fingerprint, headers={"Location": url_for("api_users.show", name=made.name)})


@blueprint.get("/<name>")
@operation("Show a person", gives=Person, admin=True)
def show(name: str) -> Any:
    found = users.get_user(context(), name)
    return Answer(found, etag=found.fingerprint)


@blueprint.patch("/<name>")
@operation("Change a person", takes=PersonChange, gives=Person, admin=True, clashes=True, guarded=True)
def edit(name: str, body: PersonChange) -> Any:
    """Nobody takes rights from the own account or from the last administrator."""
    changed = users.edit_user(
        context(),
        name,
        role=body.role,
        enabled=body.enabled,
        password=Secret(body.password) if body.password is not None else None,
        seen=if_match(),
    )
    return Answer(changed, etag=changed.fingerprint)


@blueprint.delete("/<name>")
@operation("Remove a person", status=204, admin=True, clashes=True, guarded=True)
def remove(name: str) -> Any:
    """Numbers that belonged to the person belong to nobody then."""
    users.remove_user(context(), name, seen=if_match())
