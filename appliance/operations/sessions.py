"""Signing in and staying signed in: a session lasts 24 hours from its last use (G7).

The browser holds a random token, the database only its hash. Whoever fails learns nothing of what was wrong, not even
from the time it took.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from appliance.database.models import Session, User
from appliance.database.transactions import write_transaction
from appliance.errors import CodeNeeded, SignInRefused
from appliance.operations.change import change
from appliance.operations.context import Actor, Appliance, Context, Role
from appliance.operations.lockout import begin_attempt, begin_known_attempt
from appliance.operations.second_factor import check_code
from appliance.passwords import hash_password, needs_rehash, verify_password
from appliance.secret import Secret

SESSION_SECONDS = 24 * 3600
REFRESH_SECONDS = 60
"""A session's last use is written at most this often: a page that updates itself must not write each time."""
TOKEN_BYTES = 32
MAX_TOKEN = 200
"""No token of ours is longer."""
SESSION_COOKIE = "__Host-gosip-session"
"""The prefix makes a browser insist on Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2)."""

REFUSED = "The user name or the password is wrong."
CODE_NEEDED = "Give the code of your second factor."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session. The token goes into the cookie and nowhere else."""

    actor: Actor
    token: Secret
    expires_at: float


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as it is shown. Times are Unix seconds."""

    id: int
    user: str
    created_at: float
    used_at: float
    expires_at: float
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Whose session a token is."""

    actor: Actor
    session: SessionView


def sign_in(
    appliance: Appliance,
    name: str,
    password: Secret,
    *,
    address: str,
    code: str = "",
    user_agent: str = "",
    browser: str = "",
) -> SignedIn:
    """Raises `SignInRefused`, `LockedOut`, or `CodeNeeded` when only the second factor's code is missing.

    `browser` is the mark of a browser that has proven to be this person's by signing in before; else empty.
    """
    name = name.strip().casefold()
    trial = begin_known_attempt(appliance, name, browser) if browser else begin_attempt(appliance, name, address)
    row = User.get_or_none(User.name == name)
    is_right = verify_password(row.password_hash if row is not None else None, password)
    if row is None or not is_right or not row.enabled:
        raise SignInRefused(REFUSED)
    if row.totp_sealed is not None:
        if not code.strip():
            trial.forgive()
            raise CodeNeeded(CODE_NEEDED)
        check_code(appliance, row, code)
    trial.succeeded()
    if needs_rehash(row.password_hash):
        row.password_hash = hash_password(password)
    return start_session(appliance, row, address=address, user_agent=user_agent)


def start_session(appliance: Appliance, row: User, *, address: str, user_agent: str = "") -> SignedIn:
    """For somebody whose right to it was checked just now."""
    token, now = secrets.token_urlsafe(TOKEN_BYTES), appliance.now()
    actor = actor_of(row)
    with change(Context(appliance, actor, address)) as sign_in_change:
        row.last_sign_in_at = now
        row.save()
        Session.delete().where(Session.expires_at < now).execute()
        Session.create(
            token_hash=hash_of(token),
            user=row,
            created_at=now,
            used_at=now,
            expires_at=now + SESSION_SECONDS,
            address=address,
            user_agent=user_agent[:200],
        )
        sign_in_change.audit("session.start", row.name)
    return SignedIn(actor, Secret(token), now + SESSION_SECONDS)


def authenticate(appliance: Appliance, token: Secret) -> Authenticated | None:
    """Whose token it is, or None; a session in use is prolonged."""
    now = appliance.now()
    row = Session.select(Session, User).join(User).where(Session.token_hash == hash_of(token.reveal())).first()
    if row is None or row.expires_at <= now or not row.user.enabled:
        return None
    if now - row.used_at >= REFRESH_SECONDS:
        with write_transaction():
            Session.update(used_at=now, expires_at=now + SESSION_SECONDS).where(Session.id == row.id).execute()
        row.used_at, row.expires_at = now, now + SESSION_SECONDS
    return Authenticated(actor_of(row.user), view_of(row))


def sign_out(token: Secret) -> None:
    """End that session; nothing happens when there is none."""
    with write_transaction():
        Session.delete().where(Session.token_hash == hash_of(token.reveal())).execute()


def own_sessions(context: Context) -> tuple[SessionView, ...]:
    """Where the actor is signed in, last used first."""
    rows = (
        Session.select(Session, User)
        .join(User)
        .where((Session.user == (context.actor.user_id or 0)) & (Session.expires_at > context.now))
        .order_by(Session.used_at.desc())
    )
    return tuple(view_of(row) for row in rows)


def end_own_session(context: Context, session_id: int) -> None:
    """End one of the actor's own sessions, perhaps on a lost machine."""
    with change(context) as now:
        mine = (Session.id == session_id) & (Session.user == (context.actor.user_id or 0))
        if Session.delete().where(mine).execute():
            now.audit("session.end", context.actor.name)


def actor_of(row: User) -> Actor:
    return Actor(row.name, Role(row.role), row.id)


def hash_of(token: str) -> str:
    """A token is random, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def view_of(row: Session) -> SessionView:
    return SessionView(
        id=row.id,
        user=row.user.name,
        created_at=row.created_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
        address=row.address,
        user_agent=row.user_agent,
    )
