"""gosip call list and hangup, gosip binding list."""

from __future__ import annotations

import csv
import json
import time
from datetime import datetime

import pytest

from appliance.database.models import Call, CallLeg
from tests.support.cli import Gosip
from tests.support.daemon import StandInDaemon

NOON = datetime(2026, 1, 31, 12, 0).timestamp()


@pytest.fixture
def history(gosip: Gosip) -> Gosip:
    """Three calls, an hour apart."""
    for index, status in enumerate(("answered", "missed", "busy")):
        began = NOON + 3600 * index
        Call.create(
            id=f"call-{index}",
            started_at=began,
            answered_at=began + 5 if status == "answered" else None,
            ended_at=began + 70,
            caller_number="201",
            caller_name="Ada",
            callee_number=str(301 + index),
            callee_name="Grace",
            dialled=str(301 + index),
            status=status,
            sip_status=200,
            cause="",
            ended_by="caller",
        )
    return gosip


def ids(gosip: Gosip, *arguments: str) -> list[str]:
    return [item["id"] for item in gosip.json("call", "list", *arguments)["items"]]


def test_the_history_comes_newest_first(history: Gosip) -> None:
    assert ids(history) == ["call-2", "call-1", "call-0"]


def test_an_item_has_the_columns_of_the_call(history: Gosip) -> None:
    item = history.json("call", "list", "--status", "answered")["items"][0]
    assert (item["started_at"], item["answered_at"], item["ended_at"]) == (NOON, NOON + 5, NOON + 70)
    assert (item["caller_number"], item["caller_name"]) == ("201", "Ada")
    assert (item["callee_number"], item["callee_name"]) == ("301", "Grace")
    assert (item["status"], item["sip_status"], item["cause"], item["ended_by"]) == ("answered", 200, "", "caller")
    assert item["talk_seconds"] == 65


def test_pages_have_their_size_and_the_total(history: Gosip) -> None:
    page = history.json("call", "list", "--limit", "2", "--page", "2")
    assert [item["id"] for item in page["items"]] == ["call-0"]
    assert (page["total"], page["page"], page["size"]) == (3, 2, 2)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--number", "302"), ["call-1"]),
        (("--number", "30"), []),
        (("--search", "30"), ["call-2", "call-1", "call-0"]),
        (("--status", "busy"), ["call-2"]),
        (("--since", "2026-01-31T13:00"), ["call-2", "call-1"]),
        (("--until", "2026-01-31 13:00"), ["call-0"]),
        (("--since", "2026-02-01"), []),
    ],
)
def test_filters_narrow_the_history(history: Gosip, arguments: tuple[str, ...], found: list[str]) -> None:
    assert ids(history, *arguments) == found


def test_the_history_as_text_shows_who_and_how_long(history: Gosip) -> None:
    _, line = history.text("call", "list", "--status", "answered").splitlines()
    assert line.split() == ["2026-01-31", "12:00:00", "201", "Ada", "301", "Grace", "answered", "1:05", "call-0"]


def test_a_list_that_goes_on_says_so(history: Gosip) -> None:
    assert "--page 2 shows more" in history.run("call", "list", "--limit", "2").stderr
    assert history.run("call", "list", "--limit", "2", "--page", "2").stderr == ""


def test_csv_has_all_that_match(history: Gosip) -> None:
    rows = list(csv.DictReader(history.text("call", "list", "--csv", "--limit", "1").splitlines()))
    assert [row["callee_number"] for row in rows] == ["303", "302", "301"]


def test_a_name_from_a_stranger_cannot_steer_the_terminal(gosip: Gosip) -> None:
    Call.create(id="evil", started_at=NOON, caller_number="1", caller_name="\x1b[2Jgone", status="missed")
    for said in (gosip.text("call", "list"), gosip.text("call", "list", "--json")):
        assert "\x1b" not in said


