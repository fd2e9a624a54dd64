"""The watchdog's policy: every crash is seen, and no program is given up."""

from __future__ import annotations

import io

from appliance.supervision.watchdog import Watchdog, listen, parse_headers

CRASHED = {"processname": "sip", "groupname": "sip", "expected": "0", "pid": "7"}


def test_an_unexpected_exit_is_an_error() -> None:
    (notice,) = Watchdog().receive("PROCESS_STATE_EXITED", CRASHED, 0)
    assert notice.severity == "error"
    assert "sip" in notice.message


def test_an_expected_exit_is_none() -> None:
    assert Watchdog().receive("PROCESS_STATE_EXITED", CRASHED | {"expected": "1"}, 0) == []


def test_a_numbered_process_keeps_its_group_in_its_name() -> None:
    (notice,) = Watchdog().receive(
        "PROCESS_STATE_EXITED", {"processname": "media-1", "groupname": "media", "expected": "0"}, 0
    )
    assert notice.program == "media:media-1"


def test_a_program_that_supervisor_gave_up_is_started_again_after_five_seconds() -> None:
    watchdog = Watchdog()
    (notice,) = watchdog.receive("PROCESS_STATE_FATAL", CRASHED, 100)
    assert notice.kind == "program-down"
    assert watchdog.due(104.9) == []
    assert watchdog.due(105) == ["sip"]


def test_the_waits_double_up_to_a_minute() -> None:
    watchdog = Watchdog()
    watchdog.receive("PROCESS_STATE_FATAL", CRASHED, 0)
    moments = [second for second in range(400) if watchdog.due(float(second))]
    assert moments == [5, 15, 35, 75, 135, 195, 255, 315, 375]


def test_a_program_that_fails_again_waits_longer_than_before() -> None:
    watchdog = Watchdog()
    watchdog.receive("PROCESS_STATE_FATAL", CRASHED, 0)
    assert watchdog.due(5) == ["sip"]
    watchdog.receive("PROCESS_STATE_FATAL", CRASHED, 6)
    assert watchdog.due(25.9) == []
    assert watchdog.due(26) == ["sip"]


def test_a_program_that_runs_again_is_left_alone_and_said_to_have_recovered() -> None:
    watchdog = Watchdog()
    watchdog.receive("PROCESS_STATE_FATAL", CRASHED, 0)
    (notice,) = watchdog.receive("PROCESS_STATE_RUNNING", CRASHED, 6)
    assert notice.kind == "program-recovered"
    assert watchdog.due(1000) == []


def test_an_ordinary_start_is_no_news() -> None:
    assert Watchdog().receive("PROCESS_STATE_RUNNING", CRASHED, 0) == []


def test_the_clock_of_supervisor_is_no_news() -> None:
    assert Watchdog().receive("TICK_5", {"when": "1"}, 0) == []


def test_supervisors_protocol_is_answered_event_by_event() -> None:
    payload = "processname:sip groupname:sip from_state:RUNNING expected:0 pid:7"
    source = io.StringIO(f"ver:3.0 eventname:PROCESS_STATE_EXITED len:{len(payload)}\n{payload}")
    sink, seen = io.StringIO(), []
    listen(source, sink, lambda event, headers: seen.append((event, headers["pid"])))
    assert seen == [("PROCESS_STATE_EXITED", "7")]
    assert sink.getvalue() == "READY\nRESULT 2\nOKREADY\n"


def test_header_lines_are_pairs() -> None:
    assert parse_headers("a:1 b:c:d e") == {"a": "1", "b": "c:d"}
