"""The cookie that carries a session's token: readable by no script, sent to no other host, over HTTPS only."""

from __future__ import annotations

import secrets

from flask import Flask, Request, current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from appliance.operations.sessions import MAX_TOKEN, SESSION_COOKIE, SESSION_SECONDS, SignedIn
from appliance.secret import Secret
from appliance.secretbox import hkdf

STATE_COOKIE = "__Host-gosip-state"
"""Flask's own signed cookie: the CSRF token's base and the messages of the next page."""
KNOWN_COOKIE = "__Host-gosip-known"
"""Tells that somebody has signed in with this browser before, and who: strangers who guess cannot lock it out."""
KNOWN_SECONDS = 365 * 24 * 3600


def configure(app: Flask, master_key: bytes) -> None:
    """Set how Flask's own cookie is signed and sent. The signing key is derived for this purpose alone."""
    app.config.update(
        SECRET_KEY=hkdf(master_key, b"gosip admin cookies 1"),
        SESSION_COOKIE_NAME=STATE_COOKIE,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )


def read_token(request: Request) -> Secret | None:
    """The token that came with a request."""
    text = request.cookies.get(SESSION_COOKIE, "")
    return Secret(text) if 0 < len(text) <= MAX_TOKEN else None


def set_token(response: Response, signed_in: SignedIn) -> None:
    """Keep a fresh session in the browser. The database decides when it ends; the cookie outlives it a little."""
    response.set_cookie(
        SESSION_COOKIE,
        signed_in.token.reveal(),
        max_age=30 * SESSION_SECONDS,
        secure=True,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def drop_token(response: Response) -> None:
    response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="Lax", path="/")


def known_browser(name: str) -> str:
    """The mark of this browser when that person has signed in with it before, else empty."""
    try:
        known_name, mark = known_marks().loads(request.cookies.get(KNOWN_COOKIE, ""), max_age=KNOWN_SECONDS)
    except (BadData, ValueError, TypeError):
        return ""
    return str(mark) if known_name == name.strip().casefold() else ""


def remember_browser(response: Response, name: str) -> None:
    """Keep the mark, or make one: it outlives the session and is worth nothing without the password."""
    mark = known_browser(name) or secrets.token_urlsafe(12)
    response.set_cookie(
        KNOWN_COOKIE,
        known_marks().dumps((name, mark)),
        max_age=KNOWN_SECONDS,
        secure=True,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def known_marks() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="known browser")
