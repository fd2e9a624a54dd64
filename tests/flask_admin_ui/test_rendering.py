"""What templates show of times, durations and long texts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask

from flask_admin_ui import rendering

MOMENT = datetime(2026, 11, 24, 22, 30, 5, tzinfo=UTC)


@pytest.fixture
def app() -> Flask:
    app = Flask("rendering", static_folder=None)
    rendering.install(app)
    return app


def shown(app: Flask, cookie: str) -> str:
    with app.test_request_context(headers={"Cookie": f"gosip_timezone={cookie}"}):
        return rendering.localtime(MOMENT)


def test_times_are_in_the_viewers_zone(app: Flask) -> None:
    assert shown(app, "Europe/Berlin") == "24 Nov 2026, 23:30:05"
    assert shown(app, "Asia/Tokyo") == "25 Nov 2026, 07:30:05"


@pytest.mark.parametrize("cookie", ["", "Nowhere/Land", "../../etc/passwd", "%00", "x" * 4000, "Europe/"])
def test_a_zone_that_is_none_means_utc(app: Flask, cookie: str) -> None:
    assert shown(app, cookie) == "24 Nov 2026, 22:30:05"


def test_the_machine_readable_time_is_utc() -> None:
    assert rendering.isotime(MOMENT.timestamp()) == "2026-11-24T22:30:05.000Z"
    assert rendering.isotime(None) == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (5.9, "0:05"), (65, "1:05"), (7384, "2:03:04"), (-1, "0:00")]
)
def test_durations_read_as_on_a_phone(seconds: float, text: str) -> None:
    assert rendering.duration(seconds) == text


def test_a_session_is_named_by_its_browser() -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36"
    assert rendering.browser(agent) == "Chrome on Linux"
    assert rendering.browser("curl/8.0") == "curl/8.0"
    assert rendering.browser(None) == "-"


def test_changes_read_as_old_and_new() -> None:
    assert rendering.detail('{"name": ["Ada", "Grace"], "enabled": false}') == "name: Ada → Grace, enabled: no"
    assert rendering.detail({"port": {"old": 5060, "new": None}}) == "port: 5060 → -"