def test_live_calls_are_those_of_the_daemon(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.add_call("c1", caller=("201", "Ada"), callee=("202", "Grace"), answered=True)
    found = gosip.json("call", "list", "--live")
    assert [call["id"] for call in found["calls"]] == ["c1"]
    assert (found["total"], found["calls"][0]["caller"]["name"]) == (1, "Ada")


def test_live_calls_as_text_show_how_long_they_last(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.add_call("c1", caller=("201", "Ada"), callee=("202", "Grace"), answered=True)
    _, line = gosip.text("call", "list", "--live").splitlines()
    assert line.split()[1:] == ["201", "Ada", "202", "Grace", "talking", "c1"]


def test_hanging_up_ends_the_call(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.add_call("c1", caller=("201", "Ada"), callee=("202", "Grace"))
    assert gosip.json("call", "hangup", "c1") == {"ended": ["c1"]}
    assert daemon.hung_up == ["c1"]


def test_hanging_up_a_call_that_is_over_is_refused(gosip: Gosip, daemon: StandInDaemon) -> None:
    assert gosip.error("call", "hangup", "c9")["kind"] == "not_found"


def test_all_calls_can_be_ended_at_once(gosip: Gosip, daemon: StandInDaemon) -> None:
    for call_id in ("c1", "c2"):
        daemon.add_call(call_id, caller=("201", "Ada"), callee=("202", "Grace"))
    assert gosip.text("call", "hangup", "--all") == "Ended 2 calls.\n"
    assert daemon.hung_up == ["c1", "c2"]


def test_ending_all_calls_when_there_is_none_is_no_error(gosip: Gosip, daemon: StandInDaemon) -> None:
    assert gosip.json("call", "hangup", "--all") == {"ended": []}


@pytest.mark.parametrize("arguments", [(), ("c1", "--all")])
def test_a_call_to_end_is_named_in_one_way(gosip: Gosip, arguments: tuple[str, ...]) -> None:
    gosip.refused("call", "hangup", *arguments, code=2)


def test_bindings_are_those_of_the_daemon(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.register("201", "201", remote="192.0.2.7:5062")
    found = gosip.json("binding", "list")
    assert found["total"] == 1
    assert (found["bindings"][0]["username"], found["bindings"][0]["remote"]) == ("201", "192.0.2.7:5062")


def test_bindings_of_named_devices_only(gosip: Gosip, daemon: StandInDaemon) -> None:
    for number in ("201", "202", "203"):
        gosip.text("device", "add", number)
        daemon.register(number, number)
    found = gosip.json("binding", "list", "201", "203")
    assert [entry["username"] for entry in found["bindings"]] == ["201", "203"]


def test_a_misspelt_device_is_not_taken_for_one_that_is_offline(gosip: Gosip, daemon: StandInDaemon) -> None:
    assert gosip.refused("binding", "list", "2O1") == "gosip: There is no device 2O1.\n"


def test_bindings_as_text_show_where_the_phone_is(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.register("201", "201", user_agent="Phone\x9b31m 1.0")
    _, line = gosip.text("binding", "list").splitlines()
    assert line.split()[:4] == ["201", "201", "UDP", "192.0.2.7:5060"]
    assert "\x9b" not in line


def test_why_a_phone_is_unreachable_is_said(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.register("201", "201", trouble="it does not answer")
    assert "no: it does not answer" in gosip.text("binding", "list")


def test_json_is_ascii_whatever_the_names_are(gosip: Gosip) -> None:
    Call.create(id="c", started_at=time.time(), caller_name="Zoë \u202e", status="missed")
    said = gosip.text("call", "list", "--json")
    assert said.isascii()
    assert json.loads(said)["items"][0]["caller_name"] == "Zoë \u202e"


LEG = {
    "mos": 4.29, "remote_mos": 3.1, "rtt_ms": 23.4, "packets_discarded": 2, "remote_packets_lost": 20,
    "remote_jitter_ms": 2.0, "speaks": "nothing", "hears": "fine", "suspicion": "nat", "quality": {"seconds": 5},
}  # fmt: skip


@pytest.fixture
def heard(history: Gosip) -> Gosip:
    for side, detail in (("caller", LEG), ("callee", {})):
        CallLeg.create(
            call="call-0", side=side, device="201", state="answered", codec="PCMA/8000", packets_received=990,
            packets_lost=10, packets_sent=1000, jitter_ms=1.5, detail=detail,
        )  # fmt: skip
    return history


def test_a_call_is_shown_with_how_each_phone_was_heard(heard: Gosip) -> None:
    shown = heard.text("call", "show", "call-0")
    for text in (
        "201 Ada", "301 Grace", "1:05", "good (4.3 of 4.4)", "10 lost (1.0 %), 2 too late, jitter 1.5 ms",
        "poor (3.1 of 4.4)", "20 lost", "there and back: 23.4 ms", "it speaks nothing (nat)", "it sent no reports",
    ):  # fmt: skip
        assert text in shown, text


def test_a_call_as_json_has_its_legs_with_all_that_was_measured(heard: Gosip) -> None:
    shown = heard.json("call", "show", "call-0")
    assert (shown["id"], shown["talk_seconds"], shown["live_quality"]) == ("call-0", 65, None)
    assert shown["legs"][0]["detail"]["quality"] == {"seconds": 5}


def test_a_call_that_does_not_exist_is_not_shown(history: Gosip) -> None:
    assert "no call nothing" in history.refused("call", "show", "nothing")


def test_a_call_that_is_going_on_is_shown_with_its_samples_if_the_system_runs(
    history: Gosip, daemon: StandInDaemon
) -> None:
    Call.create(id="now", started_at=time.time(), dialled="301", status="talking", caller_number="201")
    assert history.json("call", "show", "now")["live_quality"] is None
    daemon.add_call("now", caller=("201", "Ada"), callee=("301", "Grace"), answered=True)
    assert len(history.json("call", "show", "now")["live_quality"]) == 2
    assert "going on" in history.text("call", "show", "now")
