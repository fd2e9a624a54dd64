"""What several pages do the same way."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request
from flask_babel import get_timezone

from appliance.errors import Conflict, OperationError
from appliance.operations.paging import MAX_SIZE, PageRequest
from appliance.operations.users import list_users
from flask_admin_ui.fragments import respond
from flask_admin_ui.security.access import context, viewer
from flask_admin_ui.services import services


def live_fragment(render: Callable[[], str]) -> Response:
    """Answer a poll of the viewer with a fragment that all of the same scope share."""
    return respond(services().fragments, viewer().scope, render, timezone=str(get_timezone()))


def form_status() -> int:
    """Of a page with a form: 422 when it comes back with reasons (RFC 9110 §15.5.21)."""
    return 200 if request.method == "GET" else 422


def error_status(error: OperationError) -> int:
    """Of a page with a form that an operation refused: 409 when not one of its fields is at fault but the state."""
    return 409 if isinstance(error, Conflict) and error.field is None else 422


def seen() -> str:
    """The fingerprint of the state that the submitted form was filled from."""
    return request.form.get("seen", "")[:100]


def people() -> list[tuple[int, str]]:
    """Everybody who may own a number, by id and name; for administrators."""
    found: list[tuple[int, str]] = []
    number = 1
    while True:
        page = list_users(context(), PageRequest(number, MAX_SIZE))
        found += [(user.id, user.name) for user in page.rows]
        if not page.rows or len(found) >= page.total:
            return found
        number += 1
