"""Writing: all or nothing, and a clear sentence when it cannot be done."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest
from peewee import IntegrityError, SqliteDatabase

from appliance.database.connection import open_database
from appliance.database.models import Device, Event, Extension
from appliance.database.transactions import bump_revision, current_revision, write_transaction
from appliance.errors import DatabaseBusy, DatabaseError
from appliance.folders import DataFolder


@contextlib.contextmanager
def write_lock_of_another_program(folder: DataFolder) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(folder.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def pragma(database: SqliteDatabase, text: str) -> int:
    row = database.execute_sql(f"PRAGMA {text}").fetchone()  # type: ignore[no-untyped-call]
    return int(row[0]) if row else 0


def write_and_fail() -> None:
    with write_transaction():
        Extension.create(number="100")
        bump_revision()
        raise RuntimeError


def fill_the_disk() -> None:
    with write_transaction():
        for number in range(10_000):
            Event.create(severity="info", source="test", kind="filler", message=f"{number}" * 50)


def test_what_a_failed_transaction_wrote_is_gone(database: SqliteDatabase) -> None:
    with pytest.raises(RuntimeError):
        write_and_fail()
    assert Extension.select().count() == 0


def test_the_revision_grows_with_each_bump(database: SqliteDatabase) -> None:
    with write_transaction():
        assert bump_revision() == 1
    with write_transaction():
        assert bump_revision() == 2
    assert current_revision() == 2


def test_a_revision_of_a_failed_transaction_was_never_there(database: SqliteDatabase) -> None:
    with pytest.raises(RuntimeError):
        write_and_fail()
    assert current_revision() == 0


def test_a_lock_that_is_held_too_long_is_said_in_words(database: SqliteDatabase, folder: DataFolder) -> None:
    pragma(database, "busy_timeout = 10")
    with write_lock_of_another_program(folder), pytest.raises(DatabaseBusy, match="write lock"), write_transaction():
        pytest.fail("the lock was given twice")


def test_a_full_disk_is_said_in_words_and_nothing_is_lost(database: SqliteDatabase) -> None:
    with write_transaction():
        Extension.create(number="100")
    pragma(database, f"max_page_count = {pragma(database, 'page_count')}")
    with pytest.raises(DatabaseError, match="disk is full"):
        fill_the_disk()
    assert [extension.number for extension in Extension.select()] == ["100"]


def test_a_violated_constraint_is_left_to_the_operation(database: SqliteDatabase) -> None:
    Extension.create(number="100")
    with pytest.raises(IntegrityError), write_transaction():
        Extension.create(number="100")


def test_removing_an_extension_removes_its_devices(database: SqliteDatabase) -> None:
    assert pragma(database, "foreign_keys") == 1
    Extension.create(number="100")
    Device.create(extension=1, username="a", ha1_md5="", ha1_sha256="", sealed_password=b"")
    Extension.delete().where(Extension.id == 1).execute()
    assert Device.select().count() == 0


def test_a_commit_waits_for_the_disk(database: SqliteDatabase) -> None:
    assert pragma(database, "synchronous") == 2


def test_opening_the_same_file_again_gives_the_same_database(database: SqliteDatabase, folder: DataFolder) -> None:
    assert open_database(folder.database) is database


def test_json_comes_back_as_it_was_written(database: SqliteDatabase) -> None:
    Event.create(severity="info", source="test", kind="kind", message="text", detail={"name": "Zoë", "n": [1, None]})
    assert Event.get().detail == {"name": "Zoë", "n": [1, None]}
