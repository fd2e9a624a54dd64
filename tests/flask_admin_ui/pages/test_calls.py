"""The call history: filters, pages, CSV, one call in detail."""

from __future__ import annotations

import pytest

from appliance.database.models import Call, CallLeg
from appliance.operations.audit import list_audit
from tests.support.admin import ADMIN, Actor, AdminSystem, ManualClock
from tests.support.daemon import SERIES

NOON = 1_800_014_400.0  # 2027-01-15 12:00:00 UTC


def add_call(call_id: str, *, started_at: float = NOON, **columns: object) -> Call:
    values: dict[str, object] = {
        "caller_number": "1001",
        "caller_name": "Ada",
        "callee_number": "1002",
        "callee_name": "Grace",
        "dialled": "1002",
        "status": "answered",
        "answered_at": started_at + 5,
        "ended_at": started_at + 70,
        "detail": {},
    }
    return Call.create(id=call_id, started_at=started_at, **{**values, **columns})


@pytest.fixture
def calls(system: AdminSystem) -> AdminSystem:
    add_call("first")
    add_call("second", started_at=NOON + 86400, status="missed", answered_at=None, callee_name="Kitchen")
    return system


def test_an_empty_history_says_what_will_come(admin: Actor) -> None:
    assert "No calls yet" in admin.get("/calls").text


def test_shows_who_called_whom_and_how_long(calls: AdminSystem, admin: Actor) -> None:
    page = admin.get("/calls").text
    for shown in ("Ada", "Grace", "1:05", "answered", "missed"):
        assert shown in page


def test_filters_by_outcome_and_name(calls: AdminSystem, admin: Actor) -> None:
    assert "Kitchen" not in admin.get("/calls?status=answered").text
    assert "Grace" not in admin.get("/calls?search=kitch").text


def test_days_are_days_where_the_viewer_lives(calls: AdminSystem, admin: Actor) -> None:
    add_call("late", started_at=NOON + 11.5 * 3600, caller_name="Night owl")
    assert "Night owl" in admin.get("/calls?from=2027-01-15&to=2027-01-15").text
    admin.client.set_cookie("gosip_timezone", "Europe/Berlin", domain="localhost")
    assert "Night owl" not in admin.get("/calls?from=2027-01-15&to=2027-01-15").text
    assert "Night owl" in admin.get("/calls?from=2027-01-16&to=2027-01-16").text


@pytest.mark.parametrize("day", ["yesterday", "2027-13-01", "0000-00-00", "9999-12-31", "1"])
def test_a_day_that_is_none_is_marked_and_kept(calls: AdminSystem, admin: Actor, day: str) -> None:
    page = admin.get(f"/calls?from={day}")
    assert page.status_code == 200
    assert "Write the day as year-month-day" in page.text
    assert f'value="{day}"' in page.text


def test_filters_stay_when_paging(system: AdminSystem, admin: Actor) -> None:
    for index in range(25):
        add_call(f"c{index}", started_at=NOON + index)
    assert "/calls?status=answered&amp;page=2" in admin.get("/calls?status=answered").text


def test_typing_a_filter_replaces_the_table_only(calls: AdminSystem, admin: Actor) -> None:
    fragment = admin.poll("/calls?search=kitch").text
    assert "Kitchen" in fragment
    assert "<html" not in fragment


def test_the_csv_file_follows_the_filter(calls: AdminSystem, admin: Actor) -> None:
    response = admin.get("/calls.csv?status=missed")
    lines = response.text.splitlines()
    assert response.mimetype == "text/csv"
    assert "attachment" in response.headers["Content-Disposition"]
    assert len(lines) == 2
    assert "Kitchen" in lines[1]


def test_a_call_in_detail_shows_each_phone(calls: AdminSystem, admin: Actor) -> None:
    values = {"remote": "192.0.2.1:5060", "codec": "PCMA/8000", "packets_lost": 3, "detail": {}}
    CallLeg.create(call="first", side="caller", device="1001", **values)
    page = admin.get("/call/first").text
    for shown in ("192.0.2.1:5060", "PCMA/8000", "3 lost"):
        assert shown in page


def test_a_live_call_that_is_not_yet_on_disk_has_a_page(system: AdminSystem, admin: Actor) -> None:
    system.sip.add_call("now", caller=("1001", "Ada"), callee=("1002", "Grace"), answered=True)
    page = admin.get("/call/now").text
    assert "talking" in page
    assert "PCMA/8000" in page


def test_a_live_call_shows_the_figures_of_now_and_not_those_on_disk(system: AdminSystem, admin: Actor) -> None:
    add_call("now", started_at=NOON, status="talking", ended_at=None)
    CallLeg.create(call="now", side="caller", device="1001", user_agent="Yealink T54", packets_received=0, detail={})
    system.sip.add_call("now", caller=("1001", "Ada"), callee=("1002", "Grace"), answered=True)
    page = admin.get("/call/now").text
    assert "Yealink T54" in page
    assert ">150<" in page


def test_ending_a_call_is_written_down(system: AdminSystem, admin: Actor) -> None:
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"))
    assert admin.post("/call/c1/hang-up").status_code == 302
    row = list_audit(system.context).rows[0]
    assert (row.actor, row.action, row.subject) == (ADMIN, "call.hangup", "c1")


