"""The migrations, in order. Each one is SQL that runs on the schema before it; a published one is never edited.

A migration only adds: a column with a default, a table, an index, perhaps in place of another index. So a database
always arrives without loss.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.database.migrations import (
    m0001_foundation,
    m0002_encryption,
    m0003_history,
    m0004_defence,
    m0005_api,
    m0006_certificates,
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    statements: tuple[str, ...]


def statements_of(sql: str) -> tuple[str, ...]:
    """The statements of a script; none of ours has a semicolon inside."""
    return tuple(statement.strip() for statement in sql.split(";") if statement.strip())


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "foundation", statements_of(m0001_foundation.SQL)),
    Migration(2, "encryption", statements_of(m0002_encryption.SQL)),
    Migration(3, "history", statements_of(m0003_history.SQL)),
    Migration(4, "defence", statements_of(m0004_defence.SQL)),
    Migration(5, "api", statements_of(m0005_api.SQL)),
    Migration(6, "certificates", statements_of(m0006_certificates.SQL)),
)
"""Numbers grow by one from one."""
