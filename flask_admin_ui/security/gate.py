"""The gate that each request passes: who is it, may it go on, and is a change really wanted by that person.

A browser shows its session by a cookie and proves each change with a CSRF token; a program shows a bearer token, which
no other site can make a browser send, and needs no further proof.
"""

from __future__ import annotations

from flask import Flask, g, redirect, request, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response

from appliance.operations.api_tokens import Scope, TokenBearer, authenticate_token
from appliance.operations.sessions import MAX_TOKEN, Authenticated, authenticate
from appliance.operations.users import needs_set_up
from appliance.secret import Secret
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.security.access import Viewer, source_address
from flask_admin_ui.security.cookies import read_token
from flask_admin_ui.services import services

PUBLIC = {
    "static",
    "sign_in.enter",
    "sign_in.leave",
    "sign_in.set_up",
    "api_auth.sign_in",
    "api_health.live",
    "api_health.ready",
    "api_health.health",
}
"""Endpoints that anybody on the network may ask for."""

csrf = CSRFProtect()


def install(app: Flask) -> None:
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_HEADERS=["X-CSRFToken"])
    csrf.init_app(app)
    app.before_request(pass_gate)


def pass_gate() -> Response | None:
    """Runs before every view. Raises the 401 for a program; sends a person to the sign-in page."""
    if request.endpoint == "static":
        return None
    bearer = bearer_token()
    token = bearer or read_token(request)
    known = viewer_with(token) if token is not None else None
    if known is not None:
        g.viewer, g.token = known, token
        check_scope(known)
    is_api = request.path.startswith("/api/")
    if is_api and isinstance(request.routing_exception, MethodNotAllowed):
        return None  # the answer is 405, whoever asks
    if is_api and known is None and request.endpoint not in PUBLIC:
        raise ProblemError(401)
    if bearer is None and request.endpoint != "api_auth.sign_in":
        csrf.protect()
    if known is not None or request.endpoint in PUBLIC:
        return None
    if request.headers.get("HX-Request"):
        raise ProblemError(401)
    return send_to_entrance()


def viewer_with(token: Secret) -> Viewer | None:
    """Whose session or personal token it is. The latter opens the API and no page."""
    appliance = services().appliance
    known = authenticate(appliance, token)
    if known is not None:
        return viewer_of(known)
    is_api = request.path.startswith("/api/")
    bearer = authenticate_token(appliance, token, source_address()) if is_api else None
    return viewer_by_token(bearer) if bearer is not None else None


def check_scope(known: Viewer) -> None:
    """Raises the 403 for a change with a token that may only read."""
    is_reader = known.token is not None and known.token.scope is Scope.READ
    if is_reader and request.method not in ("GET", "HEAD", "OPTIONS"):
        raise ProblemError(403, "This token may only read. Make one with the scope write.")


def bearer_token() -> Secret | None:
    """RFC 6750 §2.1."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    text = text.strip()
    return Secret(text) if kind.lower() == "bearer" and 0 < len(text) <= MAX_TOKEN else None


def viewer_of(known: Authenticated) -> Viewer:
    actor = known.actor
    assert actor.user_id is not None  # sessions belong to users
    return Viewer(actor.user_id, actor.name, actor.role, known.session.id)


def viewer_by_token(bearer: TokenBearer) -> Viewer:
    actor = bearer.actor
    assert actor.user_id is not None  # tokens belong to users
    return Viewer(actor.user_id, actor.name, actor.role, None, bearer.token)


def send_to_entrance() -> Response:
    """Set-up while there is no administrator, else sign-in, which comes back to where the person wanted to go."""
    if needs_set_up():
        return redirect(url_for("sign_in.set_up"))
    wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(url_for("sign_in.enter", next=wanted if wanted != "/" else None))
