"""The API keeps to its OpenAPI document under requests of all kinds: by an administrator, a user, and a stranger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Response, request

from appliance.database.models import User
from appliance.database.proxy import database
from appliance.operations.sessions import authenticate, start_session
from appliance.secret import Secret
from flask_admin_ui.security.gate import PUBLIC
from tests.support.admin import ADMIN, USER, AdminSystem, ManualClock
from tests.support.cloudflare import standing_in
from tests.support.schema_run import breaches

pytestmark = pytest.mark.end_to_end
ADDRESS = "127.0.0.1"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AdminSystem]:
    """With something to be found under each address, and answers as they are in use: what fails is a 500."""
    with standing_in(monkeypatch):
        yield from made(tmp_path)


def made(tmp_path: Path) -> Iterator[AdminSystem]:
    system = AdminSystem(tmp_path / "d", ManualClock())
    system.add_people()
    system.app.testing = False
    for number, owner in (("1001", None), ("1002", USER)):
        system.add_device(number, owner=owner)
        system.sip.register(number, number)
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"), answered=True)
    system.sip.ban("198.51.100.7")
    system.sip.say("INVITE sip:1002@example.com")
    with system.sip:
        yield system
    database.close()


class SignedIn:
    """Somebody whose session is there again whenever a request has ended it."""

    def __init__(self, system: AdminSystem, name: str) -> None:
        self._appliance, self._name, self._token = system.appliance, name, ""

    def token(self) -> str:
        if authenticate(self._appliance, Secret(self._token)) is None:
            row = User.get(User.name == self._name)
            self._token = start_session(self._appliance, row, address=ADDRESS).token.reveal()
        return self._token


@pytest.mark.parametrize("name", [ADMIN, USER])
def test_answers_are_as_described_for_who_has_signed_in(system: AdminSystem, name: str) -> None:
    """No 5xx, no status or shape that is not in the document; what it allows is taken, what it does not is refused."""
    signed_in = SignedIn(system, name)
    assert list(breaches(system.app, signed_in.token, examples=6, scenarios=4)) == []


def test_a_stranger_gets_answers_as_described_and_nothing_else(system: AdminSystem) -> None:
    """Whatever the method, the body and the credentials that were made up."""
    given: set[tuple[str, int]] = set()

    @system.app.after_request
    def note(response: Response) -> Response:
        if request.endpoint is not None and request.endpoint not in PUBLIC:
            given.add((f"{request.method} {request.path}", response.status_code))
        return response

    assert list(breaches(system.app, None, examples=6, scenarios=0)) == []
    assert len(given) > 50
    assert {one for one in given if one[1] not in (401, 405)} == set()
