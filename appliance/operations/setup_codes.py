"""One-time codes: the first administrator is made with one, and so is a way back in (`gosip admin reset`).

There is no default password anywhere. A new code makes the old ones void; a used or expired one is worth nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from appliance.database.models import SetupCode
from appliance.errors import SignInRefused
from appliance.operations import checks
from appliance.operations.change import change
from appliance.operations.checks import Checks
from appliance.operations.context import NOBODY, Appliance, Context
from appliance.operations.lockout import begin_attempt, forget_all
from appliance.operations.sessions import SignedIn, start_session
from appliance.operations.users import take_over_as_admin
from appliance.passwords import hash_password
from appliance.secret import Secret

CODE_SECONDS = 24 * 3600
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
GROUPS, GROUP_LENGTH = 4, 4
"""80 bits: more than anybody guesses in a day."""
ACCOUNT = "(set-up code)"
"""Under this name wrong codes count for the lock-out, for each address alone: a neighbour's guesses must not keep the
owner out. No user can have it."""

REFUSED = "The code is wrong, was used, or has expired. `gosip admin reset` prints a new one."


def new_setup_code(context: Context) -> Secret:
    """A code that is good once, for a day. Older ones are void from now on, and so is every lock-out."""
    context.require_admin()
    code = "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
    with change(context) as now:
        SetupCode.delete().execute()
        forget_all()
        SetupCode.create(code_hash=hash_of(code), created_at=context.now, expires_at=context.now + CODE_SECONDS)
        now.audit("setup-code.new", "")
    return Secret(code)


def use_setup_code(
    appliance: Appliance, code: Secret, name: str, password: Secret, *, address: str, user_agent: str = ""
) -> SignedIn:
    """Make an administrator, or take an account back, and sign in. Raises `Invalid`, `SignInRefused`, `LockedOut`."""
    check = Checks()
    name = check.take("name", checks.user_name, name)
    check.take("password", checks.password, password)
    check.finish()
    trial = begin_attempt(appliance, f"{ACCOUNT} {address}", address)
    hashed = hash_password(password)
    with change(Context(appliance, NOBODY, address)) as now:
        row = SetupCode.get_or_none(
            (SetupCode.code_hash == hash_of(code.reveal()))
            & SetupCode.used_at.is_null()
            & (SetupCode.expires_at > appliance.now())
        )
        if row is None:
            raise SignInRefused(REFUSED)
        row.used_at = appliance.now()
        row.save()
        user = take_over_as_admin(now, name, hashed)
        now.audit("setup-code.use", name)
    trial.succeeded()
    return start_session(appliance, user, address=address, user_agent=user_agent)


def is_usable(appliance: Appliance, code: Secret) -> bool:
    """Whether a code would be taken, for tests and `gosip status`; nothing is counted."""
    digest = hash_of(code.reveal())
    rows = SetupCode.select().where(SetupCode.used_at.is_null() & (SetupCode.expires_at > appliance.now()))
    return any(hmac.compare_digest(row.code_hash, digest) for row in rows)


def hash_of(code: str) -> str:
    """Small letters, spaces and dashes make no difference."""
    plain = "".join(character for character in code.upper() if character.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()
