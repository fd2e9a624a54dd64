"""The second factor: time-based codes (RFC 6238) of an app on the person's phone.

It is offered, shown as a QR code, and takes effect only once a code of it was given back. A code is taken once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyotp

from appliance.database.models import User
from appliance.database.transactions import write_transaction
from appliance.errors import Conflict, Invalid, SignInRefused
from appliance.operations.change import change
from appliance.operations.context import Appliance, Context
from appliance.operations.lockout import begin_own_attempt
from appliance.operations.users import WRONG_PASSWORD, drop_second_factor, own_row
from appliance.passwords import verify_password
from appliance.secret import Secret
from appliance.secretbox import Purpose

SEALED_FIELD = "user.totp"
STEP_SECONDS = 30
DRIFT_STEPS = 1
"""A phone's clock may be half a minute off (RFC 6238 §5.2)."""
ISSUER = "GoSIP"
MADE_HERE = re.compile(r"[A-Z2-7]{32}")
"""What `pyotp.random_base32` makes: 160 bits (RFC 4226 §4)."""

HAS_ONE = "You have a second factor already. Remove it first."
WRONG_CODE = "The code is wrong or was used already. Wait for the next one."


@dataclass(frozen=True, slots=True)
class Offer:
    """A new secret, not yet in effect."""

    secret: Secret
    """To be typed where a QR code cannot be read."""
    uri: Secret
    """`otpauth://...`, for the QR code; it contains the secret."""


def offer_second_factor(context: Context, again: Secret | None = None) -> Offer:
    """A secret for the actor. It is not stored: `confirm_second_factor` gets it back with a first code.

    Raises `Conflict` for who has one already. After a mistyped code `again` is the secret of the offer before, which
    the person's app knows already.
    """
    row = own_row(context)
    check_has_none(row)
    text = again.reveal() if again is not None and MADE_HERE.fullmatch(again.reveal()) else pyotp.random_base32()
    name = f"{row.name}@{context.appliance.settings.sip_domain}"
    return Offer(Secret(text), Secret(pyotp.TOTP(text).provisioning_uri(name=name, issuer_name=ISSUER)))


def confirm_second_factor(context: Context, secret: Secret, code: str) -> None:
    """Put it into effect. Raises `Invalid` for a wrong code, `Conflict` when there is one already."""
    row = own_row(context)
    check_has_none(row)
    step = matching_step(secret, code, context.now, after=0)
    if step is None:
        raise Invalid({"code": WRONG_CODE})
    sealed = context.appliance.box(Purpose.ACCOUNT).seal(SEALED_FIELD, secret)
    with change(context) as now:
        User.update(totp_sealed=sealed, totp_last_step=step).where(User.id == row.id).execute()
        now.audit("user.second-factor.on", row.name)


def check_has_none(row: User) -> None:
    """One that is there is removed first, which takes the password: a session left open must not be enough."""
    if row.totp_sealed is not None:
        raise Conflict(HAS_ONE)


def drop_own_second_factor(context: Context, password: Secret) -> None:
    """With the password, since a session left open must not be enough."""
    row = own_row(context)
    trial = begin_own_attempt(context)
    if not verify_password(row.password_hash, password):
        raise Invalid({"password": WRONG_PASSWORD})
    trial.succeeded()
    with change(context) as now:
        drop_second_factor(now, row)


def check_code(appliance: Appliance, row: User, code: str) -> None:
    """Take a code of a user's second factor, once. Raises `SignInRefused`."""
    secret = appliance.box(Purpose.ACCOUNT).open(SEALED_FIELD, row.totp_sealed or b"")
    step = matching_step(secret, code, appliance.now(), after=row.totp_last_step)
    if step is None:
        raise SignInRefused(WRONG_CODE)
    with write_transaction():
        # Of two requests with the same code, one finds the step taken.
        unused = (User.id == row.id) & (User.totp_last_step < step)
        if not User.update(totp_last_step=step).where(unused).execute():
            raise SignInRefused(WRONG_CODE)
    row.totp_last_step = step


def matching_step(secret: Secret, code: str, now: float, *, after: int) -> int | None:
    """The time step whose code it is, later than the last one taken; None when there is none."""
    digits = "".join(code.split())
    current = int(now) // STEP_SECONDS
    try:
        totp = pyotp.TOTP(secret.reveal(), interval=STEP_SECONDS)
        for step in range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1):
            if pyotp.utils.strings_equal(digits, totp.generate_otp(step)) and step > after:
                return step
    except ValueError:
        return None  # the secret came back from a form, and is no base32
    return None
