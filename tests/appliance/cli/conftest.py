"""A data folder with a system that does not run, and the command line on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli import devices
from appliance.database.proxy import database
from appliance.settings import record_environment
from tests.support.appliance import Office
from tests.support.cli import Gosip
from tests.support.daemon import StandInDaemon


@pytest.fixture(autouse=True)
def _no_variables_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("GOSIP_"):
            monkeypatch.delenv(name)


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[Gosip]:
    """On a folder that does not exist."""
    yield Gosip(tmp_path / "nowhere")
    if database.obj is not None:  # that of an earlier test in this process
        database.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    yield Office.at(tmp_path / "data")
    database.close()


@pytest.fixture
def gosip(office: Office) -> Gosip:
    """On a system that was started once, and is stopped."""
    record_environment(office.appliance.folder, office.appliance.settings)
    return Gosip(office.appliance.folder.path)


@pytest.fixture
def daemon(office: Office) -> Iterator[StandInDaemon]:
    """Something that answers as the signalling would."""
    with StandInDaemon(office.appliance.folder.sip_socket) as stand_in:
        yield stand_in


@pytest.fixture
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits there who can be asked."""
    monkeypatch.setattr(devices, "is_interactive", lambda: True)
