"""The admin app on a data folder of its own, and the people who use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from appliance.database.proxy import database
from tests.support.admin import ADMIN, ADMIN_PASSWORD, USER, USER_PASSWORD, Actor, AdminSystem, ManualClock
from tests.support.contract import Contract


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bare_system(tmp_path: Path, clock: ManualClock) -> Iterator[AdminSystem]:
    """A system in which nobody has signed in yet; `sip` does not run."""
    system = AdminSystem(tmp_path / "d", clock)
    yield system
    database.close()


@pytest.fixture
def system(bare_system: AdminSystem) -> Iterator[AdminSystem]:
    """With an administrator, a user, and a `sip` that answers. The API is held to its OpenAPI document."""
    bare_system.add_people()
    contract = Contract(bare_system.app)
    with bare_system.sip:
        yield bare_system
    assert contract.breaches == []


@pytest.fixture
def app(system: AdminSystem) -> Flask:
    return system.app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who has not signed in."""
    return app.test_client()


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def stranger(client: FlaskClient) -> Actor:
    """A browser that knows the administrator's name only."""
    return Actor(client, ADMIN, "guess")


@pytest.fixture
def admin(app: Flask) -> Actor:
    actor = Actor(app.test_client(), ADMIN, ADMIN_PASSWORD)
    assert actor.sign_in().status_code == 302
    return actor


@pytest.fixture
def user(app: Flask) -> Actor:
    """Somebody without rights of administration."""
    actor = Actor(app.test_client(), USER, USER_PASSWORD)
    assert actor.sign_in().status_code == 302
    return actor
