"""The watchdog: supervisor's event listener that makes a crash visible and never gives a program up.

supervisor restarts a program that exits, five times in a row; then the program is FATAL and nobody starts it again.
`Watchdog` is the policy, without a process or a clock: events in, lines to say and programs to start out. Programs
that stay down are tried again after 5, 10, 20, 40 and then every 60 seconds.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from appliance.folders import DataFolder
from appliance.operations.events import record_event
from appliance.supervision.client import SupervisorClient, SupervisorRefused, SupervisorUnreachable

FIRST_RETRY_SECONDS = 5.0
LAST_RETRY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know."""

    severity: str
    """`error`, `warning` or `info`, as the event table has it."""
    kind: str
    message: str
    program: str


@dataclass(slots=True)
class Trouble:
    """A program that is down."""

    retry_at: float
    delay: float = FIRST_RETRY_SECONDS


@dataclass(slots=True)
class Watchdog:
    """The policy. Feed it each event, and ask it after each for what is due."""

    troubles: dict[str, Trouble] = field(default_factory=dict)

    def receive(self, event: str, headers: dict[str, str], now: float) -> list[Notice]:
        """Take one event of supervisor; `headers` is its payload: `processname`, `groupname`, `expected` ..."""
        if not event.startswith("PROCESS_STATE_"):
            return []
        group, process = headers["groupname"], headers["processname"]
        name = process if group == process else f"{group}:{process}"
        match event.removeprefix("PROCESS_STATE_"):
            case "EXITED" if headers.get("expected") != "1":
                return [Notice("error", "program-crashed", f"The program {name} ended unexpectedly.", name)]
            case "FATAL":
                return [self._gave_up(name, now)]
            case "RUNNING" if self.troubles.pop(name, None) is not None:
                return [Notice("info", "program-recovered", f"The program {name} runs again.", name)]
        return []

    def due(self, now: float) -> list[str]:
        """The programs to start now; each is asked for again later until it runs."""
        names = [name for name, trouble in self.troubles.items() if trouble.retry_at <= now]
        for name in names:
            self._wait_longer(self.troubles[name], now)
        return names

    def _gave_up(self, name: str, now: float) -> Notice:
        trouble = self.troubles.get(name)
        if trouble is None:
            trouble = self.troubles[name] = Trouble(now + FIRST_RETRY_SECONDS)
        else:
            self._wait_longer(trouble, now)
        wait = round(trouble.retry_at - now)
        message = f"The program {name} could not be started, five times in a row. It is tried again in {wait} s."
        return Notice("error", "program-down", message, name)

    @staticmethod
    def _wait_longer(trouble: Trouble, now: float) -> None:
        trouble.delay = min(trouble.delay * 2, LAST_RETRY_SECONDS)
        trouble.retry_at = now + trouble.delay


def parse_headers(line: str) -> dict[str, str]:
    """`key:value key:value`, as supervisor writes both its header line and a state event's payload."""
    return dict(part.split(":", 1) for part in line.split() if ":" in part)


def listen(
    source: TextIO, sink: TextIO, handle: Callable[[str, dict[str, str]], None]
) -> None:  # pragma: no branch - ends with the input
    """Speak supervisor's listener protocol: READY, one event, RESULT, for as long as there is input."""
    while True:
        sink.write("READY\n")
        sink.flush()
        line = source.readline()
        if not line:
            return
        headers = parse_headers(line)
        payload = source.read(int(headers["len"]))
        handle(headers["eventname"], parse_headers(payload.split("\n", 1)[0]))
        sink.write("RESULT 2\nOK")
        sink.flush()


def main() -> None:
    """The program that supervisor runs; standard output belongs to its protocol, standard error is the log."""
    folder = DataFolder.at(os.environ["GOSIP_DATA_DIR"])
    supervisor = SupervisorClient(folder.supervisor_socket)
    watchdog = Watchdog()

    def handle(event: str, headers: dict[str, str]) -> None:
        now = time.monotonic()
        for notice in watchdog.receive(event, headers, now):
            say(notice.message)
            try:
                record_event(
                    folder.database, severity=notice.severity, source="watchdog", kind=notice.kind,
                    message=notice.message, detail={"program": notice.program},
                )  # fmt: skip
            except Exception as error:  # the database may be what is broken: a watchdog goes on
                say(f"the event could not be stored: {error}")
        for name in watchdog.due(now):
            try:
                supervisor.start(name)
                say(f"starting {name} again")
            except (SupervisorRefused, SupervisorUnreachable) as error:
                say(f"{name} could not be started: {error}")

    listen(sys.stdin, sys.stdout, handle)


def say(text: str) -> None:
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
