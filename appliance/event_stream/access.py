"""Whose stream it is, and whether it still may be: asked of the database, by functions that belong off the loop.

A stream does not keep a session alive: the pages do, by what their owner does on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from appliance.database.models import ApiToken, Extension, Session, User
from appliance.operations.api_tokens import authenticate_token
from appliance.operations.context import Actor, Appliance, Role
from appliance.operations.sessions import MAX_TOKEN, SESSION_COOKIE, authenticate
from appliance.secret import Secret

__all__ = ["Identity", "identify", "own_numbers", "still_valid", "token_of"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who reads a stream, and by what right."""

    user_id: int
    name: str
    is_admin: bool
    numbers: frozenset[str]
    """The extensions of a user; of no interest for an administrator."""
    session_id: int | None = None
    token_id: int | None = None


def token_of(headers: Mapping[str, str]) -> Secret | None:
    """The token of a request, by its headers in lower case: RFC 6750 §2.1, or the cookie of the pages."""
    kind, _, text = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        text = cookie_of(headers.get("cookie", ""))
    text = text.strip()
    return Secret(text) if 0 < len(text) <= MAX_TOKEN else None


def cookie_of(header: str) -> str:
    try:
        cookies = SimpleCookie(header)
    except CookieError:
        return ""
    return cookies[SESSION_COOKIE].value if SESSION_COOKIE in cookies else ""


def identify(appliance: Appliance, token: Secret, address: str) -> Identity | None:
    """Whose token it is, or None."""
    session = authenticate(appliance, token)
    if session is not None:
        return identity_of(session.actor, session_id=session.session.id)
    bearer = authenticate_token(appliance, token, address)
    return identity_of(bearer.actor, token_id=bearer.token.id) if bearer is not None else None


def identity_of(actor: Actor, *, session_id: int | None = None, token_id: int | None = None) -> Identity:
    assert actor.user_id is not None  # sessions and tokens belong to users
    is_admin = actor.role is Role.ADMIN
    numbers = frozenset() if is_admin else own_numbers({actor.user_id}).get(actor.user_id, frozenset())
    return Identity(actor.user_id, actor.name, is_admin, numbers, session_id, token_id)


def own_numbers(user_ids: Iterable[int]) -> dict[int, frozenset[str]]:
    """The extensions of these users."""
    found: dict[int, set[str]] = {}
    for row in Extension.select(Extension.number, Extension.owner).where(Extension.owner.in_(list(user_ids))):
        if row.owner_id is not None:
            found.setdefault(row.owner_id, set()).add(row.number)
    return {user_id: frozenset(numbers) for user_id, numbers in found.items()}


def still_valid(appliance: Appliance, identities: Iterable[Identity]) -> dict[Identity, Identity]:
    """What has become of each: one that is missing has ended, another role has another value. Three queries for all."""
    known, now = tuple(identities), appliance.now()
    sessions, tokens = valid_sessions(known, now), valid_tokens(known, now)
    numbers = own_numbers({one.user_id for one in known if not one.is_admin})
    found = {}
    for one in known:
        role = sessions.get(one.session_id) if one.session_id is not None else tokens.get(one.token_id)
        if role is not None:
            is_admin = role == Role.ADMIN
            own = frozenset() if is_admin else numbers.get(one.user_id, frozenset())
            found[one] = Identity(one.user_id, one.name, is_admin, own, one.session_id, one.token_id)
    return found


def valid_sessions(known: Iterable[Identity], now: float) -> dict[int | None, str]:
    """The roles of those that may go on, by session."""
    wanted = [one.session_id for one in known if one.session_id is not None]
    query = Session.select(Session, User).join(User)
    query = query.where(Session.id.in_(wanted) & (Session.expires_at > now) & (User.enabled == True))  # noqa: E712
    return {row.id: row.user.role for row in query}


def valid_tokens(known: Iterable[Identity], now: float) -> dict[int | None, str]:
    wanted = [one.token_id for one in known if one.token_id is not None]
    lasts = ApiToken.expires_at.is_null() | (ApiToken.expires_at > now)
    query = ApiToken.select(ApiToken, User).join(User)
    query = query.where(ApiToken.id.in_(wanted) & lasts & (User.enabled == True))  # noqa: E712
    return {row.id: row.user.role for row in query}
