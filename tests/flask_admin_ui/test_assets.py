"""Styles, scripts and icons come from locked packages and are served by ourselves."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from flask_admin_ui import assets

TEMPLATES = assets.FOLDER / "templates"
ICON_CALLS = re.compile(r"icon\(\s*\"([a-z0-9-]+)\"|(?:empty|figure)\((?:[^,\"]*, )?\"([a-z0-9-]+)\"")


def icons_in_sources() -> set[str]:
    """Every literal in templates and in the modules that name icons."""
    text = "".join(path.read_text() for path in TEMPLATES.rglob("*.html"))
    text += "".join((assets.FOLDER / name).read_text() for name in ("menu.py", "errors.py"))
    literals = set(re.findall(r"\"([a-z][a-z0-9-]+)\"", text))
    used = {first or second for first, second in ICON_CALLS.findall(text)}
    return used | (literals & set(assets.ICONS))


def test_exactly_the_used_icons_are_in_the_sprite() -> None:
    assert icons_in_sources() == set(assets.ICONS)


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((assets.FOLDER / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_no_template_loads_anything_from_another_host() -> None:
    for path in [*TEMPLATES.rglob("*.html"), *(assets.FOLDER / "static").glob("*")]:
        if path.is_file():
            found = re.findall(r"(?:src|href|url\()=?[\"'(]?https?://[^\"' )]+", path.read_text())
            assert not found, f"{path.name}: {found}"


def test_no_template_has_inline_scripts_or_styles() -> None:
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", text), path.name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's lock with an npm that fakes the installed files."""
    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    monkeypatch.setattr(assets, "MODULES", tmp_path / "node_modules")
    monkeypatch.setattr(assets, "VENDOR", tmp_path / "static" / "vendor")
    monkeypatch.setattr(assets, "FILES", {"one.js": "one/one.min.js"})
    monkeypatch.setattr(assets, "ICONS", ("phone",))
    return tmp_path


def fake_npm(folder: Path, status: int = 0) -> str:
    icons = "node_modules/@tabler/icons/icons/outline"
    npm = folder / "npm"
    npm.write_text(
        f"#!/bin/sh\nmkdir -p node_modules/one {icons}\n"
        "printf 'a();\\n//# sourceMappingURL=one.js.map\\n' > node_modules/one/one.min.js\n"
        f'echo \'<svg class="x"><path d="M1"/></svg>\' > {icons}/phone.svg\n'
        f"echo \"$@\" > npm-arguments; echo 'registry says no' >&2; exit {status}\n"
    )
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    return str(npm)


def test_installs_by_the_lock_without_running_scripts_of_packages(folder: Path) -> None:
    assert assets.main(["--npm", fake_npm(folder)]) == 0
    assert (folder / "npm-arguments").read_text().startswith("ci --ignore-scripts")
    assert (folder / "static/vendor/one.js").read_text() == "a();\n"
    assert (
        '<symbol id="phone" viewBox="0 0 24 24"><path d="M1"/></symbol>'
        in (folder / "static/vendor/icons.svg").read_text()
    )


def test_does_nothing_while_the_lock_is_unchanged(folder: Path) -> None:
    assert assets.main(["--check"]) == 1
    assert assets.main(["--npm", fake_npm(folder)]) == 0
    assert assets.main(["--check"]) == 0
    assert assets.main(["--npm", "/nonexistent/npm"]) == 0
    (folder / "package-lock.json").write_text('{"lockfileVersion": 3}')
    assert assets.main(["--check"]) == 1


def test_says_what_npm_said_when_it_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["--npm", fake_npm(folder, status=3)]) == 1
    assert "registry says no" in capsys.readouterr().err


def test_says_what_to_do_without_npm(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["--npm", "/nonexistent/npm"]) == 1
    assert "Install Node.js" in capsys.readouterr().err


def test_a_new_font_gets_a_new_address() -> None:
    """A browser keeps every file for a year; the address of a font stands in a style sheet."""
    first = assets.font_faces({"inter-latin.woff2": "aaaa", "one.js": "bbbb"})
    assert first.count("@font-face") == 1
    assert 'url("inter-latin.woff2?v=aaaa")' in first
    assert set(assets.FONTS) == {name for name in assets.FILES if name.endswith(".woff2")}


def test_no_style_sheet_of_ours_names_a_file_without_its_version() -> None:
    assert "url(" not in (assets.FOLDER / "static" / "app.css").read_text()
