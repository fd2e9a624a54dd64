"""`gosip up`, `down`, `status` and `log`: the system as a whole."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from appliance.control.client import ControlClient, ControlError
from appliance.errors import ApplianceError
from appliance.folders import DataFolder
from appliance.operations.context import Context
from appliance.operations.setup_codes import new_setup_code
from appliance.operations.users import needs_set_up
from appliance.settings import Settings
from appliance.supervision import lifecycle
from appliance.supervision.client import SupervisorClient, SupervisorUnreachable
from appliance.supervision.readiness import Check

FOLLOW_SECONDS = 0.25
NOT_RUNNING = 3
"""Exit code of a verb that needs a running system and found none."""


@click.command()
@click.option("--data-dir", type=click.Path(file_okay=False), help="The data folder; GOSIP_DATA_DIR, else ./data.")
@click.option("--detach", is_flag=True, help="Return as soon as everything answers, and leave the system running.")
@click.option("--json", "as_json", is_flag=True, help="Print addresses and set-up code as JSON.")
@click.pass_context
def up(context: click.Context, data_dir: str | None, detach: bool, as_json: bool) -> None:
    """Start the whole system.

    Makes the data folder, key, database and a first certificate where they are missing, starts every program under
    supervisor and waits until each of them answers. Prints the address of the admin page, and a one-time set-up code
    for as long as there is no administrator.

    \b
    gosip up                       in the foreground; Ctrl-C stops it in order
    gosip up --detach              returns when everything answers; `gosip down` stops it
    GOSIP_SIP_PORT=5070 gosip up --data-dir /srv/second    a second system beside the first

    Exit codes: 0 stopped or, with --detach, ready; 1 it could not be started, with the reason.
    """
    settings = Settings.from_environment(data_dir)
    folder = settings.folder
    if SupervisorClient(folder.supervisor_socket).is_reachable():
        raise_unless(detach, f"GoSIP is already running in {folder.path}. Stop it first: gosip down")
        if as_json:
            click.echo(json.dumps({"running": True, "was_running": True, "data_dir": str(folder.path)}))
        else:
            click.echo(f"GoSIP is already running in {folder.path}.")
        return
    for note in settings.notes:
        click.echo(f"Note: {note}", err=True)
    started = time.monotonic()
    plan = lifecycle.prepare(settings)
    lifecycle.check_ports(settings)
    process = lifecycle.start(plan)
    try:
        lifecycle.wait_until_ready(plan, process, progress=tell_progress)
    except (ApplianceError, KeyboardInterrupt):
        stop_started(process)
        raise
    report = ready_report(plan, time.monotonic() - started)
    if as_json:
        click.echo(json.dumps(report))
    else:
        announce(report)
    if not detach:
        context.exit(stay(process))


def raise_unless(condition: bool, text: str) -> None:
    if not condition:
        raise lifecycle.StartRefused(text)


def tell_progress(check: Check) -> None:
    click.echo(f"  {check.name} answers", err=True)


def ready_report(plan: lifecycle.Plan, seconds: float) -> dict[str, Any]:
    """What the person, or the script, needs next."""
    code = new_setup_code(Context.of_command_line(plan.appliance)).reveal() if needs_set_up() else None
    return {
        "running": True,
        "was_running": False,
        "ready_after_seconds": round(seconds, 2),
        "admin_urls": list(plan.admin_urls),
        "setup_code": code,
        "data_dir": str(plan.folder.path),
    }


def announce(report: dict[str, Any]) -> None:
    click.echo(f"GoSIP is ready ({report['ready_after_seconds']:.1f} s).")
    for index, url in enumerate(report["admin_urls"]):
        click.echo(f"  {'Admin page:' if index == 0 else '':<12} {url}")
    if report["setup_code"] is not None:
        hint = "(one use, valid for 24 hours; `gosip admin reset` makes another)"
        click.echo(f"  Set-up code: {report['setup_code']}   {hint}")
    click.echo(f"  Data folder: {report['data_dir']}")


def stay(process: subprocess.Popen[bytes]) -> int:
    """In the foreground: until Ctrl-C, SIGTERM or the end of supervisor. Returns the exit code."""
    click.echo("Press Ctrl-C to stop.", err=True)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        click.echo("\nStopping ...", err=True)
        stop_started(process)
        click.echo("Stopped.", err=True)
        return 0
    # `gosip down` from another terminal ends supervisor with 0: that is a stop, not a failure.
    return code


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def stop_started(process: subprocess.Popen[bytes]) -> None:
    """Stop what this command started, whether supervisor answers already or not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait()


