"""Live pages: what they show, and that two hundred of them cost little."""

from __future__ import annotations

import pytest

from appliance.operations.audit import list_audit
from tests.support.admin import ADMIN, Actor, AdminSystem

PAGES = ["/", "/devices", "/device/1001", "/calls/live", "/calls", "/users", "/account", "/system/settings"]
PAGES += ["/system/processes", "/system/events", "/system/audit", "/devices/new", "/device/1001/edit", "/users/new"]
PAGES += ["/system/bans"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_works_while_the_phone_system_is_gone(system: AdminSystem, admin: Actor, path: str) -> None:
    system.add_device("1001", "Ada")
    system.sip.stop()
    assert admin.get(path).status_code == 200


def test_a_phone_system_that_is_gone_is_said_on_the_page(system: AdminSystem, admin: Actor) -> None:
    system.sip.stop()
    page = admin.get("/").text
    assert "The phone system does not answer at the moment" in page
    assert "not running" in page


def test_changes_are_kept_while_the_phone_system_is_gone(system: AdminSystem, admin: Actor) -> None:
    system.sip.stop()
    assert "setting-password" in admin.post("/devices/new", number="1001").text
    assert "unknown" in admin.get("/devices").text


def test_a_program_that_hangs_costs_one_wait_and_not_one_for_each_page(
    system: AdminSystem, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.services.daemon._client.timeout = 0.05
    system.sip.answers = False
    assert "does not answer in time" in admin.get("/").text


def test_the_dashboard_counts_phones_and_calls(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", "Ada")
    system.add_device("1002", "Grace")
    system.sip.register("1001", "1001")
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"), answered=True)
    page = admin.get("/").text
    assert "1 phones online, 1 live calls" in page
    assert "talking" in page
    assert "of 2" in page


def test_an_empty_system_is_told_the_way_to_the_first_call(admin: Actor) -> None:
    assert "From here to the first call" in admin.get("/").text


def test_the_plot_stands_in_a_table_too(admin: Actor) -> None:
    page = admin.get("/").text
    table = page.partition('id="calls-chart-data"')[2].partition("</table>")[0]
    assert table.count("<tr>") == 25
    assert "<caption>" in table


@pytest.mark.parametrize("path", ["/", "/devices", "/calls/live", "/system/processes", "/device/1001"])
def test_a_poll_without_news_is_304(system: AdminSystem, admin: Actor, path: str) -> None:
    system.add_device("1001")
    first = admin.poll(path)
    assert first.status_code == 200
    assert "<html" not in first.text
    again = admin.poll(path, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")


def test_fragments_name_moments_and_no_running_durations(system: AdminSystem, admin: Actor) -> None:
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"), answered=True)
    first = admin.poll("/calls/live").headers["ETag"]
    system.services.fragments.clear()
    assert admin.poll("/calls/live").headers["ETag"] == first


def test_news_arrive_with_the_next_poll(system: AdminSystem, admin: Actor) -> None:
    etag = admin.poll("/calls/live").headers["ETag"]
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"))
    system.services.daemon._fresh_until = 0
    system.services.fragments.clear()
    answer = admin.poll("/calls/live", If_None_Match=etag)
    assert answer.status_code == 200
    assert "Grace" in answer.text


def test_two_hundred_open_pages_ask_the_phone_system_once(system: AdminSystem, admin: Actor) -> None:
    for _ in range(200):
        admin.poll("/")
    assert system.sip.asked["live.revision"] <= 3


def test_a_poll_after_the_session_has_ended_is_401_and_no_redirect(system: AdminSystem, admin: Actor) -> None:
    admin.post("/sign-out")
    assert admin.poll("/").status_code == 401


def test_hanging_up_ends_the_call(system: AdminSystem, admin: Actor) -> None:
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"))
    assert admin.post("/call/c1/hang-up").status_code == 302
    assert system.sip.hung_up == ["c1"]
    assert "Grace" not in admin.get("/calls/live").text


def test_hanging_up_a_call_that_is_over_says_so(admin: Actor) -> None:
    response = admin.post("/call/gone/hang-up")
    assert response.status_code == 404
    assert "This call is over already." in response.text


def test_hanging_up_without_a_phone_system_is_503(system: AdminSystem, admin: Actor) -> None:
    system.sip.stop()
    assert admin.post("/call/c1/hang-up").status_code == 503


def test_a_failed_listener_is_shown_with_its_reason(system: AdminSystem, admin: Actor) -> None:
    system.sip.fail_listener("UDP", "port 5060 is in use")
    assert "port 5060 is in use" in admin.get("/system/processes").text


def test_a_restart_is_written_down(system: AdminSystem, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(system.services.processes), "restart", lambda self, name: None)
    assert admin.post("/system/processes/media:media-0/restart").status_code == 302
    row = list_audit(system.context).rows[0]
    assert (row.actor, row.action, row.subject) == (ADMIN, "program.restart", "media:media-0")


def test_only_programs_that_may_be_restarted_can_be(admin: Actor) -> None:
    assert admin.post("/system/processes/admin/restart").status_code == 403
    assert admin.post("/system/processes/sip/restart").status_code == 503  # supervisor does not run here
