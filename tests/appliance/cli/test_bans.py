"""`gosip ban`: list, make and end bans."""

from __future__ import annotations

import pytest

from tests.support.cli import Gosip
from tests.support.daemon import PHONE_SOURCE, StandInDaemon


def test_lists_who_is_kept_out_and_why(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.ban("203.0.113.5")
    daemon.ban("192.0.2.99", "slowed", "scanning")
    daemon.ban("203.0.113.9", reason="manual", until=None, note="calls at night")
    shown = gosip.text("ban", "list")
    assert "203.0.113.5  banned  wrong-credentials" in shown
    assert "for good" in shown
    assert "calls at night" in shown
    listed = gosip.json("ban", "list")
    assert (listed["total"], listed["items"][1]["state"]) == (3, "slowed")


def test_makes_and_ends_a_ban(gosip: Gosip, daemon: StandInDaemon) -> None:
    made = gosip.json("ban", "add", "203.0.113.5", "--for", "2h", "--note", "why")
    assert (made["source"], round(made["until"] - made["since"]), made["note"]) == ("203.0.113.5", 7200, "why")
    assert "let in again" in gosip.text("ban", "remove", "203.0.113.5")
    assert "203.0.113.5 is not banned." in gosip.refused("ban", "remove", "203.0.113.5")


def test_cutting_phones_off_has_to_be_meant(gosip: Gosip, daemon: StandInDaemon) -> None:
    assert "Phones are registered" in gosip.refused("ban", "add", PHONE_SOURCE)
    assert PHONE_SOURCE in gosip.text("ban", "add", PHONE_SOURCE, "--force")


@pytest.mark.parametrize("address", ["example.com", "203.0.113.0/24", "2001:db8::/32"])
def test_what_cannot_be_banned_is_said(gosip: Gosip, daemon: StandInDaemon, address: str) -> None:
    assert "Allowed is one IPv4 address" in gosip.refused("ban", "add", address)
    assert "ban.add" not in daemon.asked


def test_a_duration_is_written_with_its_unit(gosip: Gosip, daemon: StandInDaemon) -> None:
    assert "90s" in gosip.refused("ban", "add", "203.0.113.5", "--for", "soon", code=2)


def test_without_a_running_system_nothing_is_known(gosip: Gosip) -> None:
    assert "not run" in gosip.refused("ban", "list", code=3)
