"""Whose stream it is, and for how long."""

from __future__ import annotations

import pytest

from appliance.database.models import Extension, User
from appliance.event_stream.access import Identity, identify, still_valid, token_of
from appliance.operations import users
from appliance.operations.api_tokens import make_token, revoke_token
from appliance.operations.context import Role
from appliance.operations.extensions import add_extension
from appliance.operations.sessions import SESSION_COOKIE, SESSION_SECONDS, sign_out, start_session
from appliance.secret import Secret
from tests.support.appliance import Office


def signed_in(office: Office, name: str, role: Role = Role.USER) -> tuple[Identity, Secret]:
    office.person(name, role)
    token = start_session(office.appliance, User.get(User.name == name), address="192.0.2.1").token
    identity = identify(office.appliance, token, "192.0.2.1")
    assert identity is not None
    return identity, token


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"cookie": f"a=b; {SESSION_COOKIE}=abc; c=d"}, "abc"),
        ({"authorization": "Bearer xyz", "cookie": f"{SESSION_COOKIE}=abc"}, "xyz"),
        ({"authorization": "bearer  xyz "}, "xyz"),
    ],
)
def test_the_token_comes_in_a_header_or_the_cookie_of_the_pages(headers: dict[str, str], token: str) -> None:
    assert token_of(headers) == Secret(token)


@pytest.mark.parametrize(
    "headers", [{}, {"cookie": "x"}, {"authorization": "Bearer " + "x" * 500}, {"cookie": "a=;=;"}]
)
def test_without_one_nobody_is_known(headers: dict[str, str]) -> None:
    assert token_of(headers) is None


def test_a_user_has_the_own_numbers(office: Office) -> None:
    identity, _ = signed_in(office, "grace")
    add_extension(office.console, "1001", owner_id=identity.user_id)
    add_extension(office.console, "1002")
    assert still_valid(office.appliance, [identity])[identity].numbers == {"1001"}
    assert signed_in(office, "ada", Role.ADMIN)[0].is_admin


def test_a_session_that_ended_is_over(office: Office) -> None:
    identity, token = signed_in(office, "grace")
    assert identity in still_valid(office.appliance, [identity])
    sign_out(token)
    assert still_valid(office.appliance, [identity]) == {}


def test_a_stream_does_not_prolong_its_session(office: Office) -> None:
    identity, _ = signed_in(office, "grace")
    office.clock.advance(SESSION_SECONDS)
    assert still_valid(office.appliance, [identity]) == {}


def test_a_disabled_user_is_out(office: Office) -> None:
    identity, _ = signed_in(office, "grace")
    users.edit_user(office.console, "grace", enabled=False)
    assert still_valid(office.appliance, [identity]) == {}


def test_a_personal_token_works_until_it_is_revoked_and_follows_the_role(office: Office) -> None:
    made = make_token(office.person("grace"), "monitor")
    identity = identify(office.appliance, made.token, "192.0.2.1")
    assert identity is not None
    assert not identity.is_admin
    users.edit_user(office.console, "grace", role="admin")
    assert still_valid(office.appliance, [identity])[identity].is_admin
    revoke_token(office.console, made.view.id)
    assert still_valid(office.appliance, [identity]) == {}


def test_many_are_checked_with_a_handful_of_questions(office: Office) -> None:
    known = [signed_in(office, name)[0] for name in ("grace", "hedy", "mary") for _ in range(3)]
    Extension.create(number="1001", owner=known[0].user_id, created_at=0)
    valid = still_valid(office.appliance, known)
    assert len(valid) == 9
    assert {one.name: one.numbers for one in valid.values()} == {
        "grace": frozenset({"1001"}),
        "hedy": frozenset(),
        "mary": frozenset(),
    }
