"""`gosip token`."""

from __future__ import annotations

from tests.support.appliance import Office
from tests.support.cli import Gosip


def test_a_token_is_printed_once_and_nothing_else(office: Office, gosip: Gosip) -> None:
    office.person("grace")
    token = gosip.text("token", "add", "grace", "--name", "monitor").strip()
    assert token.startswith("gosip_")
    assert token not in gosip.text("token", "list")
    assert "monitor" in gosip.text("token", "list", "grace")


def test_json(office: Office, gosip: Gosip) -> None:
    office.person("grace")
    made = gosip.json("token", "add", "grace", "--name", "backup", "--scope", "write", "--days", "1")
    assert (made["user"], made["scope"], round(made["expires_at"] - made["created_at"])) == ("grace", "write", 86400)
    listed = gosip.json("token", "list")
    assert listed["total"] == 1
    assert "token" not in listed["items"][0]
    assert gosip.json("token", "remove", str(made["id"])) == {"removed": made["id"]}
    assert gosip.json("token", "list")["total"] == 0


def test_what_is_not_there(office: Office, gosip: Gosip) -> None:
    assert gosip.error("token", "add", "nobody", "--name", "x")["kind"] == "not_found"
    assert gosip.error("token", "remove", "7")["kind"] == "not_found"
