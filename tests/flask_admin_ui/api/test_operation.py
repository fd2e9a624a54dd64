"""What every operation of the API does the same way: forms, conditions, refusals."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from tests.support.admin import Actor, AdminSystem


@pytest.fixture
def phone(system: AdminSystem) -> None:
    system.add_device("1001")


def change(actor: Actor, method: str, path: str, json: object = None, **headers: str) -> TestResponse:
    return actor.client.open(
        path,
        method=method,
        base_url="https://localhost",
        json=json,
        headers={"X-CSRFToken": actor.token(), "Referer": "https://localhost/"} | headers,
    )


def test_a_form_that_the_asker_does_not_take_is_406(admin: Actor) -> None:
    """RFC 9110 §15.5.7; the refusal itself is a problem document all the same."""
    answer = admin.get("/api/devices", Accept="text/html")
    assert (answer.status_code, answer.mimetype) == (406, "application/problem+json")


@pytest.mark.parametrize("accept", ["*/*", "application/*", "application/json;q=0.5, text/html"])
def test_json_is_given_to_who_takes_it(admin: Actor, accept: str) -> None:
    assert admin.get("/api/devices", Accept=accept).status_code == 200


def test_an_unknown_filter_is_refused_and_not_passed_over(admin: Actor) -> None:
    answer = admin.get("/api/devices?colour=1001")
    assert answer.get_json()["details"] == [{"field": "colour", "message": "There is no such parameter."}]


@pytest.mark.parametrize("path", ["/api/devices/1001", "/api/extensions/1001", "/api/users/grace"])
@pytest.mark.usefixtures("phone")
def test_a_change_of_the_state_that_was_read_is_made(admin: Actor, path: str) -> None:
    """RFC 9110 §13.1.1."""
    etag = admin.get(path).headers["ETag"]
    changed = change(admin, "PATCH", path, {"enabled": False}, **{"If-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


@pytest.mark.parametrize("path", ["/api/devices/1001", "/api/extensions/1001", "/api/users/grace"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.usefixtures("phone")
def test_a_change_of_an_older_state_is_412(admin: Actor, method: str, path: str) -> None:
    etag = admin.get(path).headers["ETag"]
    change(admin, "PATCH", path, {"enabled": False})
    refused = change(admin, method, path, {"enabled": True}, **{"If-Match": etag})
    assert refused.status_code == 412
    assert admin.get(path).get_json()["enabled"] is False


@pytest.mark.parametrize(("condition", "status"), [("*", 200), ('W/"abc"', 412), ('"abc"', 412), ("", 200)])
@pytest.mark.usefixtures("phone")
def test_conditions(admin: Actor, condition: str, status: int) -> None:
    """A weak tag never matches: RFC 9110 §8.8.3.2."""
    answer = change(admin, "PATCH", "/api/devices/1001", {"label": "desk"}, **{"If-Match": condition})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("path", "body", "location"),
    [
        ("/api/devices", {"number": "1001"}, "/api/devices/1001"),
        ("/api/extensions", {"number": "1001"}, "/api/extensions/1001"),
        ("/api/users", {"name": "hedy", "password": "long enough"}, "/api/users/hedy"),
    ],
)
def test_what_was_made_has_an_address(admin: Actor, path: str, body: object, location: str) -> None:
    """RFC 9110 §15.3.2. And the state that it is in."""
    made = admin.api("POST", path, body)
    assert made.headers["Location"] == location
    assert admin.get(location).headers["ETag"] == made.headers["ETag"]


@pytest.mark.parametrize(("method", "path"), [("PUT", "/api/devices"), ("POST", "/api/cdrs"), ("PATCH", "/api/me")])
def test_another_method_is_405_and_told_which_there_are(admin: Actor, method: str, path: str) -> None:
    """RFC 9110 §15.5.6."""
    answer = admin.api(method, path)
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert "GET" in answer.headers["Allow"]


def test_options_tell_the_methods(admin: Actor) -> None:
    answer = admin.api("OPTIONS", "/api/devices")
    assert answer.status_code == 200
    assert {"GET", "POST", "HEAD"} <= set(answer.headers["Allow"].split(", "))


def test_head_is_get_without_the_body(admin: Actor) -> None:
    answer = admin.api("HEAD", "/api/devices")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"


def test_a_body_that_is_too_large_is_413(admin: Actor) -> None:
    answer = admin.api("POST", "/api/devices", {"number": "1" * 5_000_000})
    assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")
