"""Two real phones that nobody here wrote register, call each other through GoSIP, and hear each other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Accounts
from tests.support import baresip, linphone
from tests.support.baresip import Baresip
from tests.support.linphone import Linphone
from tests.support.system import GosipSystem
from tests.support.tones import Hearing, listen
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not baresip.is_available(), reason="baresip is not installed"),
]

LOW, HIGH = 700.0, 1300.0
TALK_SECONDS = 5.0


def heard_well(hearing: Hearing, seconds: float = TALK_SECONDS - 1.0, gap: float = 0.0) -> bool:
    return hearing.heard_seconds >= seconds and hearing.longest_gap_seconds <= gap and hearing.snr_db > 25


LINPHONE_GAP = 0.1
"""linphone's own jitter buffer, while it finds its delay, leaves out up to two windows; nothing is lost on the way."""


def newest_call(gosip: GosipSystem) -> dict[str, Any]:
    calls: list[dict[str, Any]] = gosip.json("call", "list")["items"]
    return calls[0]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_baresip_and_baresip_hear_each_other(
    gosip: GosipSystem, accounts: Accounts, tmp_path: Path, transport: str
) -> None:
    first, second = accounts.add("Ada"), accounts.add("Grace")
    common: dict[str, Any] = {"server": gosip.server, "transport": transport}
    with (
        Baresip(tmp_path / "a", username=first.username, password=first.password, tone=LOW, **common) as caller,
        Baresip(
            tmp_path / "b", username=second.username, password=second.password, tone=HIGH, answer=True, **common
        ) as callee,
    ):
        caller.wait_registered()
        callee.wait_registered()
        started = time.time()
        caller.dial(second.number)
        caller.wait_event("CALL_ESTABLISHED")
        time.sleep(TALK_SECONDS)
        caller.hang_up()
        callee.wait_event("CALL_CLOSED")
        ended = time.time()
        time.sleep(0.7)
        assert heard_well(listen(caller.recording(), HIGH)), listen(caller.recording(), HIGH)
        assert heard_well(listen(callee.recording(), LOW)), listen(callee.recording(), LOW)
        assert listen(caller.recording(), LOW).heard_seconds < 0.5, "the caller hears itself"

    call = newest_call(gosip)
    assert call["status"] == "answered"
    assert (call["caller_number"], call["caller_name"]) == (first.number, "Ada")
    assert (call["callee_number"], call["callee_name"]) == (second.number, "Grace")
    assert call["started_at"] == pytest.approx(started, abs=1)
    assert call["ended_at"] == pytest.approx(ended, abs=1)


@pytest.mark.skipif(not linphone.is_available(), reason="linphonec is not installed")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_baresip_calls_linphone(gosip: GosipSystem, accounts: Accounts, tmp_path: Path, transport: str) -> None:
    first, second = accounts.add("Ada"), accounts.add("Grace")
    common: dict[str, Any] = {"server": gosip.server, "transport": transport}
    with (
        Baresip(tmp_path / "a", username=first.username, password=first.password, tone=LOW, **common) as caller,
        Linphone(
            tmp_path / "b", username=second.username, password=second.password, tone=HIGH, answer=True, **common
        ) as callee,
    ):
        caller.wait_registered()
        callee.wait_registered()
        caller.dial(second.number)
        caller.wait_event("CALL_ESTABLISHED")
        callee.wait_running()
        time.sleep(TALK_SECONDS)
        caller.hang_up()
        callee.wait_released()
        time.sleep(0.7)
        assert heard_well(listen(caller.recording(), HIGH)), listen(caller.recording(), HIGH)
        assert heard_well(listen(callee.recording(), LOW), TALK_SECONDS - 1.5, LINPHONE_GAP)


@pytest.mark.skipif(not linphone.is_available(), reason="linphonec is not installed")
def test_linphone_calls_baresip_and_hangs_up(gosip: GosipSystem, accounts: Accounts, tmp_path: Path) -> None:
    first, second = accounts.add("Ada"), accounts.add("Grace")
    with (
        Linphone(
            tmp_path / "a", username=first.username, password=first.password, server=gosip.server, tone=LOW
        ) as caller,
        Baresip(
            tmp_path / "b",
            username=second.username,
            password=second.password,
            server=gosip.server,
            tone=HIGH,
            answer=True,
        ) as callee,
    ):
        caller.wait_registered()
        callee.wait_registered()
        caller.dial(second.number)
        caller.wait_running()
        time.sleep(TALK_SECONDS)
        caller.hang_up()
        callee.wait_event("CALL_CLOSED")
        caller.wait_released()
        time.sleep(0.7)
        assert heard_well(listen(caller.recording(), HIGH), TALK_SECONDS - 1.5, LINPHONE_GAP)
        assert heard_well(listen(callee.recording(), LOW)), listen(callee.recording(), LOW)
    assert newest_call(gosip)["ended_by"] == "caller"


