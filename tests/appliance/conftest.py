"""A data folder with a database for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import SqliteDatabase

from appliance.database.connection import open_database
from appliance.folders import DataFolder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder.at(tmp_path / "data")
    folder.create()
    return folder


@pytest.fixture
def database(folder: DataFolder) -> Iterator[SqliteDatabase]:
    database = open_database(folder.database)
    yield database
    database.close()
