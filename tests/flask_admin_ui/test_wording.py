"""States and actions in words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

import appliance
import flask_admin_ui
from flask_admin_ui.wording import ACTIONS, binding_trouble
from sip_daemon.reachability import NO_ANSWER
from sip_daemon.registrar.location import CLOSED, RESTARTED

AUDITED = re.compile(r"(?:\.audit|note)\(\s*(?:context(?:\(\))?,\s+)?\"([a-z.-]+)\"")


def test_every_action_of_the_audit_log_has_words() -> None:
    folders = [Path(package.__file__ or "").parent for package in (appliance, flask_admin_ui)]
    files = [path for folder in folders for path in folder.rglob("*.py") if "node_modules" not in path.parts]
    sources = [path.read_text() for path in files]
    assert {action for source in sources for action in AUDITED.findall(source)} == set(ACTIONS)


@pytest.mark.parametrize("trouble", [CLOSED, RESTARTED, NO_ANSWER])
def test_every_trouble_of_a_phone_has_words_that_say_what_to_expect(app: Flask, trouble: str) -> None:
    with app.test_request_context():
        assert binding_trouble(trouble) != trouble
        assert binding_trouble(trouble).endswith(".")


def test_a_trouble_that_the_page_does_not_know_is_shown_as_it_is(app: Flask) -> None:
    with app.test_request_context():
        assert binding_trouble("the cat sits on it") == "the cat sits on it"
