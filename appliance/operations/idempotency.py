"""Requests that must not happen twice: an answer is kept under the key that the request carried, and repeated.

The form is that of the IETF's Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header). What is kept is an
answer that reports success: a refused request has changed nothing, so its key is free again. Answers may hold what is
shown once (the password of a phone): they are sealed, and gone after a day.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.database.models import Idempotency
from appliance.database.transactions import write_transaction
from appliance.errors import OperationError
from appliance.operations.context import Appliance
from appliance.secret import Secret
from appliance.secretbox import Purpose

KEEP_SECONDS = 24 * 3600
BROKEN_OFF_SECONDS = 120
"""No request of ours takes so long (gunicorn ends it after 60): its program has died meanwhile."""
MAX_KEYS = 10_000
"""Of one user at a time."""
MAX_ANSWER_BYTES = 256 * 1024
FIELD = "idempotency.answer"

REUSED = "This Idempotency-Key was used for another request. Take a new one for each request."
IN_PROGRESS = "The request with this Idempotency-Key is still being carried out. Ask again in a moment."
BROKEN_OFF = (
    "The request with this Idempotency-Key was broken off, and nobody knows whether it took effect. Look at the state, "
    "then decide, with a new key."
)
TOO_MANY = f"More than {MAX_KEYS} requests with an Idempotency-Key within a day. Go on without, or wait."


class KeyReused(OperationError):
    """The key belongs to another request."""


class StillRunning(OperationError):
    """The first request with that key has not ended, or was broken off."""


class TooManyKeys(OperationError):
    """The user has as many kept answers as are allowed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry the request out: to be ended by `keep_answer` or `give_up`."""

    id: int


def claim_key(appliance: Appliance, user_id: int, key: str, fingerprint: str) -> Claim | Secret:
    """The right to carry the request out, or the answer that it got before.

    `fingerprint` tells whether it is the same request. Raises `KeyReused`, `StillRunning` or `TooManyKeys`.
    """
    now = appliance.now()
    with write_transaction():
        Idempotency.delete().where(Idempotency.started_at < now - KEEP_SECONDS).execute()
        mine = Idempotency.user == user_id
        row = Idempotency.get_or_none(mine & (Idempotency.key == key))
        if row is None:
            if Idempotency.select().where(mine).count() >= MAX_KEYS:
                raise TooManyKeys(TOO_MANY)
            made = Idempotency.create(user=user_id, key=key, fingerprint=fingerprint, started_at=now)
            return Claim(made.id)
    if row.fingerprint != fingerprint:
        raise KeyReused(REUSED)
    if row.sealed_answer is None:
        raise StillRunning(IN_PROGRESS if now - row.started_at < BROKEN_OFF_SECONDS else BROKEN_OFF)
    return appliance.box(Purpose.ANSWER).open(FIELD, bytes(row.sealed_answer))


def keep_answer(appliance: Appliance, claim: Claim, answer: Secret) -> None:
    """The request has taken effect, and was answered so."""
    sealed = appliance.box(Purpose.ANSWER).seal(FIELD, answer)
    with write_transaction():
        Idempotency.update(sealed_answer=sealed).where(Idempotency.id == claim.id).execute()


def give_up(claim: Claim) -> None:
    """The request was refused or failed, and changed nothing: the key may be used again."""
    with write_transaction():
        Idempotency.delete().where(Idempotency.id == claim.id).execute()
