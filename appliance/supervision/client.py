"""Asking supervisor, through its unix socket, what runs; and telling it to start, stop or restart.

Only the programs of `programs.standard_programs` are named over this road: callers hand on names that came from
`processes()`, never text from a request.
"""

from __future__ import annotations

import http.client
import xmlrpc.client
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from appliance.errors import ApplianceError


class SupervisorUnreachable(ApplianceError):
    """Nobody answers on supervisor's socket: the system is not running."""


class SupervisorRefused(ApplianceError):
    """supervisor answered, and did not do it."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process as supervisor sees it."""

    name: str
    """As supervisor's interface takes it: `sip`, `media:media-0`."""
    state: str
    """STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL or UNKNOWN."""
    pid: int
    """0 when it does not run."""
    started_at: int
    """Unix seconds; 0 when it never ran."""
    description: str

    @property
    def is_running(self) -> bool:
        return self.state == "RUNNING"


class SupervisorClient:
    """One connection for each call: a call is rare, and a stopped supervisor must not leave a broken one behind."""

    def __init__(self, socket_path: Path, timeout: float | None = None) -> None:
        self._url = f"unix://{socket_path}"
        self._timeout = timeout
        """Seconds to wait for each answer; None waits as long as it takes, which stopping a program may."""

    def processes(self) -> tuple[Process, ...]:
        """All programs but the watchdog, in the order of starting. Raises `SupervisorUnreachable`."""
        rows = self._call(lambda proxy: proxy.supervisor.getAllProcessInfo())
        return tuple(process_from(row) for row in rows if row["name"] != "watchdog")

    def start(self, name: str) -> None:
        self._call(lambda proxy: proxy.supervisor.startProcess(name, False))

    def restart(self, name: str) -> None:
        """Stop and start; returns when it was stopped and started again."""
        try:
            self._call(lambda proxy: proxy.supervisor.stopProcess(name, True))
        except SupervisorRefused:
            pass  # it did not run
        self._call(lambda proxy: proxy.supervisor.startProcess(name, True))

    def shutdown(self) -> None:
        """Ask for a graceful stop of everything; returns at once."""
        self._call(lambda proxy: proxy.supervisor.shutdown())

    def pid(self) -> int:
        """The process id of supervisord."""
        return int(self._call(lambda proxy: proxy.supervisor.getPID()))

    def is_reachable(self) -> bool:
        try:
            self.pid()
        except SupervisorUnreachable:
            return False
        return True

    def _call(self, ask: Callable[[Any], Any]) -> Any:
        transport = SupervisorTransport(None, None, serverurl=self._url)
        if self._timeout is not None:
            transport._get_connection = patient_for(self._timeout, transport._get_connection)
        proxy = xmlrpc.client.ServerProxy("http://supervisor", transport=transport, allow_none=True)
        try:
            return ask(proxy)
        except xmlrpc.client.Fault as fault:
            raise SupervisorRefused(f"supervisor refused: {fault.faultString}") from fault
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise SupervisorUnreachable("The system is not running: supervisor does not answer.") from error
        finally:
            transport.close()


def patient_for(seconds: float, connect: Callable[[], Any]) -> Callable[[], Any]:
    """Connections that wait only so long: supervisor's own know no time-out."""

    def connected() -> Any:
        connection = connect()
        connection.connect()
        connection.sock.settimeout(seconds)
        return connection

    return connected


def process_from(row: dict[str, Any]) -> Process:
    name = row["name"] if row["group"] == row["name"] else f"{row['group']}:{row['name']}"
    return Process(name, row["statename"], int(row["pid"]), int(row["start"]), str(row["description"]))
