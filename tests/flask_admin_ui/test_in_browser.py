"""What only a browser can tell: scripts, the content security policy, widths, keyboard, colour schemes, live parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import pyotp
import pytest
from playwright.sync_api import Browser, expect

from appliance.database.proxy import database
from appliance.operations import second_factor
from appliance.operations.context import Actor, Context, Role
from appliance.operations.users import get_user
from tests.support import browser
from tests.support.admin import ADMIN, ADMIN_PASSWORD, AdminSystem, HttpsServer
from tests.support.browser import Tab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not browser.is_available(), reason="Chromium is not installed"),
]

PAGES = [
    "/",
    "/devices",
    "/devices/new",
    "/device/1001",
    "/device/1001/edit",
    "/calls",
    "/calls/live",
    "/users",
    "/users/new",
    "/user/grace",
    "/account",
    "/account/second-factor",
    "/system/settings",
    "/system/certificate",
    "/system/processes",
    "/system/bans",
    "/system/messages",
    "/device/1001/messages",
    "/system/events",
    "/system/audit",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.chromium() as started:
        yield started


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AdminSystem, str]]:
    """The app behind HTTPS, with two phones, and its address."""
    folder = tmp_path_factory.mktemp("d")
    system = AdminSystem(folder)
    system.app.testing = False
    system.add_people()
    with system.sip, HttpsServer(system.app, folder) as server:
        system.add_device("1001", "Ada Lovelace", label="Desk phone")
        system.add_device("1002", "Grace Hopper", owner="grace")
        yield system, server.url
    database.close()


@pytest.fixture
def system(running: tuple[AdminSystem, str]) -> AdminSystem:
    return running[0]


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, running: tuple[AdminSystem, str]) -> Iterator[Tab]:
    """The administrator's tab; every test leaves it somewhere."""
    tab = Tab(chromium, running[1])
    tab.sign_in(ADMIN, ADMIN_PASSWORD)
    yield tab
    tab.close()


