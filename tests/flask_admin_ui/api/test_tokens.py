"""Programs with a personal token."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.admin import ADMIN, Actor, AdminSystem


def made(actor: Actor, **values: object) -> str:
    answer = actor.api("POST", "/api/auth/tokens", {"name": "monitor", **values})
    assert answer.status_code == 201
    return str(answer.get_json()["token"])


def ask(
    client: FlaskClient, token: str, method: str = "GET", path: str = "/api/me", json: object = None
) -> TestResponse:
    return client.open(path, method=method, json=json, headers={"Authorization": f"Bearer {token}"})


def test_a_program_is_its_owner(client: FlaskClient, admin: Actor) -> None:
    assert ask(client, made(admin)).get_json()["name"] == ADMIN


def test_a_reading_token_changes_nothing(client: FlaskClient, admin: Actor) -> None:
    token = made(admin)
    answer = ask(client, token, "POST", "/api/devices", {"number": "1001"})
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert admin.get("/api/devices").get_json()["total"] == 0


def test_a_writing_token_changes_and_is_named_in_the_audit_log(client: FlaskClient, admin: Actor) -> None:
    token = made(admin, scope="write")
    assert ask(client, token, "POST", "/api/devices", {"number": "1001"}).status_code == 201
    row = admin.get("/api/system/audit?subject=1001").get_json()["items"][0]
    assert (row["actor"], row["source"]) == (ADMIN, "127.0.0.1, token monitor")


def test_it_opens_no_page(client: FlaskClient, admin: Actor) -> None:
    assert ask(client, made(admin, scope="write"), path="/devices").status_code == 302


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/auth/tokens"), ("DELETE", "/api/auth/tokens/1"), ("POST", "/api/auth/sign-out")]
)
def test_it_makes_and_ends_no_token(client: FlaskClient, admin: Actor, method: str, path: str) -> None:
    token = made(admin, scope="write")
    body = {"name": "another"} if path.endswith("tokens") else None
    assert ask(client, token, method, path, body).status_code == 403
    assert ask(client, token).status_code == 200


def test_it_is_shown_once(admin: Actor) -> None:
    token = made(admin)
    listed = admin.get("/api/auth/tokens")
    assert listed.get_json()["items"][0]["name"] == "monitor"
    assert token not in listed.text


def test_its_owner_ends_it(client: FlaskClient, admin: Actor) -> None:
    token = made(admin)
    number = admin.get("/api/auth/tokens").get_json()["items"][0]["id"]
    assert admin.api("DELETE", f"/api/auth/tokens/{number}").status_code == 204
    assert ask(client, token).status_code == 401


def test_an_administrator_sees_and_ends_those_of_others(client: FlaskClient, admin: Actor, user: Actor) -> None:
    token = made(user)
    (listed,) = admin.get("/api/users/grace/tokens").get_json()["items"]
    assert user.get("/api/users/ada/tokens").status_code == 403
    assert admin.api("DELETE", f"/api/auth/tokens/{listed['id']}").status_code == 204
    assert ask(client, token).status_code == 401


def test_it_sees_what_its_owner_sees(system: AdminSystem, client: FlaskClient, user: Actor) -> None:
    system.add_device("1001", owner="grace")
    system.add_device("1002")
    token = made(user)
    assert [row["username"] for row in ask(client, token, path="/api/devices").get_json()["items"]] == ["1001"]
    assert ask(client, token, path="/api/users").status_code == 403
