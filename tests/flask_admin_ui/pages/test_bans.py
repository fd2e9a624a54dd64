"""Banned addresses: the page and its twin in the API."""

from __future__ import annotations

from appliance.operations.audit import list_audit
from tests.support.admin import Actor, AdminSystem
from tests.support.daemon import PHONE_SOURCE


def test_the_page_says_who_is_kept_out_why_and_until_when(system: AdminSystem, admin: Actor) -> None:
    system.sip.ban("203.0.113.5", count=3)
    system.sip.ban("192.0.2.44", "slowed", "scanning")
    page = admin.get("/system/bans").text
    for words in ("203.0.113.5", "Wrong passwords or unknown users", "ban number 3", "slowed down", "Never banned"):
        assert words in page


def test_the_list_lives(system: AdminSystem, admin: Actor) -> None:
    assert "No address is banned" in admin.poll("/system/bans").text
    system.sip.ban("203.0.113.5")
    system.services.daemon.expire()
    system.services.fragments.clear()
    assert "203.0.113.5" in admin.poll("/system/bans").text


def test_an_address_is_banned_and_let_in_on_the_page(system: AdminSystem, admin: Actor) -> None:
    assert admin.post("/system/bans", source="203.0.113.5", duration="3600", note="why").status_code == 302
    assert "203.0.113.5" in admin.get("/system/bans").text
    assert admin.post("/system/bans/remove", source="203.0.113.5").status_code == 302
    assert admin.post("/system/bans/remove", source="203.0.113.5").status_code == 404
    actions = [(row.action, row.subject) for row in list_audit(system.context).rows]
    assert actions[:2] == [("ban.remove", "203.0.113.5"), ("ban.add", "203.0.113.5")]


def test_a_refused_ban_says_why_at_its_field_and_keeps_what_was_typed(admin: Actor) -> None:
    wrong = admin.post("/system/bans", source="example.com", note="why")
    assert (wrong.status_code, "Allowed is one IPv4 address" in wrong.text) == (422, True)
    assert 'value="example.com"' in wrong.text
    phones = admin.post("/system/bans", source=PHONE_SOURCE)
    assert (phones.status_code, "Phones are registered from 192.0.2.7" in phones.text) == (422, True)
    assert admin.post("/system/bans", source=PHONE_SOURCE, force="y").status_code == 302


def test_bans_are_for_administrators(user: Actor) -> None:
    assert user.get("/system/bans").status_code == 403
    assert user.api("GET", "/api/bans").status_code == 403


def test_a_program_lists_makes_and_ends_bans(system: AdminSystem, admin: Actor) -> None:
    system.sip.ban("2001:db8:1:2::/64")
    listed = admin.api("GET", "/api/bans").json
    assert listed is not None
    assert (listed["total"], listed["items"][0]["until"]) == (1, "2027-01-15T09:00:00.000Z")
    made = admin.api("POST", "/api/bans", {"source": "203.0.113.5", "note": "why"})
    assert made.status_code == 201
    assert made.json is not None
    assert (made.json["until"], made.json["state"]) == (None, "banned")
    assert admin.api("DELETE", "/api/bans/2001:db8:1:2::/64").status_code == 204
    assert admin.api("DELETE", "/api/bans/2001:db8:1:2::/64").status_code == 404


def test_a_program_is_told_what_it_may_not_ban(admin: Actor) -> None:
    for field, value in (("source", "nobody"), ("seconds", 0), ("note", "x" * 201)):
        refused = admin.api("POST", "/api/bans", {"source": "203.0.113.5", field: value})
        assert refused.json is not None
        assert [detail["field"] for detail in refused.json["details"]] == [field]
    assert admin.api("POST", "/api/bans", {"source": PHONE_SOURCE}).status_code == 409


def test_without_the_phone_system_a_program_gets_503(system: AdminSystem, admin: Actor) -> None:
    system.sip.stop()
    assert admin.api("GET", "/api/bans").status_code == 503
    assert admin.api("POST", "/api/bans", {"source": "203.0.113.5"}).status_code == 503
