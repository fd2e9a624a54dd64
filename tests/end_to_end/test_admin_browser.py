"""An administrator's first quarter of an hour, in a real browser, with real phones: from the code to the history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import baresip, browser
from tests.support.baresip import Baresip
from tests.support.browser import Tab
from tests.support.system import GosipSystem

pytestmark = [
    pytest.mark.browser,
    pytest.mark.end_to_end,
    pytest.mark.skipif(not browser.is_available(), reason="Chromium is not installed"),
    pytest.mark.skipif(not baresip.is_available(), reason="baresip is not installed"),
]

PASSWORD = "three plain words"


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with browser.chromium() as started:
        yield started


@pytest.fixture
def gosip() -> Iterator[GosipSystem]:
    with GosipSystem() as system:
        yield system


def set_up(page: Page, code: str) -> None:
    page.goto("/")
    page.get_by_label("One-time code").fill(code)
    page.get_by_label("User name").fill("ada")
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password once more").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


def add_phone(page: Page, number: str, name: str) -> str:
    """Returns the password that is shown once."""
    page.goto("/devices/new")
    page.get_by_label("Number").fill(number)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Add the phone").click()
    password = page.locator("#setting-password").inner_text()
    assert len(password) >= 20
    page.reload()
    expect(page.locator("#setting-password")).to_have_count(0)
    return password


def test_from_the_one_time_code_to_the_call_in_the_history(
    gosip: GosipSystem, chromium: Browser, tmp_path: Path
) -> None:
    tab = Tab(chromium, gosip.admin_url)
    page = tab.page
    set_up(page, gosip.setup_code)
    expect(page.get_by_text("From here to the first call")).to_be_visible()
    first, second = add_phone(page, "1001", "Ada"), add_phone(page, "1002", "Grace")
    page.goto("/devices")
    expect(page.locator("#device-1001")).to_contain_text("offline")
    expect(page.locator("html")).to_have_attribute("data-stream", "up")

    with (
        Baresip(tmp_path / "a", username="1001", password=first, server=gosip.server, tone=700.0) as caller,
        Baresip(tmp_path / "b", username="1002", password=second, server=gosip.server, tone=1300.0, answer=True),
    ):
        expect(page.locator("#device-1001")).to_contain_text("online")
        expect(page.locator("#device-1002")).to_contain_text("online")
        expect(page.locator("#device-1001")).to_contain_text("baresip")

        page.goto("/")
        caller.dial("1002")
        row = page.get_by_role("row").filter(has_text="talking")
        expect(row).to_contain_text("Ada")
        expect(row).to_contain_text("Grace")
        row.get_by_role("button", name="Hang up").click()
        caller.wait_event("CALL_CLOSED")
        expect(page.get_by_text("No call at the moment")).to_be_visible()

    page.goto("/calls")
    entry = page.get_by_role("row").filter(has_text="Grace")
    expect(entry).to_contain_text("answered")
    expect(entry).to_contain_text(re.compile(r"0:0\d"))
    entry.get_by_role("link", name="Details").click()
    expect(page.get_by_text("Called phone")).to_be_visible()
    assert tab.complaints == []


def test_what_is_not_reachable_is_said_and_comes_back(gosip: GosipSystem, chromium: Browser) -> None:
    tab = Tab(chromium, gosip.admin_url)
    set_up(tab.page, gosip.setup_code)
    expect(tab.page.get_by_text("All well").or_(tab.page.get_by_text("all well"))).to_be_visible()
    tab.page.goto("/system/processes")
    sip = tab.page.get_by_role("row").filter(has_text="registers phones")
    sip.get_by_role("button", name="Restart").click()
    tab.page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    expect(tab.page.get_by_text("sip was started again.")).to_be_visible()
    expect(tab.page.get_by_role("row").filter(has_text="registers phones")).to_contain_text("running")
