"""How operations write: one transaction that takes the write lock first, and the revision that tells others to look.

Taking the lock at the start (BEGIN IMMEDIATE) means that what was read inside is still true when it is written; a
transaction that reads first and writes later would be refused by SQLite when another one came in between.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from peewee import DatabaseError as PeeweeDatabaseError
from peewee import IntegrityError

from appliance.database.migrate import reason_of
from appliance.database.models import Revision
from appliance.database.proxy import database
from appliance.errors import DatabaseBusy, DatabaseError


@contextlib.contextmanager
def write_transaction() -> Iterator[None]:
    """All or nothing. Raises `DatabaseBusy` when the lock cannot be had, `DatabaseError` for any other trouble."""
    with speaking_errors(), database.atomic("IMMEDIATE"):
        yield


@contextlib.contextmanager
def speaking_errors() -> Iterator[None]:
    """Turn what SQLite says into a sentence for a person. Violated constraints pass: they are the caller's to name."""
    try:
        yield
    except IntegrityError:
        raise
    except PeeweeDatabaseError as error:
        said = first_words(error)
        text = f"The database cannot be used: {reason_of(sqlite3.DatabaseError(said))}"
        raise (DatabaseBusy if "locked" in said else DatabaseError)(text) from error


def first_words(error: BaseException) -> str:
    """What went wrong first: after a full disk SQLite has rolled back by itself, and the second rollback fails too."""
    while "cannot rollback" in str(error) and error.__context__ is not None:
        error = error.__context__
    return str(error)


def bump_revision() -> int:
    """Inside a `write_transaction`: the number that the rows changed in it carry."""
    Revision.update(number=Revision.number + 1).execute()  # it has one row
    return current_revision()


def current_revision() -> int:
    number: int = Revision.get_by_id(1).number
    return number
