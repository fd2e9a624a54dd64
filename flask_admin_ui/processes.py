"""The programs that supervisor runs, as pages and the API show them.

Read at most every two seconds for all viewers. A supervisor that does not answer is a state with a reason. Names are
compared with what supervisor itself lists before anything is done with them: text from a request never reaches it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appliance.supervision.client import Process, SupervisorClient, SupervisorUnreachable

KEEP_SECONDS = 2.0


class Supervisor(Protocol):
    """What is needed of `SupervisorClient`."""

    def processes(self) -> tuple[Process, ...]: ...

    def restart(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class ProcessList:
    """All programs at one moment; `reason` says why there are none to show."""

    rows: tuple[Process, ...] = ()
    reason: str = ""

    @property
    def reachable(self) -> bool:
        return not self.reason

    @property
    def running(self) -> int:
        return sum(1 for process in self.rows if process.is_running)

    @property
    def all_running(self) -> bool:
        return bool(self.rows) and self.running == len(self.rows)


class UnknownProcess(Exception):
    """supervisor runs no program of that name."""


class Processes:
    """Safe for concurrent threads. `clock` counts seconds."""

    def __init__(self, supervisor: Supervisor, clock: Callable[[], float] = time.monotonic) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._lock = threading.Lock()
        self._known = ProcessList(reason="unknown")
        self._fresh_until = float("-inf")

    @classmethod
    def at(cls, socket_path: Path) -> Processes:
        """Those of the supervisor that listens there."""
        return cls(SupervisorClient(socket_path))

    def list(self) -> ProcessList:
        """The state of at most two seconds ago."""
        with self._lock:
            if self._clock() >= self._fresh_until:
                self._known = self._read()
                self._fresh_until = self._clock() + KEEP_SECONDS
            return self._known

    def restart(self, name: str) -> None:
        """Stop and start one program. Raises `UnknownProcess`, `SupervisorUnreachable`, `SupervisorRefused`."""
        known = next((process.name for process in self._supervisor.processes() if process.name == name), None)
        if known is None:
            raise UnknownProcess(name)
        self._supervisor.restart(known)
        self._fresh_until = float("-inf")

    def expire_before(self, moment: float) -> None:
        """Something happened at that moment of our clock: what was read earlier is too old."""
        if moment > self._fresh_until - KEEP_SECONDS:
            self._fresh_until = float("-inf")

    def _read(self) -> ProcessList:
        try:
            return ProcessList(self._supervisor.processes())
        except SupervisorUnreachable as error:
            return ProcessList(reason=str(error))
