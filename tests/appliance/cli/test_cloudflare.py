"""`gosip cloudflare`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.database.models import Config
from appliance.operations.audit import list_audit
from appliance.operations.cloudflare import cloudflare_token
from appliance.secret import Secret
from appliance.secretbox import replace_key_file
from appliance.support.secrets import KnownSecrets
from tests.support.appliance import Office
from tests.support.cli import Gosip
from tests.support.cloudflare import EDIT, READ, FakeCloudflare, standing_in

TOKEN = "v1_0123456789-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def cloudflare(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloudflare]:
    with standing_in(monkeypatch, "example.com") as fake:
        yield fake


def test_a_token_is_kept_sealed_and_never_shown(office: Office, gosip: Gosip) -> None:
    said = gosip.text("cloudflare", "token", "set", stdin=f"{TOKEN}\n")
    assert TOKEN not in said
    shown = gosip.json("cloudflare", "token", "show")
    assert shown == {"is_set": True, "ending": "wxyz", "source": "database", "trouble": ""}
    assert TOKEN not in str(Config.get_by_id(1).cloudflare_api_token)
    assert cloudflare_token(office.appliance) == Secret(TOKEN)
    assert TOKEN not in repr(list_audit(office.console).rows)
    assert list_audit(office.console).rows[0].action == "cloudflare.token"


def test_the_settings_say_that_it_is_set_and_nothing_more(gosip: Gosip) -> None:
    gosip.text("cloudflare", "token", "set", stdin=TOKEN)
    (row,) = (row for row in gosip.json("config", "show")["items"] if row["name"] == "cloudflare_dns_api_token")
    assert (row["value"], row["source"], row["can_be_set"]) == ("set", "database", False)
    assert "token set" in gosip.refused("config", "set", "cloudflare_dns_api_token", "x")


def test_a_support_bundle_would_not_carry_it(office: Office, gosip: Gosip) -> None:
    gosip.text("cloudflare", "token", "set", stdin=TOKEN)
    assert TOKEN not in KnownSecrets.of(office.appliance.settings).blank(f"header {TOKEN}.")


def test_it_is_removed(gosip: Gosip) -> None:
    gosip.text("cloudflare", "token", "set", stdin=TOKEN)
    gosip.text("cloudflare", "token", "remove")
    assert gosip.json("cloudflare", "token", "show")["is_set"] is False
    assert gosip.error("cloudflare", "token", "remove")["kind"] == "not_found"


def test_what_is_no_token_is_refused(gosip: Gosip) -> None:
    error = gosip.error("cloudflare", "token", "set", stdin="c2547eb745079dac9320b638f5e225cf483cc")
    assert (error["kind"], "Global API Key" in error["message"]) == ("invalid", True)
    assert gosip.refused("cloudflare", "token", "set", code=2)


def test_the_environment_wins(gosip: Gosip, monkeypatch: pytest.MonkeyPatch) -> None:
    gosip.text("cloudflare", "token", "set", stdin=TOKEN)
    monkeypatch.setenv("CLOUDFLARE_DNS_API_TOKEN", "e" * 36 + "1234")
    shown = gosip.json("cloudflare", "token", "show")
    assert (shown["ending"], shown["source"]) == ("1234", "environment")
    assert gosip.error("cloudflare", "token", "set", stdin=TOKEN)["kind"] == "conflict"


def test_another_key_file_is_told_with_the_way_out(office: Office, gosip: Gosip) -> None:
    gosip.text("cloudflare", "token", "set", stdin=TOKEN)
    replace_key_file(office.appliance.folder.secret_key)
    shown = gosip.run("cloudflare", "token", "show")
    assert (shown.exit_code, "gosip cloudflare token set" in shown.stdout) == (1, True)
    assert gosip.error("cloudflare", "check", "example.com")["kind"] == "conflict"
    gosip.text("cloudflare", "token", "set", stdin=TOKEN)
    assert gosip.json("cloudflare", "token", "show")["trouble"] == ""


def test_a_check_that_passes_and_one_that_fails(gosip: Gosip, cloudflare: FakeCloudflare) -> None:
    gosip.text("cloudflare", "token", "set", stdin=cloudflare.add_token({"example.com": EDIT}))
    assert gosip.json("cloudflare", "check", "phones.example.com")["ok"] is True
    gosip.text("cloudflare", "token", "set", stdin=cloudflare.add_token({"example.com": READ}))
    result = gosip.run("cloudflare", "check", "phones.example.com")
    assert (result.exit_code, "FAILED   DNS of example.com can be edited" in result.stdout) == (1, True)


@pytest.mark.parametrize("name", ["localhost", "192.0.2.1", "https://example.com", "a..b", "x.-a.example.com"])
def test_a_check_of_what_is_no_name(gosip: Gosip, name: str) -> None:
    assert gosip.error("cloudflare", "check", name)["kind"] == "invalid"


def test_a_check_without_token(gosip: Gosip) -> None:
    assert gosip.error("cloudflare", "check", "example.com")["kind"] == "not_found"


def test_a_token_that_fails_is_an_alarm_until_it_passes(gosip: Gosip, cloudflare: FakeCloudflare) -> None:
    token = cloudflare.add_token({"example.com": READ})
    gosip.text("cloudflare", "token", "set", stdin=token)
    gosip.run("cloudflare", "check", "example.com")
    (alarm,) = gosip.json("alarm", "list")["items"]
    assert (alarm["key"], alarm["severity"], "Zone / DNS / Edit" in alarm["fix"]) == ("cloudflare.token", "error", True)
    assert "does not work" in gosip.text("alarm", "list")
    cloudflare.throttle_next()
    gosip.run("cloudflare", "check", "example.com")
    assert gosip.json("alarm", "list")["total"] == 1
    cloudflare.tokens[token].rights = {"example.com": EDIT}
    gosip.text("cloudflare", "check", "example.com")
    assert gosip.json("alarm", "list")["total"] == 0


def test_a_new_token_starts_without_alarm(gosip: Gosip, cloudflare: FakeCloudflare) -> None:
    gosip.text("cloudflare", "token", "set", stdin=cloudflare.add_token({"example.com": READ}))
    gosip.run("cloudflare", "check", "example.com")
    gosip.text("cloudflare", "token", "set", stdin=TOKEN)
    assert gosip.json("alarm", "list")["items"] == []
