"""Extensions and devices: adding makes both, each device can be revoked alone, and the daemon learns of changes."""

from __future__ import annotations

import pytest

from appliance.database.models import Audit, Device, Extension, Removal
from appliance.database.transactions import current_revision
from appliance.errors import Conflict, Forbidden, Invalid, NotFound
from appliance.operations import devices, extensions
from appliance.operations.paging import PageRequest
from appliance.passwords import ha1_md5, ha1_sha256
from appliance.secret import Secret
from tests.support.appliance import Office


def removals() -> set[tuple[str, str, int]]:
    return {(row.kind, row.key, row.revision) for row in Removal.select()}


def test_adding_a_device_makes_its_number_and_a_strong_password(office: Office) -> None:
    new = devices.add_device(office.console, "201", name="Ada")
    assert (new.device.username, new.device.number, new.device.name) == ("201", "201", "Ada")
    assert new.was_generated
    assert len(new.password.reveal()) == 20


def test_later_devices_of_a_number_get_usernames_of_their_own(office: Office) -> None:
    names = [devices.add_device(office.console, "201").device.username for _ in range(3)]
    assert names == ["201", "201-2", "201-3"]
    assert len(extensions.get_extension(office.console, "201").devices) == 3


def test_a_username_can_be_chosen(office: Office) -> None:
    assert devices.add_device(office.console, "201", username="ada.desk").device.username == "ada.desk"
    assert devices.add_device(office.console, "201").device.username == "201"


def test_both_digest_hashes_belong_to_the_realm_of_the_first_start(office: Office) -> None:
    new = devices.add_device(office.console, "201", password=Secret("long enough"))
    row = Device.get(Device.username == "201")
    assert office.appliance.realm == "phones.example"
    assert row.ha1_md5 == ha1_md5("201", "phones.example", new.password)
    assert row.ha1_sha256 == ha1_sha256("201", "phones.example", new.password)


def test_the_password_is_sealed_and_can_be_rendered(office: Office) -> None:
    devices.add_device(office.console, "201", password=Secret("long enough"))
    row = Device.get(Device.username == "201")
    assert b"long enough" not in bytes(row.sealed_password)
    assert devices.reveal_password(office.appliance, row) == Secret("long enough")


def test_the_password_is_in_no_audit_row(office: Office) -> None:
    devices.add_device(office.console, "201", password=Secret("long enough"))
    devices.set_password(office.console, "201", Secret("another one"))
    texts = [str(row.detail) + row.subject for row in Audit.select()]
    assert not any("long enough" in text or "another one" in text for text in texts)
    assert [row.action for row in Audit.select()] == ["device.add", "device.password"]