@click.command()
@click.option("--data-dir", type=click.Path(file_okay=False), help="The data folder; GOSIP_DATA_DIR, else ./data.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def down(data_dir: str | None, as_json: bool) -> None:
    """Stop the system in order.

    Live calls end, what is still to be written is written, then the programs end one after the other.

    \b
    gosip down
    gosip down --data-dir /srv/second

    Exit codes: 0 stopped, or nothing ran; 1 a program did not end in time.
    """
    folder = DataFolder.at(data_dir or Settings.load(data_dir).data_dir)
    was_running = lifecycle.stop(folder)
    if as_json:
        click.echo(json.dumps({"stopped": was_running}))
    else:
        click.echo("Stopped." if was_running else f"Nothing runs in {folder.path}.")


@click.command()
@click.option("--data-dir", type=click.Path(file_okay=False), help="The data folder; GOSIP_DATA_DIR, else ./data.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_context
def status(context: click.Context, data_dir: str | None, as_json: bool) -> None:
    """Show what runs: programs, SIP listeners, phones, calls and media ports.

    \b
    gosip status
    gosip status --json

    Exit codes: 0 it runs; 1 a program or listener is down; 3 nothing runs.
    """
    folder = DataFolder.at(data_dir or Settings.load(data_dir).data_dir)
    report = status_report(folder)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        for line in status_lines(report):
            click.echo(line)
    context.exit(status_code(report))


def status_report(folder: DataFolder) -> dict[str, Any]:
    """Everything that can be known from outside; a part that does not answer is None."""
    try:
        processes = SupervisorClient(folder.supervisor_socket).processes()
    except SupervisorUnreachable:
        return {"running": False, "data_dir": str(folder.path), "processes": [], "sip": None}
    return {
        "running": True,
        "data_dir": str(folder.path),
        "processes": [
            {
                "name": process.name,
                "state": process.state,
                "pid": process.pid,
                "started_at": process.started_at,
                "description": process.description,
            }
            for process in processes
        ],
        "sip": sip_status(folder),
    }


def sip_status(folder: DataFolder) -> dict[str, Any] | None:
    try:
        result: dict[str, Any] = ControlClient(folder.sip_socket).call("status")
    except ControlError:
        return None
    return result


def status_lines(report: dict[str, Any]) -> Iterator[str]:
    if not report["running"]:
        yield f"Nothing runs in {report['data_dir']}. Start it: gosip up"
        return
    yield "Programs"
    for process in report["processes"]:
        yield f"  {process['name']:<16} {process['state']:<10} {process['description']}"
    sip = report["sip"]
    if sip is None:
        yield "The signalling does not answer. See: gosip log sip"
        return
    yield "Listeners"
    for listener in sip["listeners"]:
        place = f"{listener['address']}:{listener['port']}"
        yield f"  {listener['transport']:<5} {place:<24} {listener['error'] or 'listens'}"
    yield "Media"
    for worker in sip["media"]:
        load = f"{worker['sessions']} sessions, {worker['ports_free']} port pairs free"
        yield f"  worker {worker['worker']}: {worker['state']}, {load}"
    counts = sip["counts"]
    yield f"Phones online: {counts['devices_online']}   Calls: {counts['calls']}"
    if sip["store"]["last_error"]:
        yield f"Waiting to be written: {sip['store']['backlog']}. {sip['store']['last_error']}"


def status_code(report: dict[str, Any]) -> int:
    if not report["running"]:
        return NOT_RUNNING
    sip = report["sip"]
    healthy = sip is not None and all(listener["state"] != "failed" for listener in sip["listeners"])
    # supervisor says STARTING for the first second of a process, which may answer long before.
    return 0 if healthy and all(process["state"] in ("RUNNING", "STARTING") for process in report["processes"]) else 1


@click.command()
@click.argument("name", required=False)
@click.option("--data-dir", type=click.Path(file_okay=False), help="The data folder; GOSIP_DATA_DIR, else ./data.")
@click.option("-n", "--lines", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print each line as a JSON object with program and text.")
def log(name: str | None, data_dir: str | None, lines: int, follow: bool, as_json: bool) -> None:
    """Show what the programs say; all of them, or the one with this NAME.

    \b
    gosip log                  the last lines of every program
    gosip log sip -f           follow the signalling
    gosip log media-0 -n 500

    Exit codes: 0; 2 there is no program of that name.
    """
    folder = DataFolder.at(data_dir or Settings.load(data_dir).data_dir)
    paths = log_files(folder, name)
    for path in paths:
        for line in last_lines(path, lines):
            print_log_line(path, line, several=len(paths) > 1, as_json=as_json)
    if follow:
        try:
            follow_files(paths, as_json=as_json)
        except KeyboardInterrupt:
            sys.exit(0)


def log_files(folder: DataFolder, name: str | None) -> list[Path]:
    known = {path.stem: path for path in sorted(folder.logs.glob("*.log"))}
    if name is None:
        return list(known.values())
    if name not in known:
        raise click.UsageError(f"There is no log of {name!r}. There are: {', '.join(known) or 'none yet'}.")
    return [known[name]]


def last_lines(path: Path, count: int) -> list[str]:
    with path.open(errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, maxlen=count)]


def print_log_line(path: Path, line: str, *, several: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"program": path.stem, "text": line}))
    else:
        click.echo(f"{path.stem:<12} {line}" if several else line)


def follow_files(paths: list[Path], *, as_json: bool) -> None:
    """What is appended; a file that was rotated away is taken up anew from its start."""
    positions = {path: path.stat().st_size for path in paths}
    while True:
        for path in paths:
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue  # between the rename and the creation of a rotation
            if size < positions[path]:
                positions[path] = 0
            if size == positions[path]:
                continue
            with path.open("rb") as file:
                file.seek(positions[path])
                data = file.read()
            complete = data.rpartition(b"\n")[0]
            if complete:
                positions[path] += len(complete) + 1
                for line in complete.decode(errors="replace").split("\n"):
                    print_log_line(path, line, several=len(paths) > 1, as_json=as_json)
        time.sleep(FOLLOW_SECONDS)
