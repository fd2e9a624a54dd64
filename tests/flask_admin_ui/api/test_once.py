"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.database.models import Device, Idempotency
from appliance.errors import DatabaseBusy
from appliance.operations import devices
from tests.support.admin import ADMIN, ADMIN_PASSWORD, AdminSystem

KEY = '"6b1c7a7e-90ab-4f9f-8d43-02a6b5c8e1ee"'


@pytest.fixture
def token(client: FlaskClient) -> str:
    signed_in = client.post("/api/auth/sign-in", json={"name": ADMIN, "password": ADMIN_PASSWORD})
    return str(signed_in.get_json()["token"])


def send(
    client: FlaskClient, token: str, method: str, path: str, json: object = None, *, key: str = KEY, **headers: str
) -> TestResponse:
    return client.open(
        path,
        method=method,
        json=json,
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key} | headers,
    )


def test_a_repeated_request_is_carried_out_once(client: FlaskClient, token: str) -> None:
    """And gets the password again, which no other answer has."""
    first = send(client, token, "POST", "/api/devices", {"number": "1001"})
    second = send(client, token, "POST", "/api/devices", {"number": "1001"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_json() == second.get_json()
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Device.select().count() == 1


def test_without_a_key_it_is_carried_out_each_time(client: FlaskClient, token: str) -> None:
    for _ in range(2):
        client.post("/api/devices", json={"number": "1001"}, headers={"Authorization": f"Bearer {token}"})
    assert Device.select().count() == 2


def test_a_key_may_come_without_quotes(client: FlaskClient, token: str) -> None:
    send(client, token, "POST", "/api/devices", {"number": "1001"})
    again = send(client, token, "POST", "/api/devices", {"number": "1001"}, key=KEY.strip('"'))
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("POST", "/api/devices", {"number": "1002"}, {}),
        ("POST", "/api/extensions", {"number": "1001"}, {}),
        ("PATCH", "/api/devices/1001", {"label": "desk"}, {}),
    ],
)
def test_another_request_with_the_key_is_422(
    client: FlaskClient, token: str, method: str, path: str, body: object, headers: dict[str, str]
) -> None:
    send(client, token, "POST", "/api/devices", {"number": "1001"})
    answer = send(client, token, method, path, body, **headers)
    assert (answer.status_code, answer.get_json()["detail"][:20]) == (422, "This Idempotency-Key")


def test_a_refused_request_may_be_corrected_under_its_key(client: FlaskClient, token: str) -> None:
    assert send(client, token, "POST", "/api/devices", {"number": "x"}).status_code == 422
    assert send(client, token, "POST", "/api/devices", {"number": "1001", "ownerId": 99}).status_code == 422
    assert send(client, token, "POST", "/api/devices", {"number": "1001"}).status_code == 201


def test_deleting_twice_is_answered_alike(system: AdminSystem, client: FlaskClient, token: str) -> None:
    system.add_device("1001")
    assert [send(client, token, "DELETE", "/api/devices/1001").status_code for _ in range(2)] == [204, 204]


@pytest.mark.parametrize("key", ["", '"', '""', "a b", "x" * 201, '"\x7f"', "ä"])
def test_what_is_no_key_is_400(client: FlaskClient, token: str, key: str) -> None:
    assert send(client, token, "POST", "/api/devices", {"number": "1001"}, key=key).status_code == 400


def test_nobody_gets_an_answer_that_is_not_for_the_role(client: FlaskClient, token: str, system: AdminSystem) -> None:
    signed_in = client.post("/api/auth/sign-in", json={"name": "grace", "password": "staple of the hopper"})
    send(client, token, "POST", "/api/devices", {"number": "1001"})
    assert send(client, signed_in.get_json()["token"], "POST", "/api/devices", {"number": "1001"}).status_code == 403


def test_a_failure_leaves_the_key_free(client: FlaskClient, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DatabaseBusy("Another program holds the lock.")

    with monkeypatch.context() as patch:
        patch.setattr(devices, "add_device", fail)
        assert send(client, token, "POST", "/api/devices", {"number": "1001"}).status_code == 503
    assert Idempotency.select().count() == 0
    assert send(client, token, "POST", "/api/devices", {"number": "1001"}).status_code == 201


def test_at_the_same_time_one_is_carried_out_and_the_other_told_to_wait(
    app: Flask, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§2.6 of the draft: 409."""
    inside, go_on = threading.Event(), threading.Event()
    add_device = devices.add_device

    def slow(*arguments: object, **more: object) -> object:
        inside.set()
        assert go_on.wait(10)
        return add_device(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(devices, "add_device", slow)
    answers: list[TestResponse] = []
    first = threading.Thread(
        target=lambda: answers.append(send(app.test_client(), token, "POST", "/api/devices", {"number": "1001"}))
    )
    first.start()
    assert inside.wait(10)
    second = send(app.test_client(), token, "POST", "/api/devices", {"number": "1001"})
    go_on.set()
    first.join(10)
    assert (answers[0].status_code, second.status_code, second.headers["Retry-After"]) == (201, 409, "1")
