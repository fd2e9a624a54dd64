"""Signing in by program: a bearer token for name and password, and its end. Also who one is."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from appliance.errors import CodeNeeded
from appliance.operations import sessions, users
from appliance.secret import Secret
from flask_admin_ui.api.wire import Body, answer
from flask_admin_ui.errors import FieldError, ProblemError
from flask_admin_ui.security.access import context, source_address, viewer
from flask_admin_ui.services import services

blueprint = Blueprint("api_auth", __name__, url_prefix="/api")


@blueprint.post("/auth/sign-in")
def sign_in() -> Response:
    """Name, password, and the code where there is a second factor: the token is good for 24 hours from its last use."""
    body = Body("name", "password", "code")
    name, password, code = body.text("name", needed=True), body.text("password", needed=True), body.text("code")
    body.finish()
    try:
        signed_in = sessions.sign_in(
            services().appliance,
            (name or "")[:200],
            Secret((password or "")[:2000]),
            address=source_address(),
            code=code or "",
            user_agent=request.user_agent.string,
        )
    except CodeNeeded as error:
        raise ProblemError(401, str(error), details=[FieldError("code", str(error))]) from error
    return answer(
        {
            "token": signed_in.token.reveal(),
            "expires_at": signed_in.expires_at,
            "user": {"id": signed_in.actor.user_id, "name": signed_in.actor.name, "role": signed_in.actor.role},
        }
    )


@blueprint.post("/auth/sign-out")
def sign_out() -> Response:
    sessions.sign_out(g.token)
    return Response(status=204)


@blueprint.get("/auth/sessions")
def list_sessions() -> Response:
    found = sessions.own_sessions(context())
    return answer({"items": found, "current": viewer().session_id})


@blueprint.delete("/auth/sessions/<int(max=9223372036854775807):session_id>")
def end_session(session_id: int) -> Response:
    sessions.end_own_session(context(), session_id)
    return Response(status=204)


@blueprint.get("/me")
def me() -> Response:
    return answer(users.get_user(context(), viewer().name))
