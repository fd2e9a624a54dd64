"""Whether the system answers: not that processes exist, but that each of their sockets does what it is there for."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection

from appliance.control.client import ControlClient, ControlError
from appliance.folders import DataFolder
from appliance.supervision.client import Process, SupervisorClient, SupervisorUnreachable

PROBE_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to answer."""

    name: str
    is_ready: bool
    reason: str = ""
    """Why not, in words, when it does not."""
    is_hopeless: bool = False
    """Whether waiting longer will not help."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a running system of this configuration answers on."""

    folder: DataFolder
    media_workers: int
    admin_host: str
    """An address at which this machine reaches the admin."""
    https_port: int


def check_all(expected: Expectation) -> list[Check]:
    """One look at everything, in the order in which things start."""
    return [
        check_supervisor(expected.folder),
        *(check_media(expected.folder, index) for index in range(expected.media_workers)),
        check_sip(expected.folder),
        check_events(expected.folder),
        check_admin(expected.admin_host, expected.https_port),
    ]


def check_supervisor(folder: DataFolder) -> Check:
    try:
        processes = SupervisorClient(folder.supervisor_socket).processes()
    except SupervisorUnreachable as error:
        return Check("supervisor", False, str(error))
    down = [process for process in processes if process.state in ("FATAL", "BACKOFF", "EXITED")]
    if not down:
        return Check("supervisor", True)
    reasons = " ".join(
        f"The program {process.name} does not stay up: {last_words(folder, process)}" for process in down
    )
    return Check("supervisor", False, reasons, is_hopeless=any(process.state == "FATAL" for process in down))


def last_words(folder: DataFolder, process: Process) -> str:
    """The last line of its log: what it said before it ended."""
    name = process.name.rpartition(":")[2]
    try:
        lines = (folder.logs / f"{name}.log").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else f"{process.description}; it said nothing."


def check_sip(folder: DataFolder) -> Check:
    def ask() -> str:
        status = ControlClient(folder.sip_socket, timeout=PROBE_TIMEOUT).call("status")
        failed = [listener for listener in status["listeners"] if listener["state"] == "failed"]
        return "; ".join(str(listener["error"]) for listener in failed)

    return control_check("sip", ask)


def check_media(folder: DataFolder, index: int) -> Check:
    def ask() -> str:
        ControlClient(folder.media_socket(index), timeout=PROBE_TIMEOUT).call("worker.status")
        return ""

    return control_check(f"media-{index}", ask)


def check_events(folder: DataFolder) -> Check:
    def ask() -> str:
        ControlClient(folder.events_socket, timeout=PROBE_TIMEOUT).call("status")
        return ""

    return control_check("events", ask)


def control_check(name: str, ask: Callable[[], str]) -> Check:
    """`ask` gives the reason why the program is not ready; empty when it is."""
    try:
        reason = ask()
    except ControlError as error:
        return Check(name, False, f"The program {name} does not answer: {error}")
    return Check(name, not reason, reason)


def check_admin(host: str, port: int) -> Check:
    """The admin through nginx, as a browser reaches it. The certificate is ours: its trust is not the question here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = HTTPSConnection(host, port, timeout=PROBE_TIMEOUT, context=context)
    try:
        connection.request("GET", "/api/health/live")
        response = connection.getresponse()
        body = response.read()
    except (OSError, HTTPException) as error:
        return Check("admin", False, f"The admin page does not answer on {host}:{port}: {error}")
    finally:
        connection.close()
    if response.status >= 500:
        return Check("admin", False, f"The admin page answers {response.status}: {summary(body)}")
    return Check("admin", True)


def summary(body: bytes) -> str:
    try:
        return str(json.loads(body).get("detail", ""))
    except (ValueError, AttributeError):
        return "it is still starting" if b"starting" in body else ""
