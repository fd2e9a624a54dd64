"""Signing in by program: a bearer token for name and password, and its end. Also who one is."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request
from pydantic import Field

from appliance.errors import CodeNeeded
from appliance.operations import sessions, users
from appliance.secret import Secret
from flask_admin_ui.api.operation import Answer, operation
from flask_admin_ui.api.users import Person, Role
from flask_admin_ui.errors import FieldError, ProblemError
from flask_admin_ui.security.access import context, require_session, source_address, viewer
from flask_admin_ui.services import services
from flask_admin_ui.shapes import Input, Moment, Output

blueprint = Blueprint("api_auth", __name__, url_prefix="/api")


class SignIn(Input):
    """What one signs in with."""

    name: str = Field(max_length=200)
    password: str = Field(max_length=2000)
    code: str | None = Field(None, max_length=20, description="Six digits, where there is a second factor.")


class Self(Output):
    """Who signed in."""

    id: int
    name: str
    role: Role


class SignedIn(Output):
    """A token to send as `Authorization: Bearer`; it ends 24 hours after its last use."""

    token: str
    expires_at: Moment
    user: Self


class Session(Output):
    """A sign-in that lasts."""

    id: int
    user: str
    created_at: Moment
    used_at: Moment
    expires_at: Moment
    address: str
    user_agent: str


class Sessions(Output):
    """Where one is signed in; last used first."""

    items: list[Session]
    current: int | None = Field(description="The session of this request.")


@blueprint.post("/auth/sign-in")
@operation("Sign in", takes=SignIn, gives=SignedIn, public=True, refusals=(401,))
def sign_in(body: SignIn) -> Any:
    """Name, password, and the code where there is a second factor: the token is good for 24 hours from its last use."""
    try:
        signed_in = sessions.sign_in(
            services().appliance,
            body.name,
            Secret(body.password),
            address=source_address(),
            code=body.code or "",
            user_agent=request.user_agent.string,
        )
    except CodeNeeded as error:
        raise ProblemError(401, str(error), details=[FieldError("code", str(error))]) from error
    actor = signed_in.actor
    return {
        "token": signed_in.token.reveal(),
        "expires_at": signed_in.expires_at,
        "user": {"id": actor.user_id, "name": actor.name, "role": actor.role},
    }


@blueprint.post("/auth/sign-out")
@operation("Sign out", status=204)
def sign_out() -> Any:
    """The token of this request is worth nothing afterwards."""
    require_session()
    sessions.sign_out(g.token)


@blueprint.get("/auth/sessions")
@operation("List where one is signed in", gives=Sessions)
def list_sessions() -> Any:
    return {"items": sessions.own_sessions(context()), "current": viewer().session_id}


@blueprint.delete("/auth/sessions/<int(max=9223372036854775807):session_id>")
@operation("End a session of one's own", status=204)
def end_session(session_id: int) -> Any:
    """It is no error when there is none: the aim is reached."""
    sessions.end_own_session(context(), session_id)


@blueprint.get("/me")
@operation("Show who one is", gives=Person)
def me() -> Any:
    found = users.get_user(context(), viewer().name)
    return Answer(found, etag=found.fingerprint)
