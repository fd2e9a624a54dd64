"""What becomes an event of the database and of supervisor."""

from __future__ import annotations

from typing import cast

from appliance.event_stream.sources import Alarms, ProcessStates
from appliance.operations.events import record_event
from appliance.supervision.client import Process, SupervisorClient, SupervisorUnreachable
from tests.support.appliance import Office


def alarm(office: Office, message: str) -> None:
    record_event(office.appliance.folder.database, severity="error", source="sip", kind="x", message=message)


def test_what_is_there_at_the_start_is_no_news(office: Office) -> None:
    alarm(office, "old")
    assert Alarms().look() == []


class Supervisor:
    """Runs what it is told."""

    def __init__(self) -> None:
        self.running: dict[str, tuple[str, int]] | None = {"sip": ("RUNNING", 1), "admin": ("RUNNING", 2)}

    def processes(self) -> tuple[Process, ...]:
        if self.running is None:
            raise SupervisorUnreachable("away")
        return tuple(Process(name, state, pid, 100, "") for name, (state, pid) in self.running.items())


def test_a_program_that_ends_and_one_that_starts_again_are_told() -> None:
    supervisor = Supervisor()
    states = ProcessStates(cast(SupervisorClient, supervisor))
    assert states.look() == states.look() == []
    supervisor.running = {"sip": ("EXITED", 0), "admin": ("RUNNING", 2)}
    (event,) = states.look()
    assert (event.kind, event.data["name"], event.data["state"]) == ("process", "sip", "EXITED")
    supervisor.running = {"sip": ("RUNNING", 3), "admin": ("RUNNING", 4)}
    assert [event.data["name"] for event in states.look()] == ["sip", "admin"]


def test_a_supervisor_that_is_away_is_no_news() -> None:
    supervisor = Supervisor()
    states = ProcessStates(cast(SupervisorClient, supervisor))
    states.look()
    supervisor.running = None
    assert states.look() == []
    supervisor.running = {"sip": ("RUNNING", 1), "admin": ("RUNNING", 2)}
    assert states.look() == []
