"""Who may open what: strangers nothing, users what is their own, administrators everything."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from appliance.database.models import Call
from flask_admin_ui.security.gate import PUBLIC
from tests.support.admin import Actor, AdminSystem

ARGUMENTS = {
    "username": "1001",
    "number": "1001",
    "call_id": "c1",
    "name": "sip",
    "session_id": "1",
    "token_id": "1",
    "source": "203.0.113.5",
}
FOR_EVERYBODY = {
    "dashboard.show",
    "devices.index",
    "devices.show",
    "calls.live",
    "calls.history",
    "calls.download",
    "calls.show",
    "account.",
    "api_auth.",
    "api_tokens.index",
    "api_tokens.add",
    "api_tokens.remove",
    "api_devices.index",
    "api_devices.show",
    "api_extensions.index",
    "api_extensions.show",
    "api_extensions.bindings",
    "api_calls.live",
    "api_calls.show_live",
    "api_calls.quality",
    "api_events.stream",
    "api_calls.records",
    "api_calls.records_as_csv",
    "api_calls.record",
    "api_reference.",
}
"""What a user may open, showing the own things only; all else is for administrators."""


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Endpoint, method and a path of every route but the static files."""
    found = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if rule.endpoint != "static":
                values: dict[str, Any] = {name: ARGUMENTS[name] for name in rule.arguments}
                path = url_for(rule.endpoint, **values)
                methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
                found += [(rule.endpoint, method, path) for method in methods]
    return found


def is_for_everybody(endpoint: str) -> bool:
    return endpoint in FOR_EVERYBODY or any(endpoint.startswith(name) for name in FOR_EVERYBODY if name.endswith("."))


def test_a_stranger_gets_nothing_but_the_entrance(app: Flask, stranger: Actor) -> None:
    token = stranger.token()
    for endpoint, method, path in routes(app):
        if endpoint in PUBLIC:
            continue
        headers = {"X-CSRFToken": token, "Referer": "https://localhost/"}
        response = stranger.client.open(path, method=method, base_url="https://localhost", headers=headers)
        if path.startswith("/api/"):
            assert (response.status_code, response.mimetype) == (401, "application/problem+json"), endpoint
        else:
            assert (response.status_code, response.headers["Location"][:8]) == (302, "/sign-in"), endpoint


def test_a_user_is_refused_whatever_is_for_administrators(app: Flask, user: Actor) -> None:
    token = user.token()
    refused = 0
    for endpoint, method, path in routes(app):
        if endpoint in PUBLIC or is_for_everybody(endpoint):
            continue
        headers = {"X-CSRFToken": token, "Referer": "https://localhost/"}
        response = user.client.open(path, method=method, base_url="https://localhost", headers=headers)
        assert response.status_code == 403, f"{method} {endpoint}: {response.status_code}"
        refused += 1
    assert refused > 25


def test_a_user_sees_the_own_phones_only(system: AdminSystem, user: Actor) -> None:
    system.add_device("1001", "Grace", owner="grace")
    system.add_device("1002", "Somebody else")
    page = user.get("/devices").text
    assert "1001" in page
    assert "1002" not in page
    assert user.get("/device/1001").status_code == 200
    assert user.get("/device/1002").status_code == 404
    assert user.get("/api/devices/1002").status_code == 404
    assert user.get("/api/extensions/1002").status_code == 404
    assert [row["username"] for row in user.get("/api/devices").get_json()["items"]] == ["1001"]


def test_a_user_sees_the_own_live_calls_only(system: AdminSystem, user: Actor) -> None:
    system.add_device("1001", "Grace", owner="grace")
    system.sip.add_call("mine", caller=("1001", "Grace"), callee=("1002", "Ada"))
    system.sip.add_call("theirs", caller=("1003", "Eve"), callee=("1004", "Bob"))
    page = user.get("/calls/live").text
    assert "call-mine" in page
    assert "Eve" not in page
    assert "Hang up" not in page
    assert user.get("/call/theirs").status_code == 404
    assert [call["id"] for call in user.get("/api/calls").get_json()["items"]] == ["mine"]


@pytest.mark.parametrize("query", ["", "?number=1003", "?search=Eve"])
def test_a_user_sees_the_own_past_calls_only(system: AdminSystem, user: Actor, query: str) -> None:
    """On the pages, in the files, and through the API, whatever is searched for."""
    system.add_device("1001", "Grace", owner="grace")
    ended = {"status": "answered", "started_at": 1.0, "answered_at": 2.0, "ended_at": 3.0, "detail": {}}
    Call.create(id="mine", caller_number="1001", caller_name="Grace", callee_number="1002", **ended)
    Call.create(id="theirs", caller_number="1003", caller_name="Eve", callee_number="1004", **ended)
    for path in ("/calls", "/calls.csv", "/api/cdrs", "/api/cdrs.csv"):
        shown = user.get(path + query).text
        assert "1004" not in shown, path
        assert ("1002" in shown) == (not query), path
    for path in ("/call/", "/api/cdrs/"):
        assert user.get(path + "mine").status_code == 200
        assert user.get(path + "theirs").status_code == 404


def test_a_user_sees_the_own_bindings_only(system: AdminSystem, user: Actor) -> None:
    system.add_device("1001", "Grace", owner="grace")
    system.sip.register("1001", "1001")
    system.sip.register("1002", "1002")
    assert [row["username"] for row in user.get("/api/bindings").get_json()["items"]] == ["1001"]


def test_an_administrators_fragment_is_not_handed_to_a_user(system: AdminSystem, admin: Actor, user: Actor) -> None:
    system.add_device("1002", "Somebody else")
    assert "1002" in admin.poll("/devices").text
    assert "1002" not in user.poll("/devices").text


def test_a_user_ends_only_own_sessions(system: AdminSystem, admin: Actor, user: Actor) -> None:
    theirs = admin.get("/api/auth/sessions").get_json()["current"]
    user.post(f"/account/sessions/{theirs}/end")
    assert admin.get("/").status_code == 200


def test_a_form_without_the_token_changes_nothing(system: AdminSystem, admin: Actor) -> None:
    fields = {"number": "1001", "csrf_token": "forged"}
    response = admin.client.post(
        "/devices/new", base_url="https://localhost", data=fields, headers={"Referer": "https://localhost/"}
    )
    assert response.status_code == 400
    assert "Reload the page" in response.text
    assert admin.get("/api/devices").get_json()["total"] == 0


def test_a_form_sent_by_another_site_changes_nothing(admin: Actor) -> None:
    response = admin.client.post(
        "/devices/new",
        base_url="https://localhost",
        data={"number": "1001", "csrf_token": admin.token()},
        headers={"Referer": "https://evil.example/"},
    )
    assert response.status_code == 400
    assert admin.get("/api/devices").get_json()["total"] == 0


def test_the_cookie_alone_changes_nothing_through_the_api(admin: Actor) -> None:
    response = admin.client.post("/api/devices", base_url="https://localhost", json={"number": "1001"})
    assert (response.status_code, response.mimetype) == (400, "application/problem+json")
    assert admin.get("/api/devices").get_json()["total"] == 0


HEADERS = ["Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"]


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/devices", "/nothing", "/api/me", "/api/nothing", "/static/app.css"]
)
def test_every_answer_carries_the_security_headers(admin: Actor, client: FlaskClient, path: str) -> None:
    for response in (admin.get(path), client.get(path, base_url="https://localhost")):
        for name in HEADERS:
            assert name in response.headers, f"{path}: {name}"
        assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_pages_are_kept_by_no_cache(admin: Actor) -> None:
    assert admin.get("/devices").headers["Cache-Control"] == "no-store"
