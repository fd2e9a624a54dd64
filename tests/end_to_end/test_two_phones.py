"""Two real phones that nobody here wrote register, call each other through GoSIP, and hear each other."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Accounts
from tests.support import baresip, linphone
from tests.support.baresip import Baresip
from tests.support.linphone import Linphone
from tests.support.shelf import Shelf
from tests.support.system import GosipSystem
from tests.support.tones import listen
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not baresip.is_available(), reason="baresip is not installed"),
]
needs_linphone = pytest.mark.skipif(not linphone.is_available(), reason="linphonec is not installed")

LOW, HIGH, HIGHER = 700.0, 1300.0, 1900.0
TALK_SECONDS = 5.0
LINPHONE_GAP = 0.1
"""linphone's own jitter buffer, while it finds its delay, leaves out up to two windows; nothing is lost on the way."""


def talk(seconds: float = TALK_SECONDS) -> None:
    time.sleep(seconds)


def let_recordings_be_written() -> None:
    time.sleep(0.7)


def assert_heard(recording: Path, tone: float, *, seconds: float = TALK_SECONDS - 1.0, gap: float = 0.0) -> None:
    hearing = listen(recording, tone)
    assert hearing.heard_seconds >= seconds, hearing
    assert hearing.longest_gap_seconds <= gap, hearing
    assert hearing.snr_db > 25, hearing


def newest_call(gosip: GosipSystem) -> dict[str, Any]:
    calls: list[dict[str, Any]] = gosip.json("call", "list")["items"]
    return calls[0]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_baresip_and_baresip_hear_each_other(
    gosip: GosipSystem, accounts: Accounts, shelf: Shelf, transport: str
) -> None:
    first, second = accounts.add("Ada"), accounts.add("Grace")
    caller = shelf.plug_in(Baresip, first, LOW, transport=transport)
    callee = shelf.plug_in(Baresip, second, HIGH, transport=transport, answer=True)
    started = time.time()
    caller.dial(second.number)
    caller.wait_event("CALL_ESTABLISHED")
    talk()
    caller.hang_up()
    callee.wait_event("CALL_CLOSED")
    ended = time.time()
    let_recordings_be_written()
    assert_heard(caller.recording(), HIGH)
    assert_heard(callee.recording(), LOW)
    assert listen(caller.recording(), LOW).heard_seconds < 0.5, "the caller hears itself"

    call = newest_call(gosip)
    assert call["status"] == "answered"
    assert (call["caller_number"], call["caller_name"]) == (first.number, "Ada")
    assert (call["callee_number"], call["callee_name"]) == (second.number, "Grace")
    assert call["started_at"] == pytest.approx(started, abs=1)
    assert call["ended_at"] == pytest.approx(ended, abs=1)


@needs_linphone
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_baresip_calls_linphone(accounts: Accounts, shelf: Shelf, transport: str) -> None:
    first, second = accounts.add("Ada"), accounts.add("Grace")
    caller = shelf.plug_in(Baresip, first, LOW, transport=transport)
    callee = shelf.plug_in(Linphone, second, HIGH, transport=transport, answer=True)
    caller.dial(second.number)
    caller.wait_event("CALL_ESTABLISHED")
    callee.wait_running()
    talk()
    caller.hang_up()
    callee.wait_released()
    let_recordings_be_written()
    assert_heard(caller.recording(), HIGH)
    assert_heard(callee.recording(), LOW, seconds=TALK_SECONDS - 1.5, gap=LINPHONE_GAP)


@needs_linphone
def test_linphone_calls_baresip_and_hangs_up(gosip: GosipSystem, accounts: Accounts, shelf: Shelf) -> None:
    first, second = accounts.add("Ada"), accounts.add("Grace")
    caller = shelf.plug_in(Linphone, first, LOW)
    callee = shelf.plug_in(Baresip, second, HIGH, answer=True)
    caller.dial(second.number)
    caller.wait_running()
    talk()
    caller.hang_up()
    callee.wait_event("CALL_CLOSED")
    caller.wait_released()
    let_recordings_be_written()
    assert_heard(caller.recording(), HIGH, seconds=TALK_SECONDS - 1.5, gap=LINPHONE_GAP)
    assert_heard(callee.recording(), LOW)
    assert newest_call(gosip)["ended_by"] == "caller"


