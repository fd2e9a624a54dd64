"""`gosip trace`: whose messages are asked for, and how they are printed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from appliance.database.models import Call, CallLeg
from appliance.operations.trace import kind_of
from tests.support.appliance import Office
from tests.support.cli import Gosip
from tests.support.daemon import StandInDaemon, trace_entry


@pytest.fixture
def _conversation(daemon: StandInDaemon) -> None:
    daemon.say("INVITE sip:202@example.org SIP/2.0", has_sdp=True)
    daemon.say("SIP/2.0 404 Not Found", "sent")
    daemon.say("closed by the peer", "note")


@pytest.mark.usefixtures("_conversation")
def test_a_line_says_when_which_way_who_and_what(gosip: Gosip) -> None:
    request, response, note = gosip.text("trace").splitlines()
    assert request.endswith("<- UDP 192.0.2.7:5060        INVITE sip:202@example.org SIP/2.0  201 to 202  [SDP]")
    assert response.endswith("-> UDP 192.0.2.7:5060        SIP/2.0 404 Not Found (INVITE)  201 to 202")
    assert note.endswith("-- UDP 192.0.2.7:5060        closed by the peer")


@pytest.mark.usefixtures("_conversation")
def test_whole_messages_are_there_for_the_asking(gosip: Gosip) -> None:
    assert "    Authorization: Digest response=***\n" in gosip.text("trace", "--full")
    assert "Authorization" not in gosip.text("trace")


@pytest.mark.usefixtures("_conversation")
def test_a_program_gets_the_entries_as_they_are(gosip: Gosip) -> None:
    answer = gosip.json("trace", "--limit", "2")
    assert [entry["serial"] for entry in answer["entries"]] == [2, 3]
    assert (answer["total"], answer["cursor"]) == (3, 3)


@pytest.mark.usefixtures("_conversation")
def test_what_is_left_out_is_said(gosip: Gosip) -> None:
    assert "2 older messages are not shown" in gosip.run("trace", "--limit", "1").stderr


def test_nothing_of_a_message_steers_the_terminal(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.say("INVITE \x1b]0;gotcha\x07 SIP/2.0", text="INVITE \x1b[2J SIP/2.0\r\n\r\n")
    printed = gosip.text("trace", "--full")
    assert "\x1b" not in printed
    assert "\x07" not in printed


def test_one_phone_one_address_or_strangers_can_be_asked_for(
    gosip: Gosip, office: Office, daemon: StandInDaemon
) -> None:
    gosip.run("device", "add", "201")
    for arguments, asked in (
        (("--device", "201"), {"device": "201"}),
        (("--source", "[2001:DB8::5]"), {"source": "2001:db8::5"}),
        (("--strangers",), {"strangers": True}),
        ((), {}),
    ):
        gosip.text("trace", *arguments)
        assert daemon.traced[-1] == {**asked, "after": 0, "limit": 100}


def test_a_call_of_the_history_is_found_by_the_call_ids_of_its_legs(
    gosip: Gosip, office: Office, daemon: StandInDaemon
) -> None:
    call = Call.create(id="c1", caller_number="201", status="answered", started_at=1.0, detail={})
    for side, call_id in (("caller", "a@phone"), ("callee", "b@gosip")):
        CallLeg.create(call=call, side=side, device="201", sip_call_id=call_id, detail={})
    gosip.text("trace", "--call", "c1")
    assert daemon.traced[-1]["call_ids"] == ["a@phone", "b@gosip"]


def test_a_live_call_is_found_by_its_id_before_it_is_on_disk(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.add_call("live", caller=("201", "Ada"), callee=("202", "Grace"))
    gosip.text("trace", "--call", "live")
    assert daemon.traced[-1]["call"] == "live"


def test_what_cannot_be_looked_at_is_said(gosip: Gosip, daemon: StandInDaemon) -> None:
    assert "There is no call nothing." in gosip.refused("trace", "--call", "nothing")
    assert "There is no device nobody." in gosip.refused("trace", "--device", "nobody")
    assert "without a port" in gosip.refused("trace", "--source", "192.0.2.7:5060")
    assert "only one of" in gosip.refused("trace", "--strangers", "--device", "201", code=2)
    assert daemon.traced == []


def test_an_empty_trace_says_whether_there_could_be_one(gosip: Gosip, daemon: StandInDaemon) -> None:
    assert "--follow waits" in gosip.run("trace").stderr
    daemon.trace_budget = 0
    assert "trace_memory is 0" in gosip.run("trace").stderr


def test_without_a_running_system_nothing_is_known(gosip: Gosip) -> None:
    assert "not run" in gosip.refused("trace", code=3)
    assert "not run" in gosip.refused("trace", "--follow", code=3)


def test_a_look_is_noted_once_a_day_for_each_thing(gosip: Gosip, daemon: StandInDaemon) -> None:
    for arguments in ((), (), ("--strangers",), ("--source", "192.0.2.7")):
        gosip.text("trace", *arguments)
    rows = gosip.json("audit")["items"]
    assert [row["subject"] for row in rows if row["action"] == "trace.read"] == [
        "address 192.0.2.7",
        "strangers",
        "everybody",
    ]


def test_following_goes_on_by_the_cursor_also_after_a_restart(
    gosip: Gosip, daemon: StandInDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.say("OPTIONS sip:a SIP/2.0")

    happenings: list[Callable[[], None]] = [
        lambda: daemon.say("OPTIONS sip:b SIP/2.0"),
        daemon.stop,
        daemon.restart,
        lambda: daemon.say("OPTIONS sip:c SIP/2.0"),
        lambda: None,
    ]

    def happen(seconds: float) -> None:
        if not happenings:
            raise KeyboardInterrupt
        happenings.pop(0)()

    monkeypatch.setattr(time, "sleep", happen)
    lines = [json.loads(line)["title"] for line in gosip.text("trace", "--follow", "--json").splitlines()]
    assert lines == ["OPTIONS sip:a SIP/2.0", "OPTIONS sip:b SIP/2.0", "OPTIONS sip:c SIP/2.0"]


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("SIP/2.0 180 Ringing", "provisional"),
        ("SIP/2.0 200 OK", "success"),
        ("SIP/2.0 302 Moved Temporarily", "again"),
        ("SIP/2.0 407 Proxy Authentication Required", "again"),
        ("SIP/2.0 486 Busy Here", "failure"),
    ],
)
def test_a_challenge_is_no_failure(title: str, kind: str) -> None:
    """RFC 3261 §22: a phone signs in by being refused once."""
    assert kind_of(trace_entry(1, title, "sent")) == kind
