"""The snapshot of the phone system that all open pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_admin_ui.daemon import FIGURES_SECONDS, REFRESH_SECONDS, Daemon
from tests.support.daemon import StandInDaemon


class ManualClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sip(tmp_path: Path) -> Iterator[StandInDaemon]:
    with StandInDaemon(tmp_path / "sip.sock") as stand_in:
        yield stand_in


@pytest.fixture
def daemon(sip: StandInDaemon, clock: ManualClock) -> Daemon:
    return Daemon(sip.path, clock)


def test_shows_registered_phones_and_live_calls(daemon: Daemon, sip: StandInDaemon) -> None:
    sip.register("1001", "1001", remote="192.0.2.7:5060")
    sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"))
    snapshot = daemon.snapshot()
    assert snapshot.reachable
    assert snapshot.online("1001")[0].remote == "192.0.2.7:5060"
    assert snapshot.calls[0].callee.name == "Grace"


def test_asks_once_a_second_however_many_look(daemon: Daemon, sip: StandInDaemon) -> None:
    for _ in range(200):
        daemon.snapshot()
    assert sip.asked["live.revision"] == 1


def test_asks_for_a_list_only_when_its_revision_has_grown(
    daemon: Daemon, sip: StandInDaemon, clock: ManualClock
) -> None:
    daemon.snapshot()
    clock.advance(REFRESH_SECONDS)
    daemon.snapshot()
    assert (sip.asked["live.revision"], sip.asked["binding.list"]) == (2, 1)
    sip.register("1001", "1001")
    clock.advance(REFRESH_SECONDS)
    assert daemon.snapshot().online("1001")
    assert (sip.asked["binding.list"], sip.asked["call.list"]) == (2, 1)


def test_a_program_that_is_gone_is_a_state_with_a_reason(
    daemon: Daemon, sip: StandInDaemon, clock: ManualClock
) -> None:
    sip.register("1001", "1001")
    daemon.snapshot()
    sip.stop()
    clock.advance(REFRESH_SECONDS)
    snapshot = daemon.snapshot()
    assert not snapshot.reachable
    assert "not running" in snapshot.reason
    assert not snapshot.online("1001")


def test_after_a_restart_everything_is_read_anew(daemon: Daemon, sip: StandInDaemon, clock: ManualClock) -> None:
    daemon.snapshot()
    sip.stop()
    clock.advance(REFRESH_SECONDS)
    daemon.snapshot()
    sip.start()
    sip.register("1001", "1001")
    clock.advance(REFRESH_SECONDS)
    assert daemon.snapshot().online("1001")


def test_what_was_just_changed_is_seen_at_once(daemon: Daemon, sip: StandInDaemon) -> None:
    sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"))
    daemon.snapshot()
    sip.end_call("c1")
    daemon.expire()
    assert daemon.snapshot().calls == ()


def test_the_figures_of_a_call_are_those_of_now_while_somebody_looks_at_them(
    daemon: Daemon, sip: StandInDaemon, clock: ManualClock
) -> None:
    sip.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"))
    daemon.snapshot()
    for _ in range(3):
        clock.advance(REFRESH_SECONDS)
        daemon.snapshot()
    assert sip.asked["call.list"] == 1
    clock.advance(REFRESH_SECONDS)
    daemon.snapshot(figures=True)
    clock.advance(REFRESH_SECONDS)
    daemon.snapshot()
    assert sip.asked["call.list"] == 3
    clock.advance(FIGURES_SECONDS)
    daemon.snapshot()
    assert sip.asked["call.list"] == 3


def test_thousands_of_rows_are_fetched_in_portions(
    daemon: Daemon, sip: StandInDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_admin_ui.daemon.ROWS_PER_REQUEST", 2)
    for number in range(5):
        sip.register(str(number), str(number))
        sip.add_call(str(number), caller=("1001", "Ada"), callee=("1002", "Grace"))
    assert len(daemon.snapshot().bindings) == 5
    assert len(daemon.snapshot().calls) == 5
    assert (sip.asked["binding.list"], sip.asked["call.list"]) == (3, 3)
