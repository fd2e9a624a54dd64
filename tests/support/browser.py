"""A real Chromium, driven by playwright; what it complains about is kept, so that a test can ask for silence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import flask_admin_ui

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
]
TIMEOUT_MS = 15_000
AXE = Path(flask_admin_ui.__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """async (values) => {
    const { violations } = await axe.run(document, { runOnly: { type: "tag", values } });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
        `${id}: ${target.join(" ")}: ${failureSummary.split("\\n").slice(1).join(" ")}`));
}"""


def is_available() -> bool:
    return CHROMIUM.exists()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """One page in a context of its own. `complaints` are the console's warnings and errors, and scripts that failed."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        settings: dict[str, Any] = {
            "viewport": {"width": 1280, "height": 900},
            "timezone_id": "Europe/Berlin",
        } | options
        self.context: BrowserContext = browser.new_context(base_url=url, ignore_https_errors=True, **settings)
        self.context.set_default_timeout(TIMEOUT_MS)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._heard(message.type, message.text, message.location["url"]))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, kind: str, text: str, url: str) -> None:
        # Where the program `events` does not run (the admin app alone), the browser notes each try to reach it.
        if kind in ("error", "warning") and not url.endswith("/api/events/stream"):
            self.complaints.append(text)

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto("/sign-in")
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("navigation", name="Main").wait_for(state="attached")

    def is_wider_than_its_window(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def accessibility_faults(self) -> list[str]:
        """What axe finds on the page as it is now: WCAG 2.2 A and AA, and good practice; each with its place."""
        # By the debugger, since the page's own policy forbids foreign scripts.
        debugger = self.context.new_cdp_session(self.page)
        debugger.send("Runtime.evaluate", {"expression": AXE.read_text()})
        debugger.detach()
        found: list[str] = self.page.evaluate(RUN_AXE, AXE_RULES)
        return found

    def close(self) -> None:
        self.context.close()
