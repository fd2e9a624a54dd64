"""The JSON twin of the pages."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.admin import ADMIN, ADMIN_PASSWORD, USER, Actor, AdminSystem


def sign_in(client: FlaskClient, name: str = ADMIN, password: str = ADMIN_PASSWORD) -> TestResponse:
    return client.post("/api/auth/sign-in", json={"name": name, "password": password})


@pytest.fixture
def bearer(client: FlaskClient) -> dict[str, str]:
    """The header of a program that has signed in."""
    return {"Authorization": f"Bearer {sign_in(client).get_json()['token']}"}


def refused_fields(response: TestResponse) -> list[str]:
    assert response.mimetype == "application/problem+json"
    return [detail["field"] for detail in response.get_json()["details"]]


def test_a_program_signs_in_for_a_token_and_gets_no_cookie(client: FlaskClient) -> None:
    response = sign_in(client)
    body = response.get_json()
    assert response.status_code == 200
    assert body["user"]["name"] == ADMIN
    assert body["expiresAt"].endswith("Z")
    assert "gosip-session" not in response.headers.get("Set-Cookie", "")


def test_a_wrong_password_is_401_and_soon_429(client: FlaskClient) -> None:
    answers = [sign_in(client, password="wrong") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"name":' * 100_000, b"\xff", b"", b"7"])
def test_what_is_no_json_object_is_400(client: FlaskClient, body: bytes) -> None:
    """Also when it is nested deeper than the parser goes."""
    answer = client.post("/api/auth/sign-in", data=body, content_type="application/json")
    assert answer.status_code == 400


def test_half_a_surrogate_pair_is_refused_as_text(client: FlaskClient) -> None:
    """RFC 8259 §8.2."""
    body = b'{"name": "a\\ud800", "password": "\\udfff"}'
    answer = client.post("/api/auth/sign-in", data=body, content_type="application/json")
    assert answer.status_code == 422
    assert refused_fields(answer) == ["name", "password"]


def test_a_number_that_no_column_holds_is_refused(admin: Actor) -> None:
    answer = admin.api("POST", "/api/extensions", {"number": "55", "ownerId": 10**30})
    assert answer.status_code == 422
    assert refused_fields(answer) == ["ownerId"]


def test_a_whole_number_may_be_written_with_a_point(admin: Actor) -> None:
    """JSON has one kind of number (RFC 8259 §6); half a second is refused all the same."""
    admin.api("POST", "/api/extensions", {"number": "55"})
    json = "application/json"
    answers = [
        admin.client.patch(
            "/api/extensions/55",
            base_url="https://localhost",
            data=f'{{"ringSeconds": {text}}}',
            content_type=json,
            headers={"X-CSRFToken": admin.token(), "Referer": "https://localhost/"},
        )
        for text in ("20.0", "2e1", "20.5", "1e400", "NaN")
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 422, 422, 422]
    assert refused_fields(answers[2]) == ["ringSeconds"]


def test_an_owner_who_does_not_exist_is_named_in_the_words_of_the_sender(admin: Actor) -> None:
    answer = admin.api("POST", "/api/extensions", {"number": "55", "ownerId": 99})
    assert (answer.status_code, refused_fields(answer)) == (422, ["ownerId"])


@pytest.mark.parametrize("query", ["until=", "page=", "status="])
def test_an_empty_parameter_is_no_missing_one(admin: Actor, query: str) -> None:
    assert admin.get(f"/api/cdrs?{query}").status_code == 422


def test_a_session_of_an_impossible_number_does_not_exist(admin: Actor) -> None:
    assert admin.api("DELETE", f"/api/auth/sessions/{10**30}").status_code == 404


def test_a_bearer_token_needs_no_csrf_token(client: FlaskClient, bearer: dict[str, str]) -> None:
    made = client.post("/api/devices", json={"number": "1001", "name": "Ada"}, headers=bearer)
    assert made.status_code == 201
    assert made.get_json()["username"] == "1001"


def test_a_token_is_worth_nothing_after_signing_out(client: FlaskClient, bearer: dict[str, str]) -> None:
    assert client.post("/api/auth/sign-out", headers=bearer).status_code == 204
    assert client.get("/api/me", headers=bearer).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer x", "Basic YTpi", "Bearer " + "x" * 5000])
def test_other_credentials_are_401(client: FlaskClient, header: str) -> None:
    assert client.get("/api/me", headers={"Authorization": header}).status_code == 401


def test_a_program_without_credentials_is_told_so_whatever_it_sends(client: FlaskClient) -> None:
    """Not that a page's token is missing, which is a browser's affair."""
    assert client.post("/api/devices", json={"number": "1001"}).status_code == 401


@pytest.mark.parametrize("method", ["PUT", "TRACE"])
def test_a_method_that_is_not_there_is_405_for_everybody(client: FlaskClient, admin: Actor, method: str) -> None:
    """RFC 9110 §15.5.6."""
    answers = [client.open("/api/devices", method=method), admin.api(method, "/api/devices")]
    assert [answer.status_code for answer in answers] == [405, 405]
    assert all({"GET", "POST"} <= set(answer.headers["Allow"].split(", ")) for answer in answers)


def test_me_is_the_one_who_asks(user: Actor) -> None:
    body = user.get("/api/me").get_json()
    assert (body["name"], body["role"], body["hasSecondFactor"]) == (USER, "user", False)
    assert "passwordHash" not in body


def test_the_password_of_a_device_is_in_the_first_answer_only(admin: Actor) -> None:
    made = admin.api("POST", "/api/devices", {"number": "1001"})
    assert len(made.get_json()["password"]) >= 20
    assert "password" not in admin.get("/api/devices/1001").get_json()


def test_all_faults_of_a_body_come_at_once(admin: Actor) -> None:
    response = admin.api("POST", "/api/devices", {"number": 1001, "colour": "Ada", "ownerId": "x"})
    assert response.status_code == 422
    assert refused_fields(response) == ["colour", "number", "ownerId"]


def test_fields_are_named_in_the_words_of_the_sender(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001")
    response = admin.api("PATCH", "/api/extensions/1001", {"ringSeconds": 9999})
    assert response.status_code == 422
    assert refused_fields(response) == ["ringSeconds"]


def test_a_clash_is_409(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001")
    response = admin.api("POST", "/api/extensions", {"number": "1001"})
    assert response.status_code == 409
    assert refused_fields(response) == ["number"]


def test_a_body_that_is_no_json_is_415(admin: Actor) -> None:
    """RFC 9110 §15.5.16."""
    assert admin.api("POST", "/api/devices").status_code == 415


@pytest.mark.parametrize("body", [[], "text", 7])
def test_a_body_that_is_no_object_is_400(admin: Actor, body: object) -> None:
    assert admin.api("POST", "/api/devices", body).status_code == 400


def test_lists_have_twenty_rows_unless_asked_otherwise(system: AdminSystem, admin: Actor) -> None:
    for number in range(1001, 1026):
        system.add_device(str(number))
    first = admin.get("/api/devices").get_json()
    assert (len(first["items"]), first["total"], first["page"], first["size"]) == (20, 25, 1, 20)
    assert len(admin.get("/api/devices?page=2&size=10").get_json()["items"]) == 10


@pytest.mark.parametrize("query", ["page=0", "page=x", "size=101", "size=-1", "page=" + "9" * 30])
def test_a_page_out_of_range_is_refused(admin: Actor, query: str) -> None:
    response = admin.get(f"/api/devices?{query}")
    assert response.status_code == 422
    assert refused_fields(response) == [query.partition("=")[0]]


def test_an_owner_of_null_takes_the_owner_away(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", owner=USER)
    assert admin.get("/api/extensions/1001").get_json()["owner"] == USER
    assert admin.api("PATCH", "/api/extensions/1001", {"ownerId": None}).get_json()["owner"] is None


def test_a_device_tells_its_live_state(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001")
    system.sip.register("1001", "1001", remote="192.0.2.1:5060")
    body = admin.get("/api/devices/1001").get_json()
    assert body["online"] is True
    assert body["bindings"][0]["remote"] == "192.0.2.1:5060"


def test_without_the_phone_system_nobody_claims_to_know(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001")
    system.sip.stop()
    assert admin.get("/api/devices/1001").get_json()["online"] is None
    assert admin.get("/api/bindings").status_code == 503
    assert admin.get("/api/calls").status_code == 503
    assert admin.get("/api/system/status").get_json()["reachable"] is False


def test_devices_and_extensions_are_removed(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001")
    assert admin.api("DELETE", "/api/devices/1001").status_code == 204
    assert admin.get("/api/extensions/1001").get_json()["devices"] == []
    assert admin.api("DELETE", "/api/extensions/1001").status_code == 204
    assert admin.get("/api/extensions/1001").status_code == 404


def test_a_live_call_can_be_hung_up(system: AdminSystem, admin: Actor) -> None:
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"))
    assert admin.get("/api/calls/c1").get_json()["caller"]["number"] == "1001"
    assert admin.api("DELETE", "/api/calls/c1").status_code == 204
    assert admin.get("/api/calls/c1").status_code == 404


def test_how_a_live_call_is_heard_is_told_sample_by_sample(system: AdminSystem, admin: Actor) -> None:
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"), answered=True)
    caller, callee = admin.get("/api/calls/c1/quality").get_json()["legs"]
    assert (caller["side"], callee["device"]) == ("caller", "1002")
    assert caller["quality"]["mos"] == [4.41, 4.41, 3.95, 4.41]
    assert admin.get("/api/calls/over/quality").status_code == 404


@pytest.mark.parametrize(("query", "field"), [("status=odd", "status"), ("since=noon", "since"), ("until=1", "until")])
def test_filters_of_the_records_are_checked(admin: Actor, query: str, field: str) -> None:
    assert refused_fields(admin.get(f"/api/cdrs?{query}")) == [field]


def test_people_are_managed(admin: Actor) -> None:
    made = admin.api("POST", "/api/users", {"name": "hedy", "password": "long enough"})
    assert (made.status_code, made.get_json()["role"]) == (201, "user")
    assert admin.api("PATCH", "/api/users/hedy", {"role": "king"}).status_code == 422
    assert admin.api("PATCH", "/api/users/hedy", {"role": "admin"}).get_json()["role"] == "admin"
    assert admin.api("DELETE", "/api/users/hedy").status_code == 204


def test_the_configuration_is_kept_whole_or_not_at_all(admin: Actor) -> None:
    refused = admin.api("PATCH", "/api/system/config", {"externalIp": "203.0.113.7", "httpsPort": "99999"})
    assert refused.status_code == 422
    assert refused_fields(refused) == ["httpsPort"]

    def external_ip() -> dict[str, str]:
        items = admin.get("/api/system/config").get_json()["items"]
        return next(item for item in items if item["name"] == "external_ip")

    assert external_ip()["source"] == "default"
    admin.api("PATCH", "/api/system/config", {"externalIp": "203.0.113.7"})
    assert (external_ip()["source"], external_ip()["value"]) == ("database", "203.0.113.7")


def test_audit_and_events_are_lists(admin: Actor) -> None:
    assert admin.get("/api/system/audit").get_json()["items"][0]["action"] == "session.start"
    assert admin.get("/api/system/events").get_json()["total"] == 0


def test_a_monitor_learns_health_without_signing_in(system: AdminSystem, client: FlaskClient) -> None:
    assert client.get("/api/health/live").get_json() == {"status": "ok"}
    assert client.get("/api/health/ready").status_code == 200
    system.sip.stop()
    system.services.daemon._fresh_until = 0
    answer = client.get("/api/health/ready")
    assert (answer.status_code, answer.get_json()["checks"]) == (503, {"database": "ok", "sip": "failed"})
