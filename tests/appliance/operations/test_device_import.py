"""Importing devices: all rows or none, every fault by its line."""

from __future__ import annotations

import time

import pytest

from appliance.database.models import Audit, Device, Extension
from appliance.database.transactions import current_revision
from appliance.errors import Forbidden, Invalid
from appliance.operations.device_import import ImportRefused, import_devices
from appliance.operations.devices import add_device
from appliance.passwords import ha1_md5
from appliance.secret import Secret
from tests.support.appliance import Office


def faults(office: Office, text: str) -> list[str]:
    with pytest.raises(ImportRefused) as caught:
        import_devices(office.console, text.encode())
    return [str(fault) for fault in caught.value.faults]


def test_rows_with_a_header_are_taken(office: Office) -> None:
    result = import_devices(office.console, b"number,name,password\n201,Ada,long-enough\n202,Grace,\n")
    assert [(row.number, row.name, row.username) for row in result.devices] == [
        ("201", "Ada", "201"),
        ("202", "Grace", "202"),
    ]
    assert [row.was_generated for row in result.devices] == [False, True]
    assert Device.get(Device.username == "201").ha1_md5 == ha1_md5("201", "phones.example", Secret("long-enough"))


def test_a_generated_password_is_the_one_that_was_stored(office: Office) -> None:
    (row,) = import_devices(office.console, b"202,Grace,\n").devices
    assert Device.get().ha1_md5 == ha1_md5("202", "phones.example", row.password)


@pytest.mark.parametrize(
    "data",
    [
        b"201,Ada,long-enough",
        b"number;name;password\r\n201;Ada;long-enough\r\n",
        b"\xef\xbb\xbfnumber,name,password\n201,Ada,long-enough\n",
        b"Password, Number ,NAME\nlong-enough,201,Ada\n",
        b'number,name\n\n201,"Ada"\n,,\n',
    ],
    ids=["no header", "semicolons", "byte order mark", "other order", "blank lines and quotes"],
)
def test_files_of_all_spreadsheets_are_read(office: Office, data: bytes) -> None:
    import_devices(office.console, data)
    assert [(row.number, row.name) for row in Extension.select()] == [("201", "Ada")]


def test_columns_may_name_username_and_label(office: Office) -> None:
    import_devices(office.console, b"number,username,label\n201,ada.desk,Desk\n")
    assert [(row.username, row.label) for row in Device.select()] == [("ada.desk", "Desk")]


def test_a_number_that_comes_twice_has_two_devices(office: Office) -> None:
    result = import_devices(office.console, b"201,Ada,\n201,,\n")
    assert [row.username for row in result.devices] == ["201", "201-2"]
    assert result.new_extensions == 1
    assert Extension.get().name == "Ada"


def test_every_fault_is_named_by_its_line_and_nothing_is_imported(office: Office) -> None:
    text = "number,name,password\n201,Ada,long-enough\nx,Grace,long-enough\n203,,short\n"
    assert faults(office, text) == [
        "Line 3, number: A number has 1 to 15 digits and nothing else.",
        "Line 4, password: A SIP password has 8 to 128 characters: letters, digits, signs.",
    ]
    assert (Device.select().count(), Extension.select().count(), current_revision()) == (0, 0, 0)


def test_the_refusal_says_how_many_rows_have_faults(office: Office) -> None:
    with pytest.raises(ImportRefused, match="2 of 3 rows have faults"):
        import_devices(office.console, b"x,,\n201,,\ny,,\n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("number,username\n201,ada\n202,ADA\n", "Line 3, username: The username ADA stands in this file twice"),
        ("number,username\n201,ada\n202,201\n", "Line 3, username: 201 is the number of another extension"),
        ("number,username\n201,202\n202,bob\n", "Line 3, number: 202 is the username of a device of another"),
        ("number,username\n300,\n", "Line 2, username: The username 300 exists already."),
        ("number,username\n301,300\n", "Line 2, username: The username 300 exists already."),
        ("300000000,,300000000\n", "Line 1, password: The password must not be"),
        ("201,Ada,long-enough,more\n", "Line 1, row: It has 4 cells"),
        ("201,A\x00da,\n", "Line 1, name: It has at most 80 characters, all of them printable."),
    ],
)
def test_clashes_are_named(office: Office, text: str, fault: str) -> None:
    add_device(office.console, "300")
    (found,) = faults(office, text)
    assert found.startswith(fault)
    assert Device.select().count() == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no rows"),
        (b"number,name\n", "no rows"),
        (b"\xff\xfe2\x000\x00", "not UTF-8"),
        (b'201,"Ada\n', "no CSV"),
        (b"number,pin\n201,7\n", "unknown column: pin"),
        (b"name,password\nAda,long-enough\n", "does not name a column number"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_words(office: Office, data: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        import_devices(office.console, data)


def test_an_import_is_one_revision_and_one_audit_row(office: Office) -> None:
    import_devices(office.console, b"201,Ada,\n202,Grace,\n")
    assert current_revision() == 1
    assert {row.revision for row in Device.select()} == {1}
    assert [(row.action, row.detail) for row in Audit.select()] == [("device.import", {"devices": 2, "extensions": 2})]


def test_only_an_administrator_imports(office: Office) -> None:
    with pytest.raises(Forbidden):
        import_devices(office.person("ada"), b"201,,\n")


def test_progress_is_told_from_the_start_to_the_end(office: Office) -> None:
    told: list[tuple[int, int]] = []
    text = "".join(f"{number},,\n" for number in range(1000, 1500))
    import_devices(office.console, text.encode(), lambda done, total: told.append((done, total)))
    assert told[0] == (0, 500)
    assert told[-1] == (500, 500)
    assert told == sorted(told)


def test_twenty_thousand_rows_take_less_than_ten_seconds(office: Office) -> None:
    text = "".join(f"{number},Person {number},password-{number}\n" for number in range(10_000, 30_000))
    started = time.process_time()
    result = import_devices(office.console, text.encode())
    assert len(result.devices) == 20_000
    # The processor's time: other programs on the machine are not what is measured.
    assert time.process_time() - started < 10
