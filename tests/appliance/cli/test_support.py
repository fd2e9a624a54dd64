"""`gosip support-bundle`: one file without secrets, for its owner only."""

from __future__ import annotations

import stat
import tarfile
from pathlib import Path

import pytest

from appliance.folders import DataFolder
from appliance.operations.audit import list_audit
from appliance.secretbox import ensure_key_file
from tests.support.appliance import Office
from tests.support.cli import Gosip


def test_it_makes_the_named_file_for_its_owner_only(gosip: Gosip, tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    result = gosip.run("support-bundle", "--output", str(path))
    assert result.exit_code == 0
    assert str(path) in result.stdout
    assert "status.json" in result.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.glob(".*")) == []


def test_without_a_name_it_goes_into_the_current_folder(
    gosip: Gosip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = gosip.json("support-bundle")
    with tarfile.open(tmp_path / report["file"]) as opened:
        names = {Path(name).name for name in opened.getnames()}
    assert {part["name"] for part in report["parts"]} | {"manifest.json"} == names
    assert report["bytes"] == (tmp_path / report["file"]).stat().st_size


def test_an_existing_file_is_not_overwritten(gosip: Gosip, tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    path.write_text("mine")
    assert "nothing was overwritten" in gosip.refused("support-bundle", "-o", str(path))
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_said(gosip: Gosip, tmp_path: Path) -> None:
    result = gosip.run("support-bundle", "--output", str(tmp_path / "nowhere" / "b.tar.gz"))
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_a_damaged_database_does_not_keep_it_from_being_made(nowhere: Gosip, tmp_path: Path) -> None:
    folder = DataFolder.at(nowhere.data)
    folder.create()
    ensure_key_file(folder.secret_key)
    folder.database.write_bytes(b"no database" * 100)
    result = nowhere.run("support-bundle", "-o", str(tmp_path / "b.tar.gz"))
    assert result.exit_code == 0, result.stderr
    assert "made without it" in result.stderr
    assert (tmp_path / "b.tar.gz").exists()


def test_the_audit_log_tells_of_it(gosip: Gosip, office: Office, tmp_path: Path) -> None:
    gosip.text("support-bundle", "--with-numbers", "-o", str(tmp_path / "b.tar.gz"))
    row = list_audit(office.console).rows[0]
    assert (row.action, row.source, row.detail["with_numbers"]) == ("support.bundle", "cli", True)


def test_where_there_is_no_system_there_is_no_bundle(nowhere: Gosip) -> None:
    nowhere.refused("support-bundle", code=3)
