"""What the database is like, and the last rows of events and calls: read beside its users, without waiting for them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from appliance.database.readonly import read_only
from appliance.support.scene import Content, Scene

CHECK_SECONDS = 5.0
MAX_ROWS = 1000
MAX_ROWS_BYTES = 1024 * 1024
NOT_IN_TIME = "not finished within {seconds:g} seconds"


def database(scene: Scene) -> Content:
    """Schema, files, rows of each table and whether SQLite finds the file sound."""
    path = scene.folder.database
    files = {each.name: each.stat().st_size for each in sorted(path.parent.glob(f"{path.name}*"))}
    with read_only(path, CHECK_SECONDS) as connection:
        tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        others = connection.execute("SELECT name, sql FROM sqlite_master WHERE type != 'table' AND sql IS NOT NULL")
        report = {
            "files": files,
            "migrations": [list(row) for row in connection.execute("SELECT * FROM migration ORDER BY number")],
            "journal_mode": connection.execute("PRAGMA journal_mode").fetchone()[0],
            "tables": dict(tables),
            "indexes": dict(others.fetchall()),
            "rows": {name: count_of(connection, name) for name, _ in tables},
            "quick_check": quick_check(connection),
        }
    return scene.facts(report)


def count_of(connection: sqlite3.Connection, table: str) -> int | str:
    try:
        return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 - from the schema
    except sqlite3.DatabaseError as error:
        return problem(error)


def quick_check(connection: sqlite3.Connection) -> list[str] | str:
    try:
        return [str(text) for (text,) in connection.execute("PRAGMA quick_check(20)")]
    except sqlite3.DatabaseError as error:
        return problem(error)


def problem(error: sqlite3.DatabaseError) -> str:
    return NOT_IN_TIME.format(seconds=CHECK_SECONDS) if str(error) == "interrupted" else str(error)


def events(scene: Scene) -> Content:
    return scene.rows(rows_of(scene, "SELECT * FROM event ORDER BY at DESC, id DESC LIMIT ?"), MAX_ROWS_BYTES)


def calls(scene: Scene) -> Content:
    return scene.rows(rows_of(scene, "SELECT * FROM call ORDER BY started_at DESC, id DESC LIMIT ?"), MAX_ROWS_BYTES)


def legs(scene: Scene) -> Content:
    statement = (
        "SELECT call_leg.* FROM call_leg "
        "JOIN (SELECT id, started_at FROM call ORDER BY started_at DESC LIMIT ?) AS last "
        "ON call_leg.call_id = last.id ORDER BY last.started_at DESC, call_leg.id"
    )
    return scene.rows(rows_of(scene, statement), MAX_ROWS_BYTES)


def rows_of(scene: Scene, statement: str) -> Iterator[dict[str, Any]]:
    with read_only(scene.folder.database, CHECK_SECONDS) as connection, closing(connection.cursor()) as cursor:
        cursor.row_factory = sqlite3.Row
        for row in cursor.execute(statement, (MAX_ROWS,)).fetchall():
            values = dict(row)
            if isinstance(values.get("detail"), str):
                values["detail"] = parsed(values["detail"])
            yield values


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
