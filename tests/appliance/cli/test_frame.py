"""What goes wrong becomes one sentence, or one object, and an exit code; never a traceback."""

from __future__ import annotations

import errno
import json
import os

import pytest
from click.testing import CliRunner

from appliance.cli import devices, main
from appliance.operations.context import Context
from tests.support.cli import Gosip
from tests.support.daemon import StandInDaemon


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """`gosip device list` meets this error."""

    def raising(context: Context) -> None:
        raise error

    monkeypatch.setattr(devices, "all_devices", raising)


def test_the_data_folder_may_stand_before_the_verb(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    result = CliRunner().invoke(main, ["--data-dir", str(gosip.data), "device", "list", "--json"])
    assert json.loads(result.stdout)["total"] == 1


def test_the_data_folder_behind_the_verb_wins(gosip: Gosip, nowhere: Gosip) -> None:
    gosip.text("device", "add", "201")
    arguments = ["--data-dir", str(nowhere.data), "device", "list", "--json", "--data-dir", str(gosip.data)]
    assert json.loads(CliRunner().invoke(main, arguments).stdout)["total"] == 1


def test_a_refusal_is_one_sentence_and_code_1(gosip: Gosip) -> None:
    assert gosip.refused("device", "password", "201") == "gosip: There is no device 201.\n"


def test_a_refusal_in_json_is_an_object_on_standard_error(gosip: Gosip) -> None:
    error = gosip.error("device", "password", "201")
    assert error == {"kind": "not_found", "message": "There is no device 201.", "details": []}


def test_several_faults_are_listed_with_their_fields(gosip: Gosip) -> None:
    first, *others = gosip.refused("device", "add", "x", "--username", "ü").splitlines()
    assert first == "gosip: These values are not allowed:"
    assert [line.split(":")[0] for line in others] == ["  number", "  username"]


def test_several_faults_in_json_have_their_fields(gosip: Gosip) -> None:
    error = gosip.error("device", "add", "x", "--username", "ü")
    assert error["kind"] == "invalid"
    assert [detail["field"] for detail in error["details"]] == ["number", "username"]


def test_a_conflict_in_json_names_its_field(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    error = gosip.error("device", "add", "202", "--username", "201")
    assert (error["kind"], error["details"][0]["field"]) == ("conflict", "username")


@pytest.mark.parametrize("arguments", [("nonsense",), ("device", "nonsense"), ("device", "list", "--nonsense")])
def test_wrong_usage_is_code_2_and_says_where_help_is(gosip: Gosip, arguments: tuple[str, ...]) -> None:
    assert "--help" in gosip.refused(*arguments, code=2)


@pytest.mark.parametrize("arguments", [("nonsense",), ("device", "add"), ("call", "list", "--limit", "0")])
def test_wrong_usage_in_json_is_an_object(gosip: Gosip, arguments: tuple[str, ...]) -> None:
    assert gosip.error(*arguments, code=2)["kind"] == "usage"


def test_an_unknown_option_of_the_whole_command_in_json_is_an_object() -> None:
    result = CliRunner().invoke(main, ["--nonsense", "device", "list", "--json"])
    assert (result.exit_code, json.loads(result.stderr)["error"]["kind"]) == (2, "usage")


def test_what_stands_behind_two_dashes_is_no_option(gosip: Gosip) -> None:
    result = CliRunner().invoke(main, ["device", "password", "--data-dir", str(gosip.data), "--", "--json"])
    assert result.stderr == "gosip: There is no device --json.\n"


def test_without_a_system_in_the_folder_it_is_code_3_and_says_what_to_do(nowhere: Gosip) -> None:
    assert "run `gosip up` first" in nowhere.refused("device", "list", code=3)
    assert not nowhere.data.exists()


def test_a_system_that_does_not_run_is_code_3(gosip: Gosip) -> None:
    said = gosip.refused("binding", "list", code=3)
    assert "is not running" in said
    assert said.endswith("start it: gosip up\n")


def test_a_program_that_says_nothing_is_code_3(
    gosip: Gosip, daemon: StandInDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answers = False
    monkeypatch.setattr("appliance.control.client.ControlClient.__init__.__defaults__", (0.05,))
    assert "does not answer within" in gosip.refused("call", "list", "--live", code=3)


def test_a_fault_of_ours_is_a_sentence_without_a_traceback(gosip: Gosip, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, KeyError("colour"))
    said = gosip.refused("device", "list")
    assert said.startswith("gosip: This should not have happened")
    assert "KeyError, 'colour'" in said
    assert "Traceback" not in said


def test_a_fault_of_ours_in_json_is_an_object(gosip: Gosip, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, KeyError("colour"))
    assert gosip.error("device", "list")["kind"] == "failed"


def test_a_fault_of_ours_never_shows_a_secret(gosip: Gosip, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, ValueError("cannot use password=hunter2hunter2"))
    assert "hunter2" not in gosip.refused("device", "list")


def test_debug_shows_the_traceback(gosip: Gosip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOSIP_DEBUG", "1")
    fail_with(monkeypatch, KeyError("colour"))
    assert "Traceback" in gosip.refused("device", "list")


def test_a_file_that_cannot_be_used_is_named_with_the_reason(gosip: Gosip, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/srv/phones.csv"))
    assert gosip.refused("device", "list").startswith("gosip: /srv/phones.csv: Permission denied.")


def test_a_damaged_database_is_said_in_words(gosip: Gosip) -> None:
    gosip.data.joinpath("gosip.sqlite3").write_bytes(b"no database at all" * 100)
    for leftover in gosip.data.glob("gosip.sqlite3-*"):
        leftover.unlink()
    assert "damaged" in gosip.refused("device", "list")


def test_a_bad_value_in_the_environment_is_said_in_words(nowhere: Gosip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOSIP_SIP_PORT", "many")
    assert nowhere.refused("device", "add", "201").startswith("gosip: GOSIP_SIP_PORT is 'many'.")
    assert nowhere.error("device", "add", "201")["kind"] == "setting"
