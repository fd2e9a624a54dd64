"""Personal tokens: whose rights they carry, for how long, and who may make and end them."""

from __future__ import annotations

import pytest

from appliance.database.models import ApiToken, Audit, User
from appliance.errors import Conflict, Forbidden, Invalid, NotFound
from appliance.operations.api_tokens import (
    MAX_TOKENS,
    PREFIX,
    Scope,
    authenticate_token,
    list_all_tokens,
    list_tokens,
    make_token,
    revoke_token,
)
from appliance.operations.context import Role
from appliance.secret import Secret
from tests.support.appliance import Office

DAY = 24 * 3600
ADDRESS = "192.0.2.1"


def test_a_token_carries_the_rights_of_its_owner_as_they_are_now(office: Office) -> None:
    token = make_token(office.person("grace"), "monitor").token
    known = authenticate_token(office.appliance, token, ADDRESS)
    assert known is not None
    assert (known.actor.name, known.actor.role, known.token.scope) == ("grace", Role.USER, Scope.READ)
    User.update(role="admin").where(User.name == "grace").execute()
    known = authenticate_token(office.appliance, token, ADDRESS)
    assert known is not None
    assert known.actor.role is Role.ADMIN


def test_the_database_has_its_hash_only(office: Office) -> None:
    token = make_token(office.person("grace"), "monitor").token.reveal()
    row = ApiToken.get()
    assert token.startswith(PREFIX)
    assert token.startswith(row.beginning)
    assert len(row.beginning) < 12
    assert token not in str(row.__data__)


def test_a_disabled_owner_has_no_token(office: Office) -> None:
    token = make_token(office.person("grace"), "monitor").token
    User.update(enabled=False).where(User.name == "grace").execute()
    assert authenticate_token(office.appliance, token, ADDRESS) is None


def test_it_ends_on_its_day(office: Office) -> None:
    token = make_token(office.person("grace"), "monitor", days=2).token
    office.clock.advance(2 * DAY - 1)
    assert authenticate_token(office.appliance, token, ADDRESS) is not None
    office.clock.advance(1)
    assert authenticate_token(office.appliance, token, ADDRESS) is None


@pytest.mark.parametrize("text", ["", PREFIX, PREFIX + "x" * 43, "x" * 43])
def test_another_text_is_nobodys(office: Office, text: str) -> None:
    make_token(office.person("grace"), "monitor")
    assert authenticate_token(office.appliance, Secret(text), ADDRESS) is None


def test_the_last_use_is_known_and_written_once_a_minute(office: Office) -> None:
    grace = office.person("grace")
    token = make_token(grace, "monitor").token
    first = office.clock()
    authenticate_token(office.appliance, token, ADDRESS)
    office.clock.advance(59)
    authenticate_token(office.appliance, token, ADDRESS)
    (view,) = list_tokens(grace)
    assert (view.used_at, view.address) == (first, ADDRESS)
    office.clock.advance(1)
    authenticate_token(office.appliance, token, "192.0.2.2")
    (view,) = list_tokens(grace)
    assert (view.used_at, view.address) == (first + 60, "192.0.2.2")


def test_a_revoked_token_is_worth_nothing(office: Office) -> None:
    grace = office.person("grace")
    made = make_token(grace, "monitor")
    revoke_token(grace, made.view.id)
    assert authenticate_token(office.appliance, made.token, ADDRESS) is None
    assert [row.action for row in Audit.select().order_by(Audit.id)] == ["token.add", "token.remove"]


def test_nobody_touches_those_of_others_but_an_administrator(office: Office) -> None:
    made = make_token(office.person("grace"), "monitor")
    with pytest.raises(NotFound):
        revoke_token(office.person("hedy"), made.view.id)
    with pytest.raises(Forbidden):
        list_tokens(office.person("hedy"), "grace")
    with pytest.raises(Forbidden):
        list_all_tokens(office.person("hedy"))
    with pytest.raises(Forbidden):
        make_token(office.person("hedy"), "mine", user="grace")
    assert list_tokens(office.admin(), "grace") == list_all_tokens(office.console) == (made.view,)
    revoke_token(office.admin(), made.view.id)
    assert list_tokens(office.person("grace")) == ()


@pytest.mark.parametrize(
    ("values", "field"),
    [({"name": " "}, "name"), ({"name": "x" * 81}, "name"), ({"scope": "all"}, "scope"), ({"days": 0}, "days")],
)
def test_faults_are_named(office: Office, values: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        make_token(office.person("grace"), **{"name": "monitor", **values})  # type: ignore[arg-type]
    assert list(caught.value.details) == [field]


def test_names_are_unique_and_tokens_not_endless(office: Office) -> None:
    grace = office.person("grace")
    for number in range(MAX_TOKENS):
        make_token(grace, str(number))
    with pytest.raises(Conflict, match="Remove one"):
        make_token(grace, "one more")
    make_token(office.person("hedy"), "0")
    with pytest.raises(Conflict) as caught:
        make_token(office.person("hedy"), "0")
    assert caught.value.field == "name"
