"""People who may sign in; for administrators."""

from __future__ import annotations

from flask import Blueprint, Response

from appliance.errors import Conflict, Invalid
from appliance.operations import users
from appliance.operations.context import Role
from appliance.secret import Secret
from flask_admin_ui.api.wire import Body, answer, answer_page, in_sender_words, page_request
from flask_admin_ui.security.access import context, require_admin

blueprint = Blueprint("api_users", __name__, url_prefix="/api/users")
blueprint.before_request(require_admin)


@blueprint.get("")
def index() -> Response:
    return answer_page(users.list_users(context(), page_request()))


@blueprint.post("")
def add() -> Response:
    body = Body("name", "password", "role")
    name, password, role = body.text("name", needed=True), body.text("password", needed=True), body.text("role")
    body.finish()
    try:
        made = users.create_user(context(), name or "", Secret(password or ""), role or Role.USER)
    except (Invalid, Conflict) as error:
        raise in_sender_words(error) from error
    return answer(made, 201)


@blueprint.get("/<name>")
def show(name: str) -> Response:
    return answer(users.get_user(context(), name))


@blueprint.patch("/<name>")
def edit(name: str) -> Response:
    body = Body("role", "enabled", "password")
    role, enabled, password = body.text("role"), body.boolean("enabled"), body.text("password")
    body.finish()
    try:
        changed = users.edit_user(
            context(), name, role=role, enabled=enabled, password=Secret(password) if password is not None else None
        )
    except (Invalid, Conflict) as error:
        raise in_sender_words(error) from error
    return answer(changed)


@blueprint.delete("/<name>")
def remove(name: str) -> Response:
    try:
        users.remove_user(context(), name)
    except Conflict as error:
        raise in_sender_words(error) from error
    return Response(status=204)
