"""The cookie that carries a session's token: readable by no script, sent to no other host, over HTTPS only."""

from __future__ import annotations

from flask import Flask, Request
from werkzeug.wrappers import Response

from appliance.operations.sessions import SESSION_SECONDS, SignedIn
from appliance.secret import Secret
from appliance.secretbox import hkdf

SESSION_COOKIE = "__Host-gosip-session"
"""The prefix makes a browser insist on Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2)."""
STATE_COOKIE = "__Host-gosip-state"
"""Flask's own signed cookie: the CSRF token's base and the messages of the next page."""
MAX_TOKEN = 200


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
