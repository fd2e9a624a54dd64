"""One change: a transaction, its audit rows, and for the configuration a new revision and a nudge."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.database.models import Audit
from appliance.database.transactions import bump_revision, write_transaction
from appliance.errors import ChangedMeanwhile
from appliance.operations.context import Context

CHANGED_MEANWHILE = "Somebody else has changed this in the meantime. Saving again overwrites that."


@dataclass(frozen=True, slots=True)
class Change:
    """What is written together, or not at all."""

    context: Context
    revision: int
    """What changed rows of the configuration carry; 0 where it is none."""

    def audit(self, action: str, subject: str, **detail: object) -> None:
        """Add an audit row. `detail` is JSON; never a secret."""
        Audit.create(
            at=self.context.now,
            actor=self.context.actor.name,
            source=self.context.source,
            action=action,
            subject=subject,
            detail=detail,
        )


@contextlib.contextmanager
def change(context: Context) -> Iterator[Change]:
    """For what is no configuration: users, sessions."""
    with write_transaction():
        yield Change(context, 0)


@contextlib.contextmanager
def configuration_change(context: Context) -> Iterator[Change]:
    """For what the daemon has to know of. It is told after the transaction, and may miss it."""
    with write_transaction():
        revision = bump_revision()
        yield Change(context, revision)
    context.appliance.nudge(revision)


def fingerprint(*values: object) -> str:
    """Tells two states of something apart: a form carries that of the state which it shows."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def check_unchanged(current: str, seen: str) -> None:
    """Inside a change, with two fingerprints; an empty one was not asked for. Raises `ChangedMeanwhile`."""
    if seen and seen != current:
        raise ChangedMeanwhile(CHANGED_MEANWHILE)
