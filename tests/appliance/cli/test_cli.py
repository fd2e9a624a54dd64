"""The `gosip` command: what it prints, for people and for programs, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from appliance.cli import main
from appliance.database.models import Call, Device
from appliance.database.proxy import database
from appliance.operations.context import Appliance
from appliance.operations.sessions import authenticate
from appliance.operations.setup_codes import use_setup_code
from appliance.passwords import ha1_md5
from appliance.secret import Secret
from tests.support.appliance import PASSWORD, Office

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("GOSIP_DATA_DIR", str(tmp_path / "data"))
    yield Office.at(tmp_path / "data")
    if database.obj is not None:
        database.close()


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, list(arguments), input=stdin, prog_name="gosip")


def run_json(*arguments: str, stdin: str = "") -> Any:
    result = run(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def verbs(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, (*path, name))
        else:
            yield (*path, name), command


VERBS = list(verbs(main))


def test_adding_a_device_prints_its_password_once(office: Office) -> None:
    result = run("device", "add", "201", "--name", "Ada")
    assert result.exit_code == 0
    password = result.stdout.split("Password:")[1].split()[0]
    assert Device.get().ha1_md5 == ha1_md5("201", "phones.example", Secret(password))


def test_a_password_from_standard_input_is_taken_and_not_printed(office: Office) -> None:
    result = run("device", "add", "201", "--password-stdin", stdin="long enough\r\nmore")
    assert result.exit_code == 0
    assert "long enough" not in result.output
    assert Device.get().ha1_md5 == ha1_md5("201", "phones.example", Secret("long enough"))


def test_an_empty_standard_input_is_wrong_usage(office: Office) -> None:
    assert run("device", "add", "201", "--password-stdin").exit_code == 2


def test_adding_as_json_tells_programs_all_they_need(office: Office) -> None:
    new = run_json("device", "add", "201", "--name", "Ada", "--username", "ada")
    assert (new["number"], new["username"], new["name"]) == ("201", "ada", "Ada")
    assert len(new["password"]) == 20
    assert "password" not in run_json("device", "add", "202", "--password-stdin", stdin="long enough\n")


def test_devices_are_listed_and_removed(office: Office) -> None:
    run("device", "add", "201", "--name", "Ada")
    assert "201     Ada" in run("device", "list").stdout
    assert [item["username"] for item in run_json("device", "list")["items"]] == ["201"]
    assert run_json("device", "remove", "201", "--with-number") == {"removed": "201"}
    assert run_json("device", "list") == {"items": [], "total": 0}


def test_a_refusal_is_one_sentence_on_standard_error_and_exit_code_1(office: Office) -> None:
    result = run("device", "add", "20x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "gosip: A number has 1 to 15 digits and nothing else.\n"


def test_an_import_prints_the_passwords_that_it_made(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "phones.csv"
    path.write_text("number,name,password\n201,Ada,long-enough\n202,Grace,\n")
    result = run_json("device", "import", str(path))
    assert result["imported"] == 2
    assert [row["username"] for row in result["generated"]] == ["202"]


def test_an_import_with_faults_names_each_line(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "phones.csv"
    path.write_text("201,Ada,long-enough\nx,Grace,\n")
    result = run("device", "import", str(path))
    assert result.exit_code == 1
    assert "Nothing was imported: 1 of 2 rows have faults." in result.stderr
    assert "Line 2, number: A number has" in result.stderr


def test_a_reset_prints_a_code_that_works(office: Office) -> None:
    code = Secret(run_json("admin", "reset")["code"])
    appliance = Appliance.open(office.appliance.settings)  # with the clock that the command has
    signed_in = use_setup_code(appliance, code, "admin", PASSWORD, address="192.0.2.1")
    assert authenticate(appliance, signed_in.token) is not None


def test_a_code_is_printed_where_scripts_look_for_it(office: Office) -> None:
    line = run("admin", "reset").stdout
    assert line.startswith("Set-up code: ")
    assert len(line.split()[2]) == 19


def test_users_are_listed(office: Office) -> None:
    office.admin("ada")
    assert [item["name"] for item in run_json("user", "list")["items"]] == ["ada"]
    assert "never" in run("user", "list").stdout


def test_the_history_is_listed_with_filters(office: Office) -> None:
    for index, status in enumerate(("answered", "missed")):
        Call.create(id=str(index), started_at=1000.0 + index, caller_number="201", dialled="202", status=status)
    assert [item["id"] for item in run_json("call", "list")["items"]] == ["1", "0"]
    listed = run_json("call", "list", "--status", "missed", "--limit", "1")
    assert (listed["total"], listed["items"][0]["caller_number"]) == (1, "201")
    assert run("call", "list", "--csv").stdout.count("\n") == 3
    assert "missed" in run("call", "list").stdout


@pytest.mark.parametrize("arguments", [("binding", "list"), ("call", "list", "--live"), ("call", "hangup", "x")])
def test_a_verb_that_needs_the_system_says_how_to_start_it(office: Office, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 3
    assert "gosip up" in result.stderr


def test_settings_are_shown_with_their_source_and_set(office: Office) -> None:
    assert "sip_port" in run("config", "show").stdout
    assert run("config", "set", "sip_port", "5070").exit_code == 0
    (item,) = run_json("config", "show", "sip_port")["items"]
    assert (item["value"], item["source"]) == ("5070", "database")
    assert run_json("config", "unset", "sip_port")["source"] == "default"
    assert run("config", "set", "sip_port").exit_code == 2
    assert run("config", "set", "sip_port", "many").exit_code == 1


def test_the_audit_names_the_command_line(office: Office) -> None:
    run("device", "add", "201")
    (row,) = run_json("audit")["items"]
    assert (row["actor"], row["source"], row["action"]) == ("gosip", "cli", "device.add")
    assert "device.add" in run("audit").stdout


def test_a_good_key_is_left_alone(office: Office) -> None:
    assert run("key", "new").exit_code == 1


def test_a_lost_key_is_replaced(office: Office) -> None:
    office.appliance.folder.secret_key.unlink()
    result = run("device", "list")
    assert result.exit_code == 1
    assert "gosip key new" in result.stderr
    assert "A new key was made" in run("key", "new").stdout
    assert run("device", "list").exit_code == 0


def test_the_data_folder_may_be_named_before_or_after_the_verb(office: Office, tmp_path: Path) -> None:
    Office.at(tmp_path / "other")
    for arguments in (
        ("--data-dir", str(tmp_path / "other"), "device", "add", "301"),
        ("device", "add", "301", "--data-dir", str(tmp_path / "other")),
    ):
        assert run(*arguments).exit_code == 0
    assert run_json("device", "list")["total"] == 0
    assert run_json("device", "list", "--data-dir", str(tmp_path / "other"))["total"] == 2


def test_a_folder_without_a_system_is_said_in_words(tmp_path: Path) -> None:
    result = run("--data-dir", str(tmp_path / "nowhere"), "device", "list")
    assert result.exit_code == 3
    assert "There is no GoSIP in" in result.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_bad_variable_is_one_sentence(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOSIP_SIP_PORT", "many")
    result = run("device", "list")
    assert result.exit_code == 1
    assert result.stderr == "gosip: GOSIP_SIP_PORT is 'many'. Allowed is a whole number from 1 to 65535.\n"


def test_an_unknown_verb_is_wrong_usage() -> None:
    assert run("nonsense").exit_code == 2


@pytest.mark.parametrize(("path", "command"), VERBS, ids=[" ".join(path) for path, _ in VERBS])
def test_every_verb_explains_itself_and_speaks_json(path: tuple[str, ...], command: click.Command) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert command.help is not None
    assert command.help.split("\n")[0].rstrip().endswith("."), "begins with a sentence"
    if path not in (("up",), ("completion",)):
        assert "--json" in result.stdout
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


def test_an_error_is_an_object_for_programs(office: Office) -> None:
    result = run("device", "remove", "999", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    error = json.loads(result.stderr)["error"]
    assert (error["kind"], error["message"]) == ("not_found", "There is no device 999.")


def test_a_new_password_is_printed_once(office: Office) -> None:
    run("device", "add", "201")
    new = run_json("device", "password", "201")
    assert Device.get().ha1_md5 == ha1_md5("201", "phones.example", Secret(new["password"]))


def test_a_setting_of_the_environment_cannot_be_set(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOSIP_SIP_PORT", "5080")
    result = run("config", "set", "sip_port", "5070")
    assert result.exit_code == 1
    assert "GOSIP_SIP_PORT" in result.stderr


def test_what_a_stranger_wrote_cannot_steer_the_terminal(office: Office) -> None:
    Call.create(id="a", started_at=1.0, caller_name="\x1b[2J", dialled="202", status="missed")
    assert "\x1b" not in run("call", "list").stdout
    assert "\x1b" not in run("call", "list", "--json").stdout


def test_a_database_that_is_damaged_is_said_in_words(office: Office) -> None:
    database.close()
    database.initialize(None)
    office.appliance.folder.database.write_bytes(b"nonsense " * 1000)
    result = run("device", "list")
    assert result.exit_code == 1
    assert "damaged" in result.stderr
    assert "Traceback" not in result.output


def test_the_command_starts_quickly(office: Office) -> None:
    def start() -> float:
        started = time.perf_counter()
        command = [sys.executable, "-m", "appliance.cli", "device", "list"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return time.perf_counter() - started

    # The best of a few: a busy machine is not what is measured.
    assert min(start() for _ in range(5)) < 0.3
