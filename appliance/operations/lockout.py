"""The lock-out: after five failures within fifteen minutes, by account or by address, nobody is let in (G7).

A failure is counted before the password is looked at and taken back when it was right: so many guesses at the same
time are no way around it. Names that do not exist are counted like those that do.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.database.models import Event, SignInFailure
from appliance.database.transactions import write_transaction
from appliance.errors import LockedOut
from appliance.operations.context import Appliance, Context

MAX_FAILURES = 5
WINDOW_SECONDS = 15 * 60
REPORT_KIND = "sign-in.locked"
REPORT = "Somebody at {address} has tried to sign in too often and must wait."
LOCKED_OUT = "There were too many failed attempts. Try again in {minutes} minutes."


@dataclass(slots=True)
class Attempt:
    """One attempt: a failure unless one of these is called."""

    account: str
    failure_id: int

    def succeeded(self) -> None:
        """All was right: the account starts anew. Failures with other accounts from the same address stay."""
        mine = (SignInFailure.account == self.account) | (SignInFailure.id == self.failure_id)
        with write_transaction():
            SignInFailure.delete().where(mine).execute()

    def forgive(self) -> None:
        """It was no failure, and no success either: half of what is needed was right."""
        with write_transaction():
            SignInFailure.delete().where(SignInFailure.id == self.failure_id).execute()


def begin_attempt(appliance: Appliance, account: str, address: str) -> Attempt:
    """Call it before a password or code is checked. Raises `LockedOut`."""
    try:
        return begin(appliance, account, address)
    except LockedOut:
        report_lock_out(appliance, address)
        raise


def begin(appliance: Appliance, account: str, address: str) -> Attempt:
    account, now = account.casefold()[:160], appliance.now()
    with write_transaction():
        SignInFailure.delete().where(SignInFailure.at < now - WINDOW_SECONDS).execute()
        check_open(account, address, now)
        row = SignInFailure.create(account=account, address=address, at=now)
    return Attempt(account, row.id)


def report_lock_out(appliance: Appliance, address: str) -> None:
    """An event, once for each address and window. Without the name: people type passwords into that field too."""
    now, message = appliance.now(), REPORT.format(address=address)
    same = (Event.kind == REPORT_KIND) & (Event.message == message) & (Event.at > now - WINDOW_SECONDS)
    if Event.select().where(same).exists():
        return
    with write_transaction():
        Event.create(at=now, severity="warning", source="admin", kind=REPORT_KIND, message=message, detail={})


def begin_own_attempt(context: Context) -> Attempt:
    """For somebody who is signed in and gives the password again: strangers at the entrance do not count."""
    key = f"{context.actor.name} (signed in)"
    return begin(context.appliance, key, key)


def begin_known_attempt(appliance: Appliance, account: str, browser: str) -> Attempt:
    """From a browser in which this person has signed in before: its failures are counted for it alone.

    So nobody can lock the owner out by guessing wrong all day long.
    """
    key = f"{account} (browser {browser})"
    return begin(appliance, key, key)


def check_open(account: str, address: str, now: float) -> None:
    for condition in (SignInFailure.account == account, SignInFailure.address == address):
        times = [row.at for row in SignInFailure.select().where(condition).order_by(SignInFailure.at)]
        if len(times) >= MAX_FAILURES:
            wait = max(1, round(times[-MAX_FAILURES] + WINDOW_SECONDS - now))
            raise LockedOut(LOCKED_OUT.format(minutes=-(-wait // 60)), retry_after=wait)


def forget_all() -> None:
    """Inside a transaction: for the owner of the machine, who may be locked out."""
    SignInFailure.delete().execute()
