"""One running system for all end-to-end tests of a module; each test uses devices of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.shelf import Shelf
from tests.support.system import Account, GosipSystem


@pytest.fixture(scope="module")
def gosip() -> Iterator[GosipSystem]:
    with GosipSystem() as system:
        yield system


class Accounts:
    """Adds devices with numbers that no other test has."""

    def __init__(self, system: GosipSystem) -> None:
        self._system = system
        self._numbers = count(2001)

    def add(self, name: str = "") -> Account:
        return self._system.add_device(str(next(self._numbers)), name)


@pytest.fixture(scope="module")
def accounts(gosip: GosipSystem) -> Accounts:
    return Accounts(gosip)


@pytest.fixture
def shelf(gosip: GosipSystem, tmp_path: Path) -> Iterator[Shelf]:
    with Shelf(gosip, tmp_path) as shelf:
        yield shelf
