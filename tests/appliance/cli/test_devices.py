"""gosip device add, list, password, remove."""

from __future__ import annotations

import errno
import os

import pytest
from click.testing import CliRunner

from appliance.cli import main
from appliance.database.models import Device
from appliance.folders import DataFolder
from appliance.passwords import ha1_md5
from appliance.secret import Secret
from tests.support.appliance import Office
from tests.support.cli import Gosip

PASSWORD = "a-long-password"


def stored_ha1(username: str) -> str:
    return str(Device.get(Device.username == username).ha1_md5)


def test_adding_prints_what_the_phone_has_to_be_told(gosip: Gosip) -> None:
    lines = gosip.text("device", "add", "201", "--name", "Ada").splitlines()
    assert [line.split(":")[0] for line in lines] == ["Number", "Username", "Password", "Server"]
    assert lines[3] == "Server:   phones.example, port 5060, UDP or TCP"


def test_adding_in_json_has_what_a_script_needs(gosip: Gosip) -> None:
    device = gosip.json("device", "add", "201", "--name", "Ada", "--label", "desk")
    assert (device["number"], device["username"], device["name"], device["label"]) == ("201", "201", "Ada", "desk")
    assert len(device["password"]) >= 16
    assert device["server"]["host"] == "phones.example"
    assert (device["server"]["port"], device["server"]["transports"]) == (5060, ["UDP", "TCP"])


def test_a_second_device_of_a_number_gets_a_username_of_its_own(gosip: Gosip) -> None:
    gosip.text("device", "add", "201", "--name", "Ada")
    second = gosip.json("device", "add", "201")
    assert (second["username"], second["name"]) == ("201-2", "Ada")