@pytest.mark.parametrize(
    ("number", "more", "field"),
    [
        ("", {}, "number"),
        ("12a", {}, "number"),
        ("*43", {}, "number"),
        ("1" * 16, {}, "number"),
        ("201", {"username": "två"}, "username"),
        ("201", {"username": "-x"}, "username"),
        ("201", {"username": "a b"}, "username"),
        ("201", {"name": "x" * 81}, "name"),
        ("201", {"name": "a\r\nb"}, "name"),
        ("201", {"label": "a\x00"}, "label"),
        ("201", {"password": Secret("short")}, "password"),
        ("201", {"password": Secret("pässwörter")}, "password"),
        ("201", {"password": Secret("x" * 129)}, "password"),
        ("20100000", {"password": Secret("20100000")}, "password"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_and_nothing_is_made(
    office: Office, number: str, more: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        devices.add_device(office.console, number, **more)  # type: ignore[arg-type]
    assert list(caught.value.details) == [field]
    assert (Extension.select().count(), Device.select().count(), current_revision()) == (0, 0, 0)


def test_all_faults_are_named_at_once(office: Office) -> None:
    with pytest.raises(Invalid) as caught:
        devices.add_device(office.console, "x", username="?", password=Secret("x"))
    assert set(caught.value.details) == {"number", "username", "password"}


@pytest.mark.parametrize("username", ["ada", "ADA"])
def test_a_username_is_unique_whatever_its_case(office: Office, username: str) -> None:
    devices.add_device(office.console, "201", username="ada")
    with pytest.raises(Conflict, match="in use by a device of extension 201") as caught:
        devices.add_device(office.console, "202", username=username)
    assert caught.value.field == "username"


def test_a_username_is_never_the_number_of_somebody_else(office: Office) -> None:
    devices.add_device(office.console, "201", username="ada")
    with pytest.raises(Conflict, match="number of another extension"):
        devices.add_device(office.console, "202", username="201")
    devices.add_device(office.console, "203", username="204")
    with pytest.raises(Conflict, match="username of a device of extension 203"):
        devices.add_device(office.console, "204")


def test_each_change_carries_a_higher_revision(office: Office) -> None:
    devices.add_device(office.console, "201")
    devices.add_device(office.console, "202")
    assert current_revision() == 2
    assert {row.username: row.revision for row in Device.select()} == {"201": 1, "202": 2}
    assert {row.number: row.revision for row in Extension.select()} == {"201": 1, "202": 2}


def test_disabling_a_device_changes_it_and_its_extension(office: Office) -> None:
    devices.add_device(office.console, "201")
    view = devices.edit_device(office.console, "201", enabled=False, label="hall")
    assert (view.enabled, view.label) == (False, "hall")
    assert Device.get().revision == Extension.get().revision == current_revision() == 2


def test_an_edit_that_changes_nothing_leaves_no_audit_row(office: Office) -> None:
    devices.add_device(office.console, "201")
    devices.edit_device(office.console, "201", enabled=True)
    extensions.edit_extension(office.console, "201", name="")
    assert Audit.select().count() == 1


def test_a_new_password_replaces_the_old_hashes(office: Office) -> None:
    devices.add_device(office.console, "201")
    before = Device.get().ha1_md5
    new = devices.set_password(office.console, "201")
    assert Device.get().ha1_md5 == ha1_md5("201", "phones.example", new.password) != before


def test_removing_a_device_leaves_its_number_and_the_other_devices(office: Office) -> None:
    devices.add_device(office.console, "201", name="Ada")
    devices.add_device(office.console, "201")
    devices.remove_device(office.console, "201")
    assert [view.username for view in extensions.get_extension(office.console, "201").devices] == ["201-2"]
    assert removals() == {("device", "201", 3)}
    assert Extension.get().revision == 3


def test_the_number_goes_with_its_last_device_when_asked(office: Office) -> None:
    devices.add_device(office.console, "201")
    devices.add_device(office.console, "201")
    devices.remove_device(office.console, "201", with_empty_extension=True)
    assert Extension.select().count() == 1
    devices.remove_device(office.console, "201-2", with_empty_extension=True)
    assert Extension.select().count() == 0
    assert ("extension", "201", 4) in removals()


def test_removing_a_number_removes_its_devices(office: Office) -> None:
    devices.add_device(office.console, "201")
    devices.add_device(office.console, "201")
    extensions.remove_extension(office.console, "201")
    assert Device.select().count() == 0
    assert removals() == {("device", "201", 3), ("device", "201-2", 3), ("extension", "201", 3)}


def test_a_number_can_change_and_its_devices_count_as_changed(office: Office) -> None:
    devices.add_device(office.console, "201", username="ada")
    view = extensions.edit_extension(office.console, "201", new_number="301", ring_seconds=45)
    assert (view.number, view.ring_seconds) == ("301", 45)
    assert Device.get().revision == 2
    assert removals() == {("extension", "201", 2)}


def test_a_number_cannot_change_to_one_that_is_taken(office: Office) -> None:
    extensions.add_extension(office.console, "201")
    extensions.add_extension(office.console, "202")
    with pytest.raises(Conflict, match="exists already"):
        extensions.edit_extension(office.console, "201", new_number="202")


def test_an_owner_is_given_and_taken_away(office: Office) -> None:
    extensions.add_extension(office.console, "201")
    ada = office.person("ada").actor.user_id
    assert extensions.edit_extension(office.console, "201", owner_id=ada).owner == "ada"
    assert extensions.edit_extension(office.console, "201", name="Ada").owner == "ada"
    assert extensions.edit_extension(office.console, "201", owner_id=None).owner is None
    with pytest.raises(Invalid, match="no such user"):
        extensions.edit_extension(office.console, "201", owner_id=99)


def test_lists_are_ordered_by_number_as_people_count(office: Office) -> None:
    for number in ("1000", "20", "100"):
        devices.add_device(office.console, number)
    assert [view.number for view in devices.list_devices(office.console).rows] == ["20", "100", "1000"]
    assert [view.number for view in extensions.list_extensions(office.console).rows] == ["20", "100", "1000"]


def test_lists_come_in_pages_of_at_most_a_hundred(office: Office) -> None:
    for number in range(100, 125):
        extensions.add_extension(office.console, str(number))
    first = extensions.list_extensions(office.console)
    assert (len(first.rows), first.total, first.number) == (20, 25, 1)
    assert len(extensions.list_extensions(office.console, PageRequest(2)).rows) == 5
    assert extensions.list_extensions(office.console, PageRequest(1, 5000)).size == 100


@pytest.mark.parametrize(("search", "found"), [("20", 2), ("grace", 1), ("desk", 1), ("%", 0), ("_", 0), ("", 2)])
def test_a_search_finds_part_of_number_name_username_or_label(office: Office, search: str, found: int) -> None:
    devices.add_device(office.console, "201", name="Grace", label="Desk")
    devices.add_device(office.console, "202", name="Ada")
    assert devices.list_devices(office.console, search=search).total == found


def test_a_user_sees_only_the_own_numbers_and_others_do_not_exist(office: Office) -> None:
    ada = office.person("ada")
    devices.add_device(office.console, "201", owner_id=ada.actor.user_id)
    devices.add_device(office.console, "202")
    assert [view.number for view in extensions.list_extensions(ada).rows] == ["201"]
    assert [view.username for view in devices.list_devices(ada).rows] == ["201"]
    assert devices.get_device(ada, "201").number == "201"
    for number in ("202", "999"):
        with pytest.raises(NotFound, match=f"no device {number}"):
            devices.get_device(ada, number)
        with pytest.raises(NotFound, match=f"no extension {number}"):
            extensions.get_extension(ada, number)


def test_only_an_administrator_changes_devices(office: Office) -> None:
    ada = office.person("ada")
    devices.add_device(office.console, "201", owner_id=ada.actor.user_id)
    with pytest.raises(Forbidden):
        devices.add_device(ada, "203")
    with pytest.raises(Forbidden):
        devices.remove_device(ada, "201")
    with pytest.raises(Forbidden):
        devices.set_password(ada, "201")
    with pytest.raises(Forbidden):
        devices.edit_device(ada, "201", enabled=False)
    with pytest.raises(Forbidden):
        extensions.remove_extension(ada, "201")
    with pytest.raises(Forbidden):
        extensions.edit_extension(ada, "201", name="x")


def test_the_realm_never_follows_the_domain(office: Office, tmp_path: object) -> None:
    again = Office.at(office.appliance.folder.path, GOSIP_SIP_DOMAIN="other.example")
    assert again.appliance.settings.sip_domain == "other.example"
    assert again.appliance.realm == "phones.example"
