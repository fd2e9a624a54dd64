"""Phones: adding, the password that is shown once, live state, changing, removing."""

from __future__ import annotations

import re

from appliance.operations import devices, extensions
from tests.support.admin import Actor, AdminSystem

SEEN = re.compile(r'name="seen" value="([^"]+)"')


def shown_password(page: str) -> str:
    found = re.search(r'id="setting-password"[^>]*>([^<]+)<', page)
    assert found is not None
    return found[1]


def test_an_empty_list_says_what_to_do_next(admin: Actor) -> None:
    assert "Add the first phone" in admin.get("/devices").text


def test_a_new_phone_gets_a_strong_password_that_is_shown_once(system: AdminSystem, admin: Actor) -> None:
    page = admin.post("/devices/new", number="1001", name="Ada", label="Desk phone")
    assert page.status_code == 200
    assert len(shown_password(page.text)) >= 20
    assert page.headers["Cache-Control"] == "no-store"
    assert shown_password(page.text) not in admin.get("/device/1001").text
    assert devices.get_device(system.context, "1001").label == "Desk phone"


def test_the_settings_page_names_server_port_and_username(admin: Actor) -> None:
    page = admin.post("/devices/new", number="1001").text
    for setting in ("localhost", "5060", "UDP or TCP", "1001"):
        assert setting in page


def test_refused_input_is_marked_and_nothing_typed_is_lost(admin: Actor) -> None:
    page = admin.post("/devices/new", number="12x", name="Ada", label="Desk phone")
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    assert "A number has 1 to 15 digits" in page.text
    for typed in ("12x", "Ada", "Desk phone"):
        assert f'value="{typed}"' in page.text


def test_a_username_that_is_taken_is_said_at_its_field(admin: Actor) -> None:
    admin.post("/devices/new", number="1001", username="anna")
    page = admin.post("/devices/new", number="1002", username="anna")
    assert "The username anna is in use" in page.text
    assert 'id="username-error"' in page.text


def test_markup_in_a_name_stays_text(admin: Actor) -> None:
    admin.post("/devices/new", number="1001", name="<script>alert(1)</script>")
    page = admin.get("/devices").text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;" in page


def test_the_owner_of_an_existing_number_can_be_named_with_another_phone(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001")
    page = admin.get("/devices/new").text
    owner = re.search(r'<option value="(\d+)">grace', page)
    assert owner is not None
    admin.post("/devices/new", number="1001", owner=owner[1])
    assert extensions.get_extension(system.context, "1001").owner == "grace"


def test_a_phone_that_registers_turns_online(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", "Ada")
    assert "offline" in admin.get("/devices").text
    system.sip.register("1001", "1001", remote="192.0.2.44:5062", transport="TCP", user_agent="Desk 3000")
    system.services.daemon._fresh_until = 0
    page = admin.get("/devices").text
    for shown in ("online", "192.0.2.44:5062", "TCP", "Desk 3000"):
        assert shown in page


def test_the_page_of_an_unreachable_phone_says_why(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", "Ada")
    system.sip.register("1001", "1001", trouble="it does not answer")
    system.services.daemon._fresh_until = 0
    page = admin.get("/device/1001").text
    assert "unreachable" in page
    assert "It does not answer. Is it switched on" in page


def test_search_finds_numbers_names_and_usernames(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", "Ada")
    system.add_device("2002", "Grace")
    page = admin.get("/devices?search=grac").text
    assert "2002" in page
    assert "1001" not in page
    assert "No phone fits" in admin.get("/devices?search=zzz").text


def test_long_lists_come_in_pages_of_twenty(system: AdminSystem, admin: Actor) -> None:
    for number in range(1001, 1026):
        system.add_device(str(number))
    assert "1 to 20 of 25" in admin.get("/devices").text
    assert "21 to 25 of 25" in admin.get("/devices?page=2").text


def test_a_new_password_replaces_the_old_one(system: AdminSystem, admin: Actor) -> None:
    old = system.add_device("1001")
    page = admin.post("/device/1001/password").text
    assert shown_password(page) != old


def test_the_form_shows_how_things_are(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", "Ada", label="Desk phone")
    page = admin.get("/device/1001/edit").text
    assert re.search(r'<input[^>]*checked[^>]*id="enabled"', page)
    assert 'value="Desk phone"' in page
    assert 'value="30"' in page


def test_a_phone_can_be_disabled(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001")
    admin.post("/device/1001/edit", label="Old phone")
    device = devices.get_device(system.context, "1001")
    assert (device.enabled, device.label) == (False, "Old phone")


def test_number_and_ring_time_hold_for_all_phones_of_the_number(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001")
    system.add_device("1001")
    admin.post("/device/1001/number", number="1010", name="Ada", owner="", ring_seconds=45)
    extension = extensions.get_extension(system.context, "1010")
    assert (extension.ring_seconds, len(extension.devices)) == (45, 2)


def test_a_number_in_use_is_refused_and_the_form_keeps_it(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001")
    system.add_device("1002")
    page = admin.post("/device/1001/number", number="1002", name="x", owner="", ring_seconds=30)
    assert page.status_code == 422
    assert "The number 1002 exists already" in page.text


def test_deleting_the_last_phone_of_a_number_deletes_the_number(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001")
    assert "the number is deleted with it" in admin.get("/device/1001").text
    admin.post("/device/1001/delete")
    assert admin.get("/device/1001").status_code == 404
    assert extensions.list_extensions(system.context).total == 0


def test_each_change_nudges_the_phone_system(system: AdminSystem, admin: Actor) -> None:
    admin.post("/devices/new", number="1001")
    assert system.sip.nudges == 1


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(system: AdminSystem, admin: Actor) -> None:
    """RFC 9110 §15.5.10. What was typed stays, and the next save is meant."""
    system.add_device("1001", label="Old")
    phone, number = SEEN.findall(admin.get("/device/1001/edit").text)
    devices.edit_device(system.context, "1001", label="Theirs")
    extensions.edit_extension(system.context, "1001", name="Theirs")
    refused = admin.post("/device/1001/edit", label="Mine", enabled="y", seen=phone)
    assert refused.status_code == 409
    assert "in the meantime" in refused.text
    assert 'value="Mine"' in refused.text
    fields: dict[str, str | int] = {"number": "1001", "name": "Mine", "owner": "", "ring_seconds": 30}
    refused_number = admin.post("/device/1001/number", **fields, seen=number)
    assert refused_number.status_code == 409
    phone, number = SEEN.findall(refused_number.text)
    assert admin.post("/device/1001/edit", label="Mine", enabled="y", seen=phone).status_code == 302
    assert admin.post("/device/1001/number", **fields, seen=number).status_code == 302
