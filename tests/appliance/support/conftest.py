"""An office for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.database.proxy import database
from tests.support.appliance import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    yield Office.at(tmp_path / "data")
    database.close()