@pytest.fixture
def tab(signed_in: Tab) -> Tab:
    signed_in.complaints.clear()
    return signed_in


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_the_policy_or_has_a_failing_script(tab: Tab, scheme: str) -> None:
    tab.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in PAGES:
        tab.page.goto(path)
        assert tab.page.locator("html").get_attribute("data-bs-theme") == scheme
        assert tab.complaints == [], path


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_page_is_wider_than_the_window(tab: Tab, width: int) -> None:
    tab.page.set_viewport_size({"width": width, "height": 800})
    for path in PAGES:
        tab.page.goto(path)
        assert not tab.is_wider_than_its_window(), path
    tab.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.skipif(not browser.AXE.exists(), reason="the web assets are not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_on_any_page(tab: Tab, system: AdminSystem, scheme: Literal["light", "dark"]) -> None:
    """WCAG 2.2, levels A and AA: contrast, names, roles, order."""
    system.sip.register("1001", "1001")
    system.sip.add_call("axe", caller=("1001", "Ada Lovelace"), callee=("1002", "Grace Hopper"), answered=True)
    system.sip.ban("2001:db8:1:2::/64", "slowed", note="Calls at night")
    system.sip.say("INVITE sip:1002@example.org SIP/2.0", has_sdp=True)
    system.sip.say("SIP/2.0 486 Busy Here", "sent")
    tab.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for path in [*PAGES, "/call/axe", "/calls?search=nothing", "/devices?size=1", "/nowhere"]:
        tab.page.goto(path)
        assert tab.accessibility_faults() == [], path
    system.sip.end_call("axe")
    system.sip.unregister("1001")


@pytest.mark.skipif(not browser.AXE.exists(), reason="the web assets are not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_in_messages_dialogs_and_refusals(
    tab: Tab, chromium: Browser, running: tuple[AdminSystem, str], scheme: Literal["light", "dark"]
) -> None:
    page = tab.page
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto("/devices/new")
    page.get_by_label("Number").fill("10x")
    page.get_by_role("button", name="Add the phone").click()
    expect(page.get_by_text("A number has 1 to 15 digits")).to_be_visible()
    assert tab.accessibility_faults() == []
    page.goto("/device/1001/edit")
    page.get_by_role("button", name="Save the phone").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert tab.accessibility_faults() == []
    page.get_by_role("button", name="New password").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert tab.accessibility_faults() == []
    page.get_by_role("dialog").get_by_role("button", name="New password").click()
    expect(page.locator("#setting-password")).to_be_visible()
    assert tab.accessibility_faults() == []
    stranger = Tab(chromium, running[1], color_scheme=scheme)
    for path in ("/set-up", "/sign-in"):
        stranger.page.goto(path)
        assert stranger.accessibility_faults() == []
    stranger.page.get_by_label("User name").fill("nobody")
    stranger.page.get_by_label("Password").fill("wrong")
    stranger.page.get_by_role("button", name="Sign in").click()
    expect(stranger.page.get_by_text("The user name or the password is wrong.")).to_be_visible()
    assert stranger.accessibility_faults() == []
    stranger.close()


def test_every_page_has_landmarks_one_heading_and_labelled_controls(tab: Tab) -> None:
    unlabelled = """() => [...document.querySelectorAll('input:not([type=hidden]), select, button, a[href]')]
        .filter((element) => element.checkVisibility()
            && !(element.labels?.length || element.getAttribute('aria-label') || element.innerText.trim()))
        .map((element) => element.outerHTML.slice(0, 120))"""
    for path in PAGES:
        tab.page.goto(path)
        assert tab.page.locator("h1").count() == 1, path
        assert tab.page.locator("main").count() == 1, path
        assert tab.page.evaluate(unlabelled) == [], path
        duplicates = "() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);"
        assert tab.page.evaluate(duplicates + " return ids.filter((id, i) => ids.indexOf(id) !== i) }") == [], path


def test_the_keyboard_reaches_the_content_past_the_menu(tab: Tab) -> None:
    tab.page.goto("/devices")
    tab.page.keyboard.press("Tab")
    expect(tab.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab.page.keyboard.press("Enter")
    assert tab.page.evaluate("document.activeElement.id") == "content"


def test_a_refused_form_puts_the_cursor_where_the_fault_is(tab: Tab) -> None:
    tab.page.goto("/devices/new")
    tab.page.get_by_label("Number").fill("10x")
    tab.page.get_by_role("button", name="Add the phone").click()
    expect(tab.page.get_by_label("Number")).to_be_focused()
    expect(tab.page.get_by_label("Number")).to_have_value("10x")
    expect(tab.page.get_by_text("A number has 1 to 15 digits")).to_be_visible()


def test_the_scheme_can_be_switched_and_stays_switched(tab: Tab) -> None:
    tab.page.emulate_media(color_scheme="light")
    tab.page.goto("/users")
    tab.page.get_by_role("button", name="Switch between light and dark").last.click()
    tab.page.goto("/devices")
    expect(tab.page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    tab.page.get_by_role("button", name="Switch between light and dark").last.click()
    expect(tab.page.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_a_phone_comes_online_while_one_looks(tab: Tab, system: AdminSystem) -> None:
    tab.page.goto("/devices")
    row = tab.page.locator("#device-1001")
    expect(row).to_contain_text("offline")
    system.sip.register("1001", "1001", remote="192.0.2.9:5060")
    expect(row).to_contain_text("online")
    expect(row).to_contain_text("192.0.2.9:5060")
    system.sip.unregister("1001")
    expect(row).to_contain_text("offline")


def test_the_focus_survives_an_update(tab: Tab, system: AdminSystem) -> None:
    tab.page.goto("/devices")
    link = tab.page.locator("#device-1002").get_by_role("link", name="Open")
    link.focus()
    system.sip.register("1001", "1001")
    expect(tab.page.locator("#device-1001")).to_contain_text("online")
    expect(link).to_be_focused()
    system.sip.unregister("1001")


def test_a_call_is_hung_up_from_the_dashboard(tab: Tab, system: AdminSystem) -> None:
    tab.page.goto("/")
    system.sip.add_call("c9", caller=("1001", "Ada Lovelace"), callee=("1002", "Grace Hopper"), answered=True)
    row = tab.page.locator("#call-c9")
    expect(row).to_contain_text("talking")
    expect(row.locator("time")).to_have_text(re.compile(r"^\d:\d\d$"))
    row.get_by_role("button", name="Hang up").click()
    expect(row).to_have_count(0)
    assert "c9" in system.sip.hung_up


def test_messages_are_read_when_somebody_unfolds_them_and_stay_unfolded(tab: Tab, system: AdminSystem) -> None:
    page = tab.page
    page.goto("/device/1001")
    asked = system.sip.asked["trace.read"]
    system.sip.say("OPTIONS sip:1001@example.org SIP/2.0", "sent")
    assert system.sip.asked["trace.read"] == asked
    page.locator("summary", has_text="SIP messages").click()
    page.locator("summary", has_text="OPTIONS").last.click()
    expect(page.get_by_role("region", name="Text of the message")).to_contain_text("OPTIONS sip:1001")
    system.sip.say("SIP/2.0 481 Call/Transaction Does Not Exist")
    expect(page.locator("summary", has_text="481 Call/Transaction Does Not Exist")).to_be_visible()
    expect(page.get_by_role("region", name="Text of the message")).to_contain_text("OPTIONS sip:1001")


def test_an_unreachable_phone_system_is_said_and_forgotten_when_it_is_back(tab: Tab, system: AdminSystem) -> None:
    tab.page.goto("/")
    system.sip.stop()
    notice = tab.page.get_by_text("The phone system does not answer at the moment")
    expect(notice).to_be_visible()
    system.sip.start()
    expect(notice).to_have_count(0)


def test_deleting_asks_first_and_can_be_called_off(tab: Tab, system: AdminSystem) -> None:
    system.add_device("1999", "Old phone")
    tab.page.goto("/device/1999")
    tab.page.get_by_role("button", name="Delete").click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete phone 1999?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    tab.page.get_by_role("button", name="Delete").click()
    tab.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(tab.page.get_by_text("Phone 1999 was deleted.")).to_be_visible()


def test_the_password_is_copied_and_does_not_come_back_with_reload(tab: Tab) -> None:
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.page.goto("/devices/new")
    tab.page.get_by_label("Number").fill("1777")
    tab.page.get_by_role("button", name="Add the phone").click()
    shown = tab.page.locator("#setting-password").inner_text()
    tab.page.get_by_role("button", name="Copy: Password").click()
    expect(tab.page.locator("#announcer")).to_contain_text("copied")
    assert tab.page.evaluate("navigator.clipboard.readText()") == shown
    tab.page.reload()
    expect(tab.page).to_have_url(re.compile("/device/1777$"))
    expect(tab.page.locator("#setting-password")).to_have_count(0)


def test_times_are_in_the_browsers_zone_from_the_first_page_on(
    chromium: Browser, running: tuple[AdminSystem, str]
) -> None:
    tab = Tab(chromium, running[1], timezone_id="Asia/Tokyo")
    tab.sign_in(ADMIN, ADMIN_PASSWORD)
    tab.page.goto("/system/audit")
    expect(tab.page.locator("html")).to_have_attribute("data-timezone", "Asia/Tokyo")
    tab.close()


def test_typing_in_the_search_narrows_the_list_and_keeps_the_cursor(tab: Tab) -> None:
    tab.page.goto("/devices")
    search = tab.page.get_by_role("searchbox")
    search.press_sequentially("grace", delay=20)
    expect(tab.page.locator("#device-1001")).to_have_count(0)
    expect(tab.page.locator("#device-1002")).to_be_visible()
    expect(search).to_be_focused()
    expect(tab.page).to_have_url(re.compile("search=grace"))


def test_the_second_factor_is_asked_for_without_typing_the_password_again(
    chromium: Browser, running: tuple[AdminSystem, str]
) -> None:
    system, url = running
    user = get_user(system.context, "grace")
    context = Context(system.appliance, Actor("grace", Role.USER, user.id), "127.0.0.1")
    secret = second_factor.offer_second_factor(context).secret
    totp = pyotp.TOTP(secret.reveal())
    second_factor.confirm_second_factor(context, secret, totp.at(int(context.now) - 30))
    tab = Tab(chromium, url)
    tab.page.goto("/sign-in")
    tab.page.get_by_label("User name").fill("grace")
    tab.page.get_by_label("Password").fill("staple of the hopper")
    tab.page.get_by_role("button", name="Sign in").click()
    code = tab.page.get_by_label("Six digits")
    expect(code).to_be_focused()
    code.fill("000000")
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_text("The code is wrong")).to_be_visible()
    tab.page.get_by_label("Six digits").fill(totp.at(int(context.now)))
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("heading", name="My phones")).to_be_visible()
    expect(tab.page.locator("#device-1002")).to_be_visible()
    expect(tab.page.locator("#device-1001")).to_have_count(0)
    tab.close()


def test_a_session_that_ends_elsewhere_leads_to_the_entrance(
    chromium: Browser, running: tuple[AdminSystem, str]
) -> None:
    tab = Tab(chromium, running[1])
    tab.sign_in(ADMIN, ADMIN_PASSWORD)
    tab.context.clear_cookies(name="__Host-gosip-session")
    expect(tab.page.get_by_role("heading", name="Sign in to your phone system")).to_be_visible()
    tab.close()


def test_everything_is_loaded_from_the_machine_itself(tab: Tab) -> None:
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.goto("/")
    tab.page.wait_for_load_state("load")
    origin = tab.page.evaluate("location.origin")
    assert [url for url in asked if not url.startswith((origin, "data:"))] == []


def test_what_was_refused_is_said_in_a_message(tab: Tab, system: AdminSystem) -> None:
    system.sip.add_call("c7", caller=("1001", "Ada Lovelace"), callee=("1002", "Grace Hopper"))
    tab.page.goto("/calls/live")
    expect(tab.page.locator("#call-c7")).to_be_visible()
    refusal = {"X-Error-Title": "This call is over already."}
    tab.page.route("**/hang-up", lambda route: route.fulfill(status=404, headers=refusal, body=""))
    tab.page.locator("#call-c7").get_by_role("button", name="Hang up").click()
    expect(tab.page.get_by_text("This call is over already.")).to_be_visible()
    tab.page.unroute("**/hang-up")
    system.sip.end_call("c7")


def test_a_web_server_that_is_gone_is_said_without_losing_the_page(tab: Tab) -> None:
    tab.page.goto("/devices")
    tab.page.route("**/devices*", lambda route: route.abort())
    expect(tab.page.get_by_text("The connection to GoSIP is interrupted")).to_be_visible()
    expect(tab.page.locator("#device-1001")).to_be_visible()
    tab.page.unroute("**/devices*")
    expect(tab.page.get_by_text("The connection to GoSIP is interrupted")).to_be_hidden()
