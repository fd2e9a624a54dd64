"""Personal API tokens: how a program gets in without anybody's password.

A token has the rights of the person who made it, as they are at the moment of each request: all of them, or with the
scope `read` only those to look. It is shown once; the database has its hash. It goes to the API and to nothing else,
and makes no further tokens: whoever steals one cannot dig in with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from appliance.database.models import ApiToken, User
from appliance.database.transactions import write_transaction
from appliance.errors import Conflict, NotFound
from appliance.operations import checks
from appliance.operations.change import change
from appliance.operations.checks import Checks, Refused
from appliance.operations.context import Actor, Appliance, Context
from appliance.operations.sessions import actor_of, hash_of
from appliance.operations.users import find_user
from appliance.secret import Secret

PREFIX = "gosip_"
"""Tells a token of ours from others, for people and for programs that look for leaked ones."""
TOKEN_BYTES = 32
SHOWN = len(PREFIX) + 4
"""So much of it is kept, to be recognised by."""
MAX_TOKENS = 50
MAX_DAYS = 3650
DAY = 24 * 3600
REFRESH_SECONDS = 60
"""The last use is written at most this often."""

NO_SUCH_TOKEN = "There is no such token."  # noqa: S105 - a message
TOO_MANY = "{name} has {count} tokens already. Remove one that is not used any more."
NO_NAME = "Give it a name by which you will know what uses it."
BAD_SCOPE = "Allowed are read and write."
BAD_DAYS = f"Allowed are 1 to {MAX_DAYS} days."


class Scope(StrEnum):
    """What a token may do of what its owner may."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as it is shown. Times are Unix seconds."""

    id: int
    user: str
    name: str
    beginning: str
    scope: Scope
    created_at: float
    expires_at: float | None
    used_at: float | None
    address: str
    """From where it was used last."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at the one moment at which it can be seen."""

    view: TokenView
    token: Secret


@dataclass(frozen=True, slots=True)
class TokenBearer:
    """Who shows a token."""

    actor: Actor
    token: TokenView


def make_token(
    context: Context, name: str, scope: str = Scope.READ, *, days: int | None = None, user: str | None = None
) -> NewToken:
    """For oneself, or for the named user by an administrator. Without `days` it does not end by itself.

    Raises `Invalid`, `Conflict`, `NotFound` or `Forbidden`.
    """
    owner = owner_of(context, user)
    check = Checks()
    name = check.take("name", checked_name, name)
    scope = check.take("scope", checked_scope, scope)
    days = check.take("days", checked_days, days)
    check.finish()
    text = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    with change(context) as now:
        check_room(owner, name)
        row = ApiToken.create(
            user=owner,
            name=name,
            token_hash=hash_of(text),
            beginning=text[:SHOWN],
            scope=scope,
            created_at=context.now,
            expires_at=None if days is None else context.now + days * DAY,
        )
        now.audit("token.add", owner.name, name=name, scope=str(scope))
    return NewToken(view_of(row), Secret(text))


def list_tokens(context: Context, user: str | None = None) -> tuple[TokenView, ...]:
    """One's own, or those of the named user for an administrator; newest first."""
    owner = owner_of(context, user)
    return views(ApiToken.select(ApiToken, User).join(User).where(ApiToken.user == owner))


def list_all_tokens(context: Context) -> tuple[TokenView, ...]:
    """Those of everybody, for administrators; newest first."""
    context.require_admin()
    return views(ApiToken.select(ApiToken, User).join(User))


def revoke_token(context: Context, token_id: int) -> None:
    """One's own, or anybody's for an administrator. Raises `NotFound`."""
    with change(context) as now:
        row = ApiToken.get_or_none(ApiToken.id == token_id)
        if row is None or not (context.is_admin or row.user_id == context.actor.user_id):
            raise NotFound(NO_SUCH_TOKEN)
        row.delete_instance()
        now.audit("token.remove", row.user.name, name=row.name)


def authenticate_token(appliance: Appliance, token: Secret, address: str) -> TokenBearer | None:
    """Whose it is, or None. The use is noted."""
    text = token.reveal()
    if not text.startswith(PREFIX):
        return None
    now = appliance.now()
    row = ApiToken.select(ApiToken, User).join(User).where(ApiToken.token_hash == hash_of(text)).first()
    if row is None or (row.expires_at is not None and row.expires_at <= now) or not row.user.enabled:
        return None
    if row.used_at is None or now - row.used_at >= REFRESH_SECONDS or row.address != address:
        with write_transaction():
            ApiToken.update(used_at=now, address=address).where(ApiToken.id == row.id).execute()
    return TokenBearer(actor_of(row.user), view_of(row))


def owner_of(context: Context, user: str | None) -> User:
    if user is not None and user != context.actor.name:
        context.require_admin()
    return find_user(context.actor.name if user is None else user)


def check_room(owner: User, name: str) -> None:
    own = ApiToken.select().where(ApiToken.user == owner)
    if own.count() >= MAX_TOKENS:
        raise Conflict(TOO_MANY.format(name=owner.name, count=MAX_TOKENS))
    if own.where(ApiToken.name == name).exists():
        raise Conflict(f"{owner.name} has a token of the name {name} already.", field="name")


def checked_name(value: str) -> str:
    if not checks.name(value):
        raise Refused(NO_NAME)
    return checks.name(value)


def checked_scope(value: str) -> str:
    if value not in tuple(Scope):
        raise Refused(BAD_SCOPE)
    return value


def checked_days(value: int | None) -> int | None:
    if value is not None and not 1 <= value <= MAX_DAYS:
        raise Refused(BAD_DAYS)
    return value


def views(query: Any) -> tuple[TokenView, ...]:
    rows: Iterable[ApiToken] = query.order_by(ApiToken.created_at.desc(), ApiToken.id.desc())
    return tuple(view_of(row) for row in rows)


def view_of(row: ApiToken) -> TokenView:
    return TokenView(
        id=row.id,
        user=row.user.name,
        name=row.name,
        beginning=row.beginning,
        scope=Scope(row.scope),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        address=row.address,
    )
