"""States and actions in words."""

from __future__ import annotations

import re
from pathlib import Path

import appliance
import flask_admin_ui
from flask_admin_ui.wording import ACTIONS

AUDITED = re.compile(r"(?:\.audit|note)\(\s*(?:context(?:\(\))?, )?\"([a-z.-]+)\"")


def test_every_action_of_the_audit_log_has_words() -> None:
    folders = [Path(package.__file__ or "").parent for package in (appliance, flask_admin_ui)]
    files = [path for folder in folders for path in folder.rglob("*.py") if "node_modules" not in path.parts]
    sources = [path.read_text() for path in files]
    assert {action for source in sources for action in AUDITED.findall(source)} == set(ACTIONS)
