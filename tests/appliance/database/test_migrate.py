"""Migrations: a database arrives at the schema of this version without loss, whoever starts first."""

from __future__ import annotations

import contextlib
import multiprocessing
import sqlite3
import stat
from pathlib import Path

import pytest

from appliance.database.migrate import migrate
from appliance.database.migrations import MIGRATIONS, Migration
from appliance.database.models import ALL
from appliance.errors import DatabaseError, SchemaTooNew

FIRST = MIGRATIONS[:1]
BROKEN = Migration(len(MIGRATIONS) + 1, "broken", ("CREATE TABLE half (id INTEGER)", "this is no SQL"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gosip.sqlite3"


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return list(connection.execute(sql))


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.schema-*"))


def config_columns(path: Path) -> dict[str, tuple[object, object]]:
    return {str(row[1]): (row[2], row[4]) for row in rows(path, "PRAGMA table_info(config)")}


def test_a_new_database_gets_every_table_and_column_of_the_models(path: Path) -> None:
    migrate(path)
    for model in ALL:
        name = model._meta.table_name
        made = {str(row[1]) for row in rows(path, f"PRAGMA table_info({name})")}
        assert made == {field.column_name for field in model._meta.sorted_fields}, name


def test_the_encryption_columns_have_their_literal_types_and_defaults(path: Path) -> None:
    migrate(path)
    columns = config_columns(path)
    assert columns["tls_enabled"] == ("INTEGER", "0")
    assert columns["tls_cert_mode"] == ("TEXT", "'acme'")
    assert columns["srtp_enabled"] == ("INTEGER", "0")
    for name in ("tls_cert_file", "tls_key_file", "acme_email", "acme_domain", "cloudflare_api_token"):
        assert columns[name] == ("TEXT", None), name


def test_config_has_one_row_and_can_have_no_second(path: Path) -> None:
    migrate(path)
    assert rows(path, "SELECT id, tls_enabled, tls_cert_mode, srtp_enabled FROM config") == [(1, 0, "acme", 0)]
    with pytest.raises(sqlite3.IntegrityError):
        rows(path, "INSERT INTO config (id) VALUES (2)")


def test_the_encryption_columns_arrive_on_an_existing_database_without_loss(path: Path) -> None:
    migrate(path, FIRST)
    assert "tls_enabled" not in config_columns(path)
    rows(path, "UPDATE config SET sip_domain = 'phones.example'")
    rows(path, "INSERT INTO extension (number, name, created_at) VALUES ('100', 'Ann', 1.0)")
    assert migrate(path) == len(MIGRATIONS) - 1
    assert rows(path, "SELECT sip_domain, tls_cert_mode FROM config") == [("phones.example", "acme")]
    assert rows(path, "SELECT number, name FROM extension") == [("100", "Ann")]


def test_a_copy_of_the_old_file_is_kept(path: Path) -> None:
    migrate(path, FIRST)
    rows(path, "UPDATE config SET sip_domain = 'phones.example'")
    migrate(path)
    (copy,) = copies(path)
    assert rows(copy, "SELECT sip_domain FROM config") == [("phones.example",)]
    assert "tls_enabled" not in config_columns(copy)
    assert rows(copy, "SELECT max(number) FROM migration") == [(1,)]


def test_a_new_database_needs_no_copy(path: Path) -> None:
    migrate(path)
    assert copies(path) == []


def test_a_current_database_is_left_alone(path: Path) -> None:
    migrate(path)
    assert migrate(path) == 0
    assert copies(path) == []


def test_each_migration_leaves_its_row(path: Path) -> None:
    migrate(path)
    assert rows(path, "SELECT number, name FROM migration ORDER BY number") == [
        (migration.number, migration.name) for migration in MIGRATIONS
    ]


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_newer_schema_is_refused_and_untouched(path: Path) -> None:
    migrate(path)
    rows(path, "INSERT INTO migration (number, name, applied_at) VALUES (99, 'future', 1.0)")
    with pytest.raises(SchemaTooNew, match=r"newer version of GoSIP \(schema 99"):
        migrate(path)
    assert copies(path) == []


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    migrate(path)
    with pytest.raises(DatabaseError):
        migrate(path, (*MIGRATIONS, BROKEN))
    assert rows(path, "SELECT name FROM sqlite_master WHERE name = 'half'") == []
    assert migrate(path) == 0


def test_only_owner_and_group_may_read_the_file(path: Path) -> None:
    migrate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_readers_and_a_writer_work_side_by_side(path: Path) -> None:
    migrate(path)
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_file_that_is_no_database_is_said_in_words(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(DatabaseError, match="damaged"):
        migrate(path)


def test_a_missing_folder_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="No such file"):
        migrate(tmp_path / "absent" / "gosip.sqlite3")


def test_concurrent_starts_migrate_once(path: Path) -> None:
    migrate(path, FIRST)
    context = multiprocessing.get_context("forkserver")
    with context.Pool(4) as pool:
        counts = pool.map(migrate, [path] * 8)
    assert sum(counts) == len(MIGRATIONS) - 1
    assert len(copies(path)) == 1
