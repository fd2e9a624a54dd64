"""What this system is made of, what runs, and what it answers."""

from __future__ import annotations

import platform
import sqlite3
import ssl
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from typing import Any

from appliance import __version__
from appliance.control.client import ControlClient, ControlError
from appliance.errors import ApplianceError
from appliance.folders import DataFolder
from appliance.settings import SETTINGS
from appliance.supervision.client import SupervisorClient
from appliance.supervision.readiness import check_admin
from appliance.support.scene import PROBE_SECONDS, Content, Scene

PROBES_AT_ONCE = 16


def versions(scene: Scene) -> Content:
    packages = {found.metadata["Name"]: found.version for found in distributions()}
    return scene.facts(
        {
            "gosip": __version__,
            "python": sys.version,
            "implementation": platform.python_implementation(),
            "sqlite": sqlite3.sqlite_version,
            "openssl": ssl.OPENSSL_VERSION,
            "packages": dict(sorted(packages.items())),
        }
    )


def settings(scene: Scene) -> Content:
    """Every setting with the source of its value; of a secret only whether it is set."""
    known = scene.settings
    rows = {
        name: {"value": known.shown(name), "source": known.source(name)}
        for name, setting in SETTINGS.items()
        if setting.is_offered
    }
    return scene.facts({"settings": rows, "notes": known.notes})


def status(scene: Scene) -> Content:
    """What each program answers; where none comes, why. All are asked at the same time."""
    folder, workers = scene.folder, scene.settings.media_workers
    host = scene.settings.bind_address or "127.0.0.1"
    questions: dict[str, Callable[[], Any]] = {
        "supervisor": lambda: processes(folder),
        "sip": lambda: ask(folder.sip_socket, "status"),
        "events": lambda: ask(folder.events_socket, "status"),
        "admin": lambda: answered(host, scene.settings.https_port),
        **{f"media-{index}": media_question(folder, index) for index in range(workers)},
    }
    from concurrent.futures import ThreadPoolExecutor  # as for `tarfile`

    with ThreadPoolExecutor(PROBES_AT_ONCE) as threads:
        answers = {name: threads.submit(attempt, question) for name, question in questions.items()}
        return scene.facts({name: answer.result() for name, answer in answers.items()})


def attempt(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except ApplianceError as error:
        return {"error": str(error)}


def ask(path: Any, method: str, **params: Any) -> Any:
    """Raises `ControlError`."""
    return ControlClient(path, timeout=PROBE_SECONDS).call(method, params)


def media_question(folder: DataFolder, index: int) -> Callable[[], Any]:
    return lambda: ask(folder.media_socket(index), "worker.status")


def answered(host: str, port: int) -> Any:
    check = check_admin(host, port)
    if not check.is_ready:
        raise ControlError(check.reason)
    return {"answers": True}


def processes(folder: DataFolder) -> list[dict[str, Any]]:
    rows = SupervisorClient(folder.supervisor_socket, timeout=PROBE_SECONDS).processes()
    return [
        {"name": row.name, "state": row.state, "pid": row.pid, "started_at": row.started_at, "says": row.description}
        for row in rows
    ]
