"""/api/system/cloudflare."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.admin import Actor
from tests.support.cloudflare import EDIT, FakeCloudflare, standing_in

PATH = "/api/system/cloudflare"


@pytest.fixture
def cloudflare(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloudflare]:
    with standing_in(monkeypatch, "example.com") as fake:
        yield fake


def test_a_token_is_stored_checked_and_forgotten(admin: Actor, cloudflare: FakeCloudflare) -> None:
    token = cloudflare.add_token({"example.com": EDIT})
    stored = admin.api("PUT", f"{PATH}/token", {"token": token})
    assert stored.get_json() == {"isSet": True, "ending": token[-4:], "source": "database", "trouble": ""}
    checked = admin.api("POST", f"{PATH}/check", {"names": ["phones.example.com"]}).get_json()
    assert checked["ok"] is True
    assert [check["ok"] for check in checked["checks"]] == [True] * 5
    for path in (f"{PATH}/token", "/api/system/config", "/api/system/audit"):
        assert token not in admin.get(path).text
    assert admin.api("DELETE", f"{PATH}/token").status_code == 204
    assert admin.get(f"{PATH}/token").get_json()["isSet"] is False


def test_what_is_refused(admin: Actor) -> None:
    assert admin.api("PUT", f"{PATH}/token", {"token": "c2547eb745079dac9320b638f5e225cf483cc"}).status_code == 422
    assert admin.api("PUT", f"{PATH}/token", {"token": "ü" * 40}).status_code == 422
    assert admin.api("DELETE", f"{PATH}/token").status_code == 404
    assert admin.api("POST", f"{PATH}/check", {"names": ["example.com"]}).status_code == 404
    assert admin.api("POST", f"{PATH}/check", {"names": ["localhost"]}).status_code == 422
    assert admin.api("POST", f"{PATH}/check", {"names": []}).status_code == 422


def test_the_settings_page_says_how_it_is_set(admin: Actor) -> None:
    assert "gosip cloudflare token set" in admin.get("/system/settings").text


def test_a_token_that_fails_is_an_alarm_of_the_api_and_on_the_dashboard(
    admin: Actor, cloudflare: FakeCloudflare
) -> None:
    admin.api("PUT", f"{PATH}/token", {"token": "u" * 40})
    assert admin.api("POST", f"{PATH}/check", {"names": ["example.com"]}).get_json()["ok"] is False
    (alarm,) = admin.get("/api/system/alarms").get_json()["items"]
    assert (alarm["key"], alarm["severity"]) == ("cloudflare.token", "error")
    page = admin.get("/").text
    assert alarm["message"] in page
    assert "Make an API token at Cloudflare" in page
