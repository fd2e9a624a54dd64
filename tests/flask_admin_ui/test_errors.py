"""What people and programs are told when something cannot be served."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from flask import Flask, abort
from werkzeug.test import TestResponse

from appliance.errors import Conflict, DatabaseBusy
from tests.support.admin import Actor

STATUSES = [400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503]


def add_route(app: Flask, error: Exception | int) -> None:
    """Endpoints that fail, one for people and one for programs."""

    def fail() -> str:
        if isinstance(error, int):
            abort(error)
        raise error

    app._got_first_request = False
    app.testing = False
    app.add_url_rule("/fails", "fails", fail)
    app.add_url_rule("/api/fails", "api_fails", fail)


def has_no_insides(response: TestResponse) -> bool:
    return not any(word in response.text for word in ("Traceback", "/work", ".py", "Exception", "sqlite"))


@pytest.mark.parametrize("status", STATUSES)
def test_each_error_has_a_friendly_page(app: Flask, admin: Actor, status: int) -> None:
    add_route(app, status)
    response = admin.get("/fails")
    assert response.status_code == status
    assert f"Status {status}" in response.text
    assert "To the start page" in response.text
    assert has_no_insides(response)


@pytest.mark.parametrize("status", STATUSES)
def test_programs_get_a_problem_document(app: Flask, admin: Actor, status: int) -> None:
    """RFC 9457 §3."""
    add_route(app, status)
    response = admin.get("/api/fails")
    body = response.get_json()
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    assert (body["status"], body["details"]) == (status, [])
    assert body["title"]
    assert body["detail"]


def test_the_unexpected_gets_a_reference_that_is_in_the_log(
    app: Flask, admin: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    add_route(app, ZeroDivisionError("the secret is 4711"))
    body = admin.get("/api/fails").get_json()
    assert body["status"] == 500
    assert "4711" not in str(body)
    assert body["reference"] in caplog.text


def test_a_busy_database_is_503_with_the_reason(app: Flask, admin: Actor) -> None:
    add_route(app, DatabaseBusy("The database is in use by another program."))
    response = admin.get("/fails")
    assert response.status_code == 503
    assert "in use by another program" in response.text
    assert "Try again" in response.text


def test_an_unknown_page_looks_the_same_to_people_and_programs(admin: Actor) -> None:
    assert admin.get("/nothing").status_code == 404
    assert admin.get("/api/nothing").mimetype == "application/problem+json"


def test_the_wrong_method_says_which_ones_there_are(admin: Actor) -> None:
    response = admin.api("PUT", "/api/devices")
    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_a_body_that_is_too_large_is_413(admin: Actor) -> None:
    response = admin.client.post(
        "/api/devices",
        base_url="https://localhost",
        data=b"x" * (5 * 1024 * 1024),
        headers={"X-CSRFToken": admin.token(), "Referer": "https://localhost/", "Content-Type": "application/json"},
    )
    assert response.status_code == 413


@pytest.mark.parametrize(
    "path",
    ["/device/%00", "/device/..%2f..%2fetc", "/call/%ff", "/calls?page=%ff&from=%00", "/user/%F0%9F%92%A3"],
)
def test_strange_addresses_are_answered(admin: Actor, path: str) -> None:
    assert admin.get(path).status_code in (200, 400, 404)


def test_the_short_message_for_htmx_survives_any_text(app: Flask, admin: Actor) -> None:
    """A header takes neither line ends nor all letters."""
    add_route(app, Conflict("Łódź\r\nSet-Cookie: x=y", field=None))
    response = admin.get("/fails")
    assert response.status_code == 409
    assert unquote(response.headers["X-Error-Title"]) == "Łódź\r\nSet-Cookie: x=y"
