"""What a page was told of is what it sees: caches give way to news."""

from __future__ import annotations

import time

import pytest

from flask_admin_ui.news import HEADER
from tests.support.admin import Actor, AdminSystem

PARTIAL = {"HX-Request-Type": "partial"}


def ask(actor: Actor, **headers: str) -> str:
    return actor.client.get("/devices", base_url="https://localhost", headers={**PARTIAL, **headers}).text


def test_a_page_that_was_told_of_news_sees_them_at_once(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", "Ada")
    assert "offline" in ask(admin)
    system.sip.register("1001", "1001")
    assert "offline" in ask(admin)  # a moment old, and nobody said that it is too old
    assert "online" in ask(admin, **{HEADER: f"{time.time():.3f}"})


@pytest.mark.parametrize("text", ["", "yesterday", "nan", "inf", "-1", "99999999999", "1e400"])
def test_a_moment_that_makes_no_sense_is_passed_over(admin: Actor, text: str) -> None:
    assert admin.client.get("/devices", base_url="https://localhost", headers={HEADER: text}).status_code == 200