@pytest.mark.skipif(not linphone.is_available(), reason="linphonec is not installed")
def test_hold_and_resume_are_carried_across(gosip: GosipSystem, accounts: Accounts, tmp_path: Path) -> None:
    first, second = accounts.add(), accounts.add()
    common: dict[str, Any] = {"server": gosip.server}
    # Two linphones: baresip 1.0.0 stops recording what it hears at the first re-INVITE.
    with (
        Linphone(tmp_path / "a", username=first.username, password=first.password, tone=LOW, **common) as caller,
        Linphone(
            tmp_path / "b", username=second.username, password=second.password, tone=HIGH, answer=True, **common
        ) as callee,
    ):
        caller.wait_registered()
        callee.wait_registered()
        caller.dial(second.number)
        caller.wait_running()
        time.sleep(2)
        caller.send("pause")
        caller.wait_log(r"to LinphoneCallPaused\b")
        callee.wait_log("to LinphoneCallPausedByRemote")
        time.sleep(2)
        caller.send("resume")
        caller.wait_running(count=2)
        callee.wait_running(count=2)
        time.sleep(TALK_SECONDS)
        caller.hang_up()
        caller.wait_released()
        callee.wait_released()
        time.sleep(0.7)
        # linphone plays its file as music on hold, so the callee hears the tone all the time.
        assert listen(callee.recording(), LOW).heard_seconds >= TALK_SECONDS + 1
        assert listen(caller.recording(), HIGH).heard_seconds >= TALK_SECONDS


def test_the_echo_test_returns_the_callers_own_voice(gosip: GosipSystem, accounts: Accounts, tmp_path: Path) -> None:
    account = accounts.add()
    with Baresip(
        tmp_path / "a", username=account.username, password=account.password, server=gosip.server, tone=LOW
    ) as phone:
        phone.wait_registered()
        phone.dial("*43")
        phone.wait_event("CALL_ESTABLISHED")
        time.sleep(TALK_SECONDS)
        phone.hang_up()
        time.sleep(0.7)
        assert heard_well(listen(phone.recording(), LOW), TALK_SECONDS - 1.5), listen(phone.recording(), LOW)


def test_the_tone_number_plays_1004_hz(gosip: GosipSystem, accounts: Accounts, tmp_path: Path) -> None:
    account = accounts.add()
    with Baresip(
        tmp_path / "a", username=account.username, password=account.password, server=gosip.server, tone=LOW
    ) as phone:
        phone.wait_registered()
        phone.dial("*44")
        phone.wait_event("CALL_ESTABLISHED")
        time.sleep(TALK_SECONDS)
        phone.hang_up()
        time.sleep(0.7)
        assert heard_well(listen(phone.recording(), 1004.0)), listen(phone.recording(), 1004.0)


def test_a_caller_who_gives_up_is_a_missed_call(gosip: GosipSystem, accounts: Accounts, tmp_path: Path) -> None:
    first, second = accounts.add(), accounts.add()
    common: dict[str, Any] = {"server": gosip.server}
    with (
        Baresip(tmp_path / "a", username=first.username, password=first.password, tone=LOW, **common) as caller,
        Baresip(tmp_path / "b", username=second.username, password=second.password, tone=HIGH, **common) as callee,
    ):
        caller.wait_registered()
        callee.wait_registered()
        caller.dial(second.number)
        callee.wait_event("CALL_INCOMING")
        caller.wait_event("CALL_RINGING")
        caller.hang_up()
        callee.wait_event("CALL_CLOSED")
    wait_for(lambda: newest_call(gosip)["status"] != "ringing", "the record of the call")
    assert newest_call(gosip)["status"] in ("missed", "cancelled")


def test_an_extension_rings_all_its_devices_and_the_first_answer_wins(
    gosip: GosipSystem, accounts: Accounts, tmp_path: Path
) -> None:
    caller_account, desk = accounts.add(), accounts.add()
    kitchen = gosip.add_device(desk.number)
    assert kitchen.username != desk.username
    common: dict[str, Any] = {"server": gosip.server}
    with (
        Baresip(
            tmp_path / "a", username=caller_account.username, password=caller_account.password, tone=LOW, **common
        ) as caller,
        Baresip(tmp_path / "b", username=desk.username, password=desk.password, tone=HIGH, **common) as first,
        Baresip(tmp_path / "c", username=kitchen.username, password=kitchen.password, tone=1900, **common) as second,
    ):
        for phone in (caller, first, second):
            phone.wait_registered()
        caller.dial(desk.number)
        first.wait_event("CALL_INCOMING")
        second.wait_event("CALL_INCOMING")
        second.accept()
        caller.wait_event("CALL_ESTABLISHED")
        first.wait_event("CALL_CLOSED")
        assert second.has_event("CALL_CLOSED") is None
        time.sleep(2)
        caller.hang_up()
        second.wait_event("CALL_CLOSED")
        time.sleep(0.7)
        assert listen(caller.recording(), 1900).heard_seconds > 1


def test_a_wrong_password_is_refused(gosip: GosipSystem, accounts: Accounts, tmp_path: Path) -> None:
    account = accounts.add()
    with Baresip(tmp_path / "a", username=account.username, password="wrong", server=gosip.server, tone=LOW) as phone:
        wait_for(lambda: "403 Forbidden" in phone.log, "the refusal")
    assert account.username not in {entry["username"] for entry in gosip.json("binding", "list")["bindings"]}


def test_a_number_that_nobody_has_is_not_found(gosip: GosipSystem, accounts: Accounts, tmp_path: Path) -> None:
    account = accounts.add()
    with Baresip(
        tmp_path / "a", username=account.username, password=account.password, server=gosip.server, tone=LOW
    ) as phone:
        phone.wait_registered()
        phone.dial("9999")
        event = phone.wait_event("CALL_CLOSED")
        assert "404" in str(event.get("param"))
