"""gosip admin reset, user list, audit, event list."""

from __future__ import annotations

import time

from appliance.operations.events import record_event
from appliance.operations.setup_codes import is_usable
from appliance.secret import Secret
from tests.support.appliance import Office
from tests.support.cli import Gosip


def test_a_reset_prints_a_code_that_is_taken(gosip: Gosip, office: Office) -> None:
    code = gosip.json("admin", "reset")["code"]
    assert len(code) == 19
    office.clock.time = time.time()
    assert is_usable(office.appliance, Secret(code))


def test_a_second_reset_makes_the_first_code_void(gosip: Gosip, office: Office) -> None:
    first = gosip.json("admin", "reset")["code"]
    gosip.text("admin", "reset")
    office.clock.time = time.time()
    assert not is_usable(office.appliance, Secret(first))


def test_users_are_listed_with_role_and_without_hashes(gosip: Gosip, office: Office) -> None:
    office.admin("ada")
    office.person("grace")
    found = gosip.json("user", "list")
    assert [(user["name"], user["role"]) for user in found["items"]] == [("ada", "admin"), ("grace", "user")]
    assert found["total"] == 2
    assert not any("password" in key or "hash" in key for key in found["items"][0])


def test_users_as_text_show_who_never_signed_in(gosip: Gosip, office: Office) -> None:
    office.admin("ada")
    assert gosip.text("user", "list").splitlines()[1].split() == ["ada", "admin", "yes", "no", "never"]


def test_the_audit_tells_who_did_what_newest_first(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    gosip.text("device", "remove", "201")
    found = gosip.json("audit")
    assert [item["action"] for item in found["items"]] == ["device.remove", "device.add"]
    assert {item["actor"] for item in found["items"]} == {"gosip"}
    assert (found["total"], found["page"], found["size"]) == (2, 1, 20)


def test_the_audit_of_one_person(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    assert gosip.json("audit", "--actor", "ada")["total"] == 0
    assert gosip.json("audit", "--actor", "gosip")["total"] == 1


def test_the_audit_as_text_has_the_detail(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    assert gosip.text("audit").splitlines()[1].split()[2:] == ["gosip", "cli", "device.add", "201", "number=201"]


def test_events_are_listed_and_narrowed_by_severity(gosip: Gosip, office: Office) -> None:
    for severity in ("info", "error"):
        record_event(
            office.appliance.folder.database,
            severity=severity,
            source="watchdog",
            kind="program-crashed",
            message=f"It is {severity}.",
        )
    assert gosip.json("event", "list")["total"] == 2
    (item,) = gosip.json("event", "list", "--severity", "error")["items"]
    assert (item["kind"], item["message"]) == ("program-crashed", "It is error.")
    assert "It is info." in gosip.text("event", "list", "--severity", "info")
