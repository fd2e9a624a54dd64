"""gosip device import."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from appliance.cli.device_import import ProgressBar
from tests.support.cli import Gosip

HEAD = "number,name,password\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "phones.csv"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_every_row_is_taken(gosip: Gosip, file: Path) -> None:
    file.write_text(HEAD + "201,Ada,a-long-password\n202,Grace,another-long-one\n")
    assert gosip.json("device", "import", str(file)) == {"imported": 2, "new_numbers": 2, "generated": []}
    assert [item["name"] for item in gosip.json("device", "list")["items"]] == ["Ada", "Grace"]


def test_made_passwords_are_printed_once_and_given_ones_never(gosip: Gosip, file: Path) -> None:
    file.write_text(HEAD + "201,Ada,a-long-password\n202,Grace,\n")
    (line,) = gosip.text("device", "import", str(file)).splitlines()
    number, username, password = line.split(",")
    assert (number, username) == ("202", "202")
    assert len(password) >= 16


def test_one_fault_refuses_the_whole_file_and_every_fault_has_its_line(gosip: Gosip, file: Path) -> None:
    file.write_text(HEAD + "201,Ada,a-long-password\nabc,Grace,\n203,Joan,kurz\n")
    first, *faults = gosip.refused("device", "import", str(file)).splitlines()
    assert first == "gosip: Nothing was imported: 2 of 3 rows have faults."
    assert [fault.split(":")[0].strip() for fault in faults] == ["Line 3, number", "Line 4, password"]
    assert gosip.json("device", "list")["total"] == 0


def test_faults_in_json_have_line_and_field(gosip: Gosip, file: Path) -> None:
    file.write_text(HEAD + "abc,Grace,\n")
    (detail,) = gosip.error("device", "import", str(file))["details"]
    assert (detail["line"], detail["field"]) == (2, "number")


def test_more_faults_than_anybody_reads_are_counted(gosip: Gosip, file: Path) -> None:
    file.write_text(HEAD + "abc,,\n" * 130)
    said = gosip.refused("device", "import", str(file)).splitlines()
    assert (len(said), said[-1].strip()) == (102, "... and 30 more.")


def test_any_bytes_are_refused_in_words(gosip: Gosip, file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 20)
    assert "not UTF-8" in gosip.refused("device", "import", str(file))


def test_a_missing_file_is_wrong_usage(gosip: Gosip, file: Path) -> None:
    assert "does not exist" in gosip.refused("device", "import", str(file), code=2)


def test_phones_can_be_imported_before_the_first_start(nowhere: Gosip, file: Path) -> None:
    file.write_text(HEAD + "201,Ada,a-long-password\n")
    assert nowhere.run("device", "import", str(file)).exit_code == 0
    assert nowhere.json("device", "list")["total"] == 1


def test_on_a_terminal_a_bar_shows_the_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with ProgressBar() as progress:
        progress(50, 100)
        progress(100, 100)
    assert "[####################                    ] 50 of 100" in terminal.getvalue()
    assert terminal.getvalue().endswith("100 of 100\n")


def test_without_a_terminal_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with ProgressBar() as progress:
        progress(50, 100)
    assert stream.getvalue() == ""
