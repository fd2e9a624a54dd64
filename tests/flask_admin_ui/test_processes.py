"""The programs as supervisor sees them."""

from __future__ import annotations

import pytest

from appliance.supervision.client import Process, SupervisorUnreachable
from flask_admin_ui.processes import KEEP_SECONDS, Processes, UnknownProcess


class StandInSupervisor:
    def __init__(self) -> None:
        self.asked = 0
        self.restarted: list[str] = []
        self.reachable = True
        self.rows = (
            Process("sip", "RUNNING", 7, 1000, ""),
            Process("media:media-0", "BACKOFF", 0, 1000, "exited too quickly"),
        )

    def processes(self) -> tuple[Process, ...]:
        self.asked += 1
        if not self.reachable:
            raise SupervisorUnreachable("The system is not running.")
        return self.rows

    def restart(self, name: str) -> None:
        self.restarted.append(name)


class ManualClock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_counts_what_runs() -> None:
    found = Processes(StandInSupervisor()).list()
    assert (found.running, found.all_running) == (1, False)


def test_asks_supervisor_at_most_every_two_seconds() -> None:
    supervisor, clock = StandInSupervisor(), ManualClock()
    processes = Processes(supervisor, clock)
    processes.list()
    processes.list()
    assert supervisor.asked == 1
    clock.now += KEEP_SECONDS
    processes.list()
    assert supervisor.asked == 2


def test_a_supervisor_that_does_not_answer_is_a_state() -> None:
    supervisor = StandInSupervisor()
    supervisor.reachable = False
    found = Processes(supervisor).list()
    assert not found.reachable
    assert found.reason == "The system is not running."


def test_restarts_only_what_supervisor_lists() -> None:
    supervisor = StandInSupervisor()
    processes = Processes(supervisor)
    processes.restart("media:media-0")
    with pytest.raises(UnknownProcess):
        processes.restart("all; rm")
    assert supervisor.restarted == ["media:media-0"]
