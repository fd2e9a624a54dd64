"""Bringing a database file to the schema of this version: safely, once, whoever comes first.

Whoever finds the schema old takes a lock on the folder; the others wait for it and then find it current. Before an
existing schema is changed, a consistent copy of the file is kept beside it. All missing migrations run in one
transaction: either all of them happened or none. A schema with migrations that we do not know is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from appliance.database.migrations import MIGRATIONS, Migration
from appliance.errors import DatabaseError, SchemaTooNew

FILE_MODE = 0o660
LOCK_SECONDS = 60.0
"""How long a start waits for another one's migration: copying some gigabytes of call history takes that long."""

SQL_MIGRATION_TABLE = """
CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at REAL NOT NULL)
"""


def migrate(path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Make or update the file; returns how many migrations ran. Raises `DatabaseError` or `SchemaTooNew`."""
    newest = migrations[-1].number
    try:
        if path.exists() and schema_number(path) == newest:
            return 0
        with folder_lock(path.parent):
            return migrate_locked(path, migrations)
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"The database {path} cannot be used: {reason_of(error)}") from error
    except OSError as error:
        raise DatabaseError(f"The database {path} cannot be used: {error.strerror or error}.") from error


def migrate_locked(path: Path, migrations: Sequence[Migration]) -> int:
    current = schema_number(path) if path.exists() else 0
    newest = migrations[-1].number
    if current > newest:
        raise SchemaTooNew(
            f"The database {path} was written by a newer version of GoSIP (schema {current}; this version knows "
            f"{newest}). Start that version again, or put a copy from before the update in its place."
        )
    if current == newest:
        return 0
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, FILE_MODE))
        path.chmod(FILE_MODE)
    missing = [migration for migration in migrations if migration.number > current]
    with contextlib.closing(connect(path)) as connection:
        # Kept in the file: every later connection finds it so.
        connection.execute("PRAGMA journal_mode = WAL")
        if current:
            keep_copy(connection, copy_path(path, current))
        apply(connection, missing)
    return len(missing)


def schema_number(path: Path) -> int:
    """The number of the newest migration that ran; 0 for an empty file."""
    with contextlib.closing(connect(path)) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'migration'").fetchone()
        if known is None:
            return 0
        number: int | None = connection.execute("SELECT max(number) FROM migration").fetchone()[0]
        return number or 0


def apply(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(SQL_MIGRATION_TABLE)
        for migration in migrations:
            for statement in migration.statements:
                connection.execute(statement)
            row = (migration.number, migration.name, time.time())
            connection.execute("INSERT INTO migration (number, name, applied_at) VALUES (?, ?, ?)", row)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def copy_path(path: Path, schema: int) -> Path:
    """Where the copy of the old file goes; an older copy of the same schema is never overwritten."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return path.with_name(f"{path.name}.schema-{schema}.{stamp}")


def keep_copy(connection: sqlite3.Connection, target: Path) -> None:
    """A consistent copy, also while others write; complete under its name or not there at all."""
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(partial)) as copy:
        connection.backup(copy)
    partial.chmod(FILE_MODE)
    partial.rename(target)


def connect(path: Path) -> sqlite3.Connection:
    """A connection of its own, with transactions said in words."""
    return sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Held by the one that migrates. The kernel frees it when the process ends, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def reason_of(error: sqlite3.DatabaseError) -> str:
    """What SQLite says, with what to do about it."""
    text = str(error)
    for part, advice in REASONS.items():
        if part in text:
            return advice
    return f"{text}."


REASONS = {
    "locked": "another program holds its write lock for too long. Try again; if it stays so, restart GoSIP.",
    "full": "the disk is full. Free some space; nothing was lost.",
    "readonly": "it is read-only for this user. Run the command as the user that GoSIP runs as.",
    "unable to open": "it cannot be opened. Check that the data folder exists and belongs to the user GoSIP runs as.",
    "not a database": "the file is damaged or is no database. Put a backup in its place.",
    "malformed": "the file is damaged. Put a backup in its place.",
    "disk I/O error": "the disk reports an error. Check the disk.",
}
"""By a part of SQLite's own text."""