def test_the_csv_file_is_sent_in_portions(calls: AdminSystem, admin: Actor) -> None:
    """A system call for each row makes a long history slow."""
    portions = list(admin.get("/calls.csv").iter_encoded())
    assert len(portions) == 1
    assert portions[0].count(b"\r\n") == 3


def test_the_plot_counts_by_hour(system: AdminSystem, admin: Actor, clock: ManualClock) -> None:
    clock.advance(1800)
    now = system.appliance.now()
    add_call("a", started_at=now - 60)
    add_call("b", started_at=now - 120, status="missed", answered_at=None)
    page = admin.get("/").text
    last = page.partition('id="calls-chart-data"')[2].partition("</tbody>")[0].rpartition("<tr>")[2]
    assert "<td>1</td><td>1</td>" in last


def add_heard_leg(call: Call, **detail: object) -> None:
    values = {
        "mos": 4.29, "remote_mos": 3.71, "rtt_ms": 23.4, "remote_jitter_ms": 2.0, "remote_packets_lost": 20,
        "packets_late": 3, "packets_discarded": 2, "speaks": "fine", "hears": "fine", "suspicion": "",
        "quality": {**SERIES, "age": 65.0}, "hearing": [], **detail,
    }  # fmt: skip
    CallLeg.create(
        call=call, side="caller", device="1001", extension="1001", codec="PCMA/8000", state="answered",
        packets_received=990, packets_lost=10, packets_sent=1000, jitter_ms=1.5, detail=values,
    )  # fmt: skip


def test_how_a_phone_was_heard_is_said_in_words_with_figures(system: AdminSystem, admin: Actor) -> None:
    add_heard_leg(add_call("heard"))
    page = admin.get("/call/heard").text
    for shown in (
        "good",
        "4.3",
        "1.2 % lost",
        "jitter 1.5 ms",
        "fair",
        "3.7",
        "2.0 % lost",
        "23.4 ms",
        "3 out of order",
    ):
        assert shown in page, shown


def test_the_plot_of_a_call_stands_in_a_table_with_the_time_of_each_sample(system: AdminSystem, admin: Actor) -> None:
    add_heard_leg(add_call("heard"))
    page = admin.get("/call/heard").text
    assert 'data-plot="sound-caller-1001"' in page
    table = page.partition('id="sound-caller-1001"')[2].partition("</table>")[0]
    assert table.count("<tr>") == 1 + 4
    third = table.split("<tr>")[4]
    for shown in ("0:15", "3.95", "4.41", "4.8 %", "0.0 %", "8.2 ms", "24 ms"):
        assert shown in third, shown


def test_one_way_audio_is_said_with_its_likely_cause_and_its_time(system: AdminSystem, admin: Actor) -> None:
    change = {"at": 13.0, "speaks": "nothing", "hears": "fine", "suspicion": "other-address"}
    add_heard_leg(
        add_call("deaf"), speaks="nothing", suspicion="other-address", hearing=[change, {**change, "speaks": "fine"}]
    )
    page = admin.get("/call/deaf").text
    assert "Nobody hears 1001. Packets come from another address than the phone announced." in page
    noticed = page.partition("What was noticed")[2]
    assert "0:08" in noticed
    assert "1001 is heard and hears again" in noticed


@pytest.mark.parametrize(
    "detail",
    [
        {"quality": None}, {"quality": "text"}, {"quality": {"speaks": ["fine"] * 3}},
        {"quality": {"speaks": ["fine"] * 3, "mos": [None], "seconds": "x", "received": 5}}, {"hearing": [5, {}]},
        {"mos": "good"},
    ],
)  # fmt: skip
def test_a_record_of_another_version_is_shown_as_far_as_it_goes(
    system: AdminSystem, admin: Actor, detail: dict[str, object]
) -> None:
    add_heard_leg(add_call("odd"), **detail)
    assert admin.get("/call/odd").status_code == 200


def test_a_live_call_shows_its_sound_in_the_list_and_on_its_page(system: AdminSystem, admin: Actor) -> None:
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"), answered=True)
    system.sip.hear("c1", "caller", mos_now=4.41, remote_mos_now=3.2, loss_percent_now=0.0, remote_jitter_ms=2.5)
    assert "poor (3.2)" in admin.get("/calls/live").text
    page = admin.get("/call/c1").text
    assert "good" in page
    assert 'data-plot="sound-callee-1002"' in page
    assert "the phone sends no reports" in page  # the other one


def test_one_way_audio_goes_before_any_score_in_the_list_of_live_calls(system: AdminSystem, admin: Actor) -> None:
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"), answered=True)
    system.sip.hear("c1", "caller", mos_now=4.41)
    system.sip.hear("c1", "callee", speaks="nothing", suspicion="nat")
    assert "Nobody hears 1002" in admin.get("/calls/live").text
    assert "sits behind NAT" in admin.get("/call/c1").text


def test_while_it_rings_nothing_is_said_about_the_sound(system: AdminSystem, admin: Actor) -> None:
    system.sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"))
    system.sip.hear("c1", "caller", speaks="nothing")
    assert "Nobody hears" not in admin.get("/calls/live").text
    assert "Nobody hears" not in admin.get("/call/c1").text