@needs_linphone
def test_hold_and_resume_are_carried_across(accounts: Accounts, shelf: Shelf) -> None:
    # Two linphones: baresip 1.0.0 stops recording what it hears at the first re-INVITE.
    second = accounts.add()
    caller = shelf.plug_in(Linphone, accounts.add(), LOW)
    callee = shelf.plug_in(Linphone, second, HIGH, answer=True)
    caller.dial(second.number)
    caller.wait_running()
    talk(2)
    caller.send("pause")
    caller.wait_log(r"to LinphoneCallPaused\b")
    callee.wait_log("to LinphoneCallPausedByRemote")
    time.sleep(2)
    caller.send("resume")
    caller.wait_running(count=2)
    callee.wait_running(count=2)
    talk()
    caller.hang_up()
    caller.wait_released()
    callee.wait_released()
    let_recordings_be_written()
    # linphone plays its file as music on hold, so the callee hears the tone all the time.
    assert listen(callee.recording(), LOW).heard_seconds >= TALK_SECONDS + 1
    assert listen(caller.recording(), HIGH).heard_seconds >= TALK_SECONDS


@pytest.mark.parametrize(
    ("dialled", "tone"), [("*43", LOW), ("*44", 1004.0)], ids=["the echo test returns the voice", "the tone number"]
)
def test_one_phone_alone_can_be_tried(accounts: Accounts, shelf: Shelf, dialled: str, tone: float) -> None:
    phone = shelf.plug_in(Baresip, accounts.add(), LOW)
    phone.dial(dialled)
    phone.wait_event("CALL_ESTABLISHED")
    talk()
    phone.hang_up()
    let_recordings_be_written()
    assert_heard(phone.recording(), tone, seconds=TALK_SECONDS - 1.5)


def test_a_caller_who_gives_up_leaves_a_record(gosip: GosipSystem, accounts: Accounts, shelf: Shelf) -> None:
    second = accounts.add()
    caller = shelf.plug_in(Baresip, accounts.add(), LOW)
    callee = shelf.plug_in(Baresip, second, HIGH)
    caller.dial(second.number)
    callee.wait_event("CALL_INCOMING")
    caller.wait_event("CALL_RINGING")
    caller.hang_up()
    callee.wait_event("CALL_CLOSED")
    wait_for(lambda: newest_call(gosip)["status"] != "ringing", "the record of the call")
    assert newest_call(gosip)["status"] in ("missed", "cancelled")
    assert_told_by_its_messages(gosip, newest_call(gosip)["id"], second.username)


def assert_told_by_its_messages(gosip: GosipSystem, call_id: str, callee: str) -> None:
    """Both legs are in the trace of the call that was given up, the callee's in its own, and no proof of a password."""
    entries = gosip.json("trace", "--call", call_id)["entries"]
    to_caller = [entry["status"] for entry in entries if entry["direction"] == "sent" and entry["method"] == "INVITE"]
    assert {401, 180, 487} <= set(to_caller)
    assert {entry["direction"] for entry in entries if entry["method"] == "CANCEL"} == {"sent", "received"}
    assert any("Authorization: Digest" in entry["text"] for entry in entries)
    assert not any(re.search(r'response="(?!\*)', entry["text"]) for entry in entries)
    of_callee = gosip.json("trace", "--device", callee)["entries"]
    assert {"REGISTER", "INVITE", "CANCEL"} <= {entry["method"] for entry in of_callee}


def test_an_extension_rings_all_its_devices_and_the_first_answer_wins(
    gosip: GosipSystem, accounts: Accounts, shelf: Shelf
) -> None:
    desk = accounts.add()
    kitchen = gosip.add_device(desk.number)
    assert kitchen.username != desk.username
    caller = shelf.plug_in(Baresip, accounts.add(), LOW)
    first = shelf.plug_in(Baresip, desk, HIGH)
    second = shelf.plug_in(Baresip, kitchen, HIGHER)
    caller.dial(desk.number)
    first.wait_event("CALL_INCOMING")
    second.wait_event("CALL_INCOMING")
    second.accept()
    caller.wait_event("CALL_ESTABLISHED")
    first.wait_event("CALL_CLOSED")
    assert second.has_event("CALL_CLOSED") is None
    talk(2)
    caller.hang_up()
    second.wait_event("CALL_CLOSED")
    let_recordings_be_written()
    assert listen(caller.recording(), HIGHER).heard_seconds > 1


def test_a_wrong_password_is_refused(gosip: GosipSystem, accounts: Accounts, shelf: Shelf) -> None:
    account = accounts.add()
    phone = shelf.plug_in(Baresip, account, LOW, password="wrong", registered=False)
    wait_for(lambda: "403 Forbidden" in phone.log, "the refusal")
    assert account.username not in {entry["username"] for entry in gosip.json("binding", "list")["bindings"]}


def test_a_number_that_nobody_has_is_not_found(accounts: Accounts, shelf: Shelf) -> None:
    phone = shelf.plug_in(Baresip, accounts.add(), LOW)
    phone.dial("9999")
    assert "404" in str(phone.wait_event("CALL_CLOSED").get("param"))