def test_a_given_password_is_not_printed(gosip: Gosip) -> None:
    assert PASSWORD not in gosip.text("device", "add", "201", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert "password" not in gosip.json("device", "add", "202", "--password-stdin", stdin=f"{PASSWORD}\n")


def test_a_given_password_is_the_one_that_counts(gosip: Gosip, office: Office) -> None:
    from_file = gosip.json("device", "add", "201", "--password-stdin", stdin=f"{PASSWORD}\r\nanother line\n")
    assert stored_ha1(from_file["username"]) == ha1_md5("201", office.appliance.realm, Secret(PASSWORD))


def test_an_empty_standard_input_is_wrong_usage(gosip: Gosip) -> None:
    assert "no password on standard input" in gosip.refused("device", "add", "201", "--password-stdin", code=2)


def test_bytes_that_are_no_text_are_no_password(gosip: Gosip) -> None:
    result = CliRunner().invoke(
        main, ["device", "add", "201", "--password-stdin", "--data-dir", str(gosip.data)], input=b"\xff\xfe-password\n"
    )
    assert (result.exit_code, "not UTF-8 text" in result.stderr) == (2, True)


def test_an_argument_that_is_no_text_is_said_in_words(gosip: Gosip) -> None:
    assert "not UTF-8 text" in gosip.refused("device", "add", "201", "--name", "\udcff")
    assert gosip.json("device", "list")["total"] == 0


def test_a_password_that_is_refused_is_not_repeated(gosip: Gosip) -> None:
    said = gosip.refused("device", "add", "201", "--password-stdin", stdin="kurz\n")
    assert "8 to 128 characters" in said
    assert "kurz" not in said


def test_without_a_domain_the_phone_is_told_an_address(nowhere: Gosip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOSIP_BIND_ADDRESS", "192.0.2.9")
    server = nowhere.json("device", "add", "201")["server"]
    assert (server["host"], server["addresses"]) == ("192.0.2.9", ["192.0.2.9"])


def test_devices_can_be_added_before_the_first_start(nowhere: Gosip) -> None:
    result = nowhere.run("device", "add", "201", "--json")
    assert result.exit_code == 0
    assert f"{nowhere.data} is a new data folder" in result.stderr
    assert nowhere.json("device", "list")["total"] == 1


def test_a_folder_that_cannot_be_made_is_refused_with_the_reason(
    nowhere: Gosip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: DataFolder) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(DataFolder, "create", full)
    assert "cannot be made: No space left on device." in nowhere.refused("device", "add", "201")


def test_the_list_shows_all_devices_by_number(gosip: Gosip) -> None:
    for number in ("1000", "201", "201"):
        gosip.text("device", "add", number)
    items = gosip.json("device", "list")["items"]
    assert [item["username"] for item in items] == ["201", "201-2", "1000"]


def test_the_list_shows_the_devices_of_one_number(gosip: Gosip) -> None:
    for number in ("1000", "201", "201"):
        gosip.text("device", "add", number)
    found = gosip.json("device", "list", "201")
    assert ([item["username"] for item in found["items"]], found["total"]) == (["201", "201-2"], 2)


def test_the_list_of_an_unknown_number_is_refused(gosip: Gosip) -> None:
    assert gosip.refused("device", "list", "999") == "gosip: There is no extension 999.\n"


def test_the_list_as_text_has_a_line_for_each_device(gosip: Gosip) -> None:
    gosip.text("device", "add", "201", "--name", "Ada", "--label", "desk")
    head, line = gosip.text("device", "list").splitlines()
    assert head.split() == ["NUMBER", "NAME", "USERNAME", "LABEL", "ENABLED"]
    assert line.split() == ["201", "Ada", "201", "desk", "yes"]


def test_a_new_password_replaces_the_old_one(gosip: Gosip, office: Office) -> None:
    gosip.text("device", "add", "201")
    new = gosip.json("device", "password", "201")["password"]
    assert stored_ha1("201") == ha1_md5("201", office.appliance.realm, Secret(new))


def test_a_script_removes_without_being_asked(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    assert gosip.text("device", "remove", "201") == "Removed 201.\n"
    assert gosip.json("device", "list")["total"] == 0


@pytest.mark.usefixtures("_terminal")
def test_a_person_who_says_no_removes_nothing(gosip: Gosip) -> None:
    gosip.text("device", "add", "201", "--name", "Ada", "--label", "desk")
    result = gosip.run("device", "remove", "201", stdin="n\n")
    assert result.exit_code == 1
    assert "Remove the device 201 (201 Ada desk)?" in result.stderr
    assert gosip.json("device", "list")["total"] == 1


@pytest.mark.usefixtures("_terminal")
def test_a_person_who_says_yes_removes(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    assert gosip.text("device", "remove", "201", stdin="y\n") == "Removed 201.\n"


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize("option", ["--yes", "--json"])
def test_with_yes_or_json_nobody_is_asked(gosip: Gosip, option: str) -> None:
    gosip.text("device", "add", "201")
    assert gosip.run("device", "remove", "201", option).exit_code == 0


def test_a_device_can_be_removed_by_its_id(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    second = gosip.json("device", "add", "201")
    assert gosip.json("device", "remove", "--id", str(second["id"])) == {"removed": "201-2"}


def test_an_unknown_id_is_refused(gosip: Gosip) -> None:
    assert gosip.error("device", "remove", "--id", "17")["kind"] == "not_found"


def test_a_username_of_digits_is_never_taken_for_an_id(gosip: Gosip) -> None:
    first = gosip.json("device", "add", "201")
    gosip.refused("device", "remove", str(first["id"]))
    assert gosip.json("device", "list")["total"] == 1


@pytest.mark.parametrize("arguments", [(), ("201", "--id", "1")])
def test_a_device_is_named_in_one_way(gosip: Gosip, arguments: tuple[str, ...]) -> None:
    gosip.refused("device", "remove", *arguments, code=2)


def test_the_number_goes_with_its_last_device_when_asked(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    gosip.text("device", "remove", "201", "--with-number")
    gosip.refused("device", "list", "201")
