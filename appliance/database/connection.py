"""Opening the database: one `SqliteDatabase` in a process, one connection for each thread, made when first used."""

from __future__ import annotations

from pathlib import Path

from peewee import SqliteDatabase

from appliance.database.migrate import migrate
from appliance.database.proxy import database

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's write lock."""

PRAGMAS = {
    # FULL and not NORMAL: a password shown once, an answered REGISTER and an ended call must outlast a power cut.
    "synchronous": "FULL",
    "foreign_keys": 1,
    "cache_size": -8 * 1024,
    "journal_size_limit": 64 * 1024 * 1024,
    "temp_store": "MEMORY",
}
"""For each connection; WAL is a property of the file and is set when it is made."""


def open_database(path: Path) -> SqliteDatabase:
    """Migrate the file where needed, and make it the one that all models use. Safe to call again.

    Raises `DatabaseError`, or `SchemaTooNew` for a file of a newer version.
    """
    current = database.obj
    if isinstance(current, SqliteDatabase) and current.database == str(path):
        return current
    migrate(path)
    if isinstance(current, SqliteDatabase):
        current.close()
    opened = SqliteDatabase(str(path), pragmas=PRAGMAS, timeout=BUSY_SECONDS)
    database.initialize(opened)
    return opened
