"""gosip status and log, as far as they need no running system."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.cli import system
from appliance.folders import DataFolder
from tests.support.cli import Gosip

REPORT: dict[str, Any] = {
    "running": True,
    "data_dir": "/srv/gosip",
    "processes": [
        {"name": "sip", "state": "RUNNING", "pid": 7, "started_at": 1.0, "description": "pid 7, uptime 0:00:09"}
    ],
    "sip": {
        "listeners": [
            {"transport": "UDP", "address": "192.0.2.2", "port": 5060, "state": "listening", "error": None},
            {"transport": "TCP", "address": "192.0.2.2", "port": 5060, "state": "failed", "error": "the port is taken"},
        ],
        "media": [{"worker": 0, "state": "ready", "sessions": 2, "ports_free": 196}],
        "counts": {"devices_online": 3, "calls": 1},
        "store": {"backlog": 0, "last_error": None},
    },
}


def report(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(REPORT) | changes


def healthy() -> dict[str, Any]:
    value = report()
    del value["sip"]["listeners"][1]
    return value


def test_nothing_runs_is_code_3_and_says_how_to_start_it(gosip: Gosip) -> None:
    result = gosip.run("status")
    assert (result.exit_code, result.stdout) == (3, f"Nothing runs in {gosip.data}. Start it: gosip up\n")


def test_nothing_runs_in_json_is_code_3(gosip: Gosip) -> None:
    result = gosip.run("status", "--json")
    assert (result.exit_code, json.loads(result.stdout)["running"]) == (3, False)


def test_status_lines_name_programs_listeners_media_and_counts() -> None:
    lines = "\n".join(system.status_lines(report()))
    for text in ("sip", "RUNNING", "192.0.2.2:5060", "listens", "the port is taken", "2 sessions, 196 port pairs free"):
        assert text in lines
    assert "Phones online: 3   Calls: 1" in lines


def test_status_says_when_the_signalling_does_not_answer() -> None:
    assert list(system.status_lines(report(sip=None)))[-1] == "The signalling does not answer. See: gosip log sip"


def test_status_says_what_waits_to_be_written() -> None:
    value = report()
    value["sip"]["store"] = {"backlog": 12, "last_error": "The disk is full."}
    assert list(system.status_lines(value))[-1] == "Waiting to be written: 12. The disk is full."


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (healthy(), 0),
        (report(), 1),
        (healthy() | {"sip": None}, 1),
        (healthy() | {"processes": [{"name": "media-0", "state": "BACKOFF"}]}, 1),
        (report(running=False), 3),
    ],
    ids=["healthy", "a listener failed", "signalling is silent", "a program is down", "nothing runs"],
)
def test_the_exit_code_of_status_tells_how_it_is(value: dict[str, Any], code: int) -> None:
    assert system.status_code(value) == code


def test_down_is_no_error_when_nothing_runs(gosip: Gosip) -> None:
    assert gosip.json("down") == {"stopped": False}


@pytest.fixture
def logs(gosip: Gosip) -> Path:
    folder = DataFolder.at(gosip.data).logs
    (folder / "sip.log").write_text("".join(f"sip line {index}\n" for index in range(100)))
    (folder / "media-0.log").write_text("media line\n")
    return folder


def test_the_log_of_one_program_is_its_last_lines(gosip: Gosip, logs: Path) -> None:
    assert gosip.text("log", "sip", "-n", "2") == "sip line 98\nsip line 99\n"


def test_the_log_of_all_programs_names_each(gosip: Gosip, logs: Path) -> None:
    lines = gosip.text("log", "-n", "1").splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [["media-0", "media line"], ["sip", "sip line 99"]]


def test_a_log_in_json_is_an_object_a_line(gosip: Gosip, logs: Path) -> None:
    (line,) = gosip.text("log", "sip", "-n", "1", "--json").splitlines()
    assert json.loads(line) == {"program": "sip", "text": "sip line 99"}


def test_an_unknown_log_is_wrong_usage_and_names_those_there_are(gosip: Gosip, logs: Path) -> None:
    assert "There are: media-0, sip." in gosip.refused("log", "sipp", code=2)


def follow(monkeypatch: pytest.MonkeyPatch, path: Path, *steps: Callable[[], object]) -> None:
    """Follow a log while these things happen to it, one between two looks; Ctrl-C comes after the last."""
    left = list(steps)

    def sleep(_: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    monkeypatch.setattr("appliance.cli.system.time.sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        system.follow_files([path], as_json=False)


def append(path: Path, text: str) -> Callable[[], object]:
    def step() -> None:
        with path.open("a") as file:
            file.write(text)

    return step


def test_following_prints_what_is_added(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = logs / "sip.log"
    follow(monkeypatch, path, append(path, "one\n"), append(path, "two\nthree\n"))
    assert capsys.readouterr().out == "one\ntwo\nthree\n"


def test_following_waits_for_the_end_of_a_line(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = logs / "sip.log"
    follow(monkeypatch, path, append(path, "half a "), append(path, "line\n"))
    assert capsys.readouterr().out == "half a line\n"


def test_following_goes_on_in_the_new_file_after_a_rotation(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = logs / "sip.log"
    follow(monkeypatch, path, lambda: path.rename(logs / "sip.log.1"), append(path, "new\n"))
    assert capsys.readouterr().out == "new\n"
