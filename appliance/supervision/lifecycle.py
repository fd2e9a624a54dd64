"""From nothing to a running system, and back: what `gosip up` and `gosip down` do.

`prepare` makes the data folder, key, database and certificate and writes the configuration of supervisor and nginx;
`start` runs supervisord; `wait_until_ready` asks until everything answers. Each step may be repeated at any time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.addresses import host_names, local_addresses, on_link_networks, reachable_addresses
from appliance.certificates.deployment import write_nginx_pairs
from appliance.certificates.selfsigned import ensure_self_signed
from appliance.certificates.store import CertificateStore
from appliance.errors import ApplianceError
from appliance.folders import DataFolder, write_private
from appliance.operations.certificates import tell_of_expired
from appliance.operations.context import Appliance, Context
from appliance.settings import Settings, record_environment
from appliance.supervision.client import SupervisorClient, SupervisorUnreachable
from appliance.supervision.programs import (
    Program,
    standard_programs,
    stop_limit,
    supervisor_configuration,
    watchdog_command,
)
from appliance.supervision.readiness import Check, Expectation, check_all
from appliance.supervision.web_server import WebServer, allowed_networks, nginx_configuration

POLL_SECONDS = 0.05
READY_SECONDS = 60.0
LEFTOVER_SECONDS = 3.0
CODE = Path(__file__).parent.parent.parent
"""The folder that holds our packages."""


class StartRefused(ApplianceError):
    """The system cannot be started as configured; the text says what to change."""


class NotReady(ApplianceError):
    """It was started and does not answer; the text says what does not, and why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One system: its folder, settings and programs."""

    appliance: Appliance
    programs: tuple[Program, ...]

    @classmethod
    def of(cls, appliance: Appliance) -> Plan:
        programs = standard_programs(
            appliance.folder,
            python=sys.executable,
            nginx=find_nginx(),
            media_workers=appliance.settings.media_workers,
        )
        return cls(appliance, programs)

    @property
    def settings(self) -> Settings:
        return self.appliance.settings

    @property
    def folder(self) -> DataFolder:
        return self.appliance.folder

    @property
    def admin_host(self) -> str:
        """Where this machine itself reaches the admin."""
        return self.settings.bind_address or "127.0.0.1"

    @property
    def admin_urls(self) -> tuple[str, ...]:
        """What a person may type into a browser."""
        hosts = (self.settings.bind_address,) if self.settings.bind_address else reachable_addresses()
        port = "" if self.settings.https_port == 443 else f":{self.settings.https_port}"
        return tuple(f"https://{f'[{host}]' if ':' in host else host}{port}/" for host in hosts)

    @property
    def expectation(self) -> Expectation:
        return Expectation(self.folder, self.settings.media_workers, self.admin_host, self.settings.https_port)


def find_nginx() -> str:
    # /usr/sbin is not in the PATH of an ordinary Debian user.
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise StartRefused("nginx is not installed. Install it: apt-get install --no-install-recommends nginx-light")
    return found


def prepare(settings: Settings) -> Plan:
    """Make everything that the programs need. Raises `StartRefused` and the errors of database, key and certificate."""
    folder = settings.folder
    end_leftovers(folder)
    if folder.is_too_deep_for_sockets:
        raise StartRefused(
            f"The path of the data folder is too long for sockets: {folder.path}. Use one of fewer than 70 characters."
        )
    try:
        folder.create()
    except OSError as error:
        raise StartRefused(
            f"The data folder {folder.path} cannot be used: {error.strerror}. Choose another one with --data-dir."
        ) from error
    appliance = Appliance.open(settings)
    record_environment(folder, settings)
    ensure_self_signed(CertificateStore(folder.certificates), own_names(settings), now=datetime.now(UTC))
    tell_of_expired(Context.of_command_line(appliance))
    plan = Plan.of(appliance)
    write_private(folder.run / "supervisord.conf", supervisor_text(plan))
    write_private(folder.run / "nginx.conf", nginx_configuration(folder, web_server(plan)))
    return plan


def own_names(settings: Settings) -> list[str]:
    """All names and addresses under which a browser or phone may know this machine."""
    addresses = [entry.address for entry in local_addresses() if not entry.ip.is_link_local]
    return [settings.sip_domain, *host_names(), *addresses, settings.external_ip]


def supervisor_text(plan: Plan) -> str:
    # Nothing else of this shell's environment reaches the programs: they read the recorded variables.
    environment = {
        "GOSIP_DATA_DIR": str(plan.folder.path),
        "HOME": os.environ.get("HOME", str(plan.folder.path)),
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": str(CODE),
        **({"TZ": os.environ["TZ"]} if "TZ" in os.environ else {}),
    }
    return supervisor_configuration(
        plan.folder, plan.programs, watchdog=watchdog_command(sys.executable), environment=environment
    )


def web_server(plan: Plan) -> WebServer:
    settings = plan.settings
    return WebServer(
        bind_addresses=(settings.bind_address,) if settings.bind_address else (),
        http_port=settings.http_port,
        https_port=settings.https_port,
        certificates=write_nginx_pairs(plan.folder),
        static_files=CODE / "flask_admin_ui" / "static",
        networks=allowed_networks(on_link_networks(), settings.admin_networks),
        run_as_root=os.geteuid() == 0,
    )


def check_ports(settings: Settings) -> None:
    """Raises `StartRefused` with the names of all ports that another program holds."""
    taken = list(taken_ports(settings))
    if taken:
        raise StartRefused(
            "These ports are in use by another program: "
            + "; ".join(f"{port} ({what}, {variable})" for port, what, variable in taken)
            + ". Stop that program (`ss -lptun` shows it), or set the variable to another port."
        )


def taken_ports(settings: Settings) -> Iterator[tuple[int, str, str]]:
    tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
    wanted = (
        (settings.sip_port, udp, "SIP over UDP", "GOSIP_SIP_PORT"),
        (settings.sip_port, tcp, "SIP over TCP", "GOSIP_SIP_PORT"),
        (settings.http_port, tcp, "HTTP", "GOSIP_HTTP_PORT"),
        (settings.https_port, tcp, "the admin page", "GOSIP_HTTPS_PORT"),
    )
    host = settings.bind_address or "0.0.0.0"  # noqa: S104 - the probe binds what the programs will bind
    for port, kind, what, variable in wanted:
        reason = why_not_bindable(host, port, kind)
        if isinstance(reason, PermissionError):
            raise StartRefused(f"Port {port} ({what}) needs root. Set {variable} to a port above 1023.")
        if reason is not None:
            yield port, what, variable


def why_not_bindable(host: str, port: int, kind: socket.SocketKind) -> OSError | None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def end_leftovers(folder: DataFolder) -> None:
    """End processes of an earlier run of this folder that lost their supervisor and hold its ports.

    Our programs die with supervisord (see `programs.command_line`), but a worker of nginx does not die with a master
    that was killed. One of ours is known by its executable, by its working folder and by having no parent left.
    """
    pids = list(leftovers(folder))
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + LEFTOVER_SECONDS
        while pids := [pid for pid in pids if is_alive(pid)]:
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)


def leftovers(folder: DataFolder) -> Iterator[int]:
    executables = {Path(find_nginx()).resolve(), Path(sys.executable).resolve()}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            is_ours = (entry / "cwd").readlink() == folder.path and (entry / "exe").readlink() in executables
        except OSError:
            continue  # it ended meanwhile, or belongs to somebody else
        if is_ours and parent_of(entry) == 1:
            yield int(entry.name)


def parent_of(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def start(plan: Plan) -> subprocess.Popen[bytes]:
    """Run supervisord. It belongs to no terminal and outlives us, unless we stop it."""
    plan.folder.supervisor_socket.unlink(missing_ok=True)
    command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(plan.folder.run / "supervisord.conf")]
    with (plan.folder.logs / "start.log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=plan.folder.path,
            # In a session of its own: Ctrl-C reaches us alone, and we stop it in order.
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "PYTHONPATH": str(CODE)},
        )


def wait_until_ready(
    plan: Plan,
    process: subprocess.Popen[bytes],
    *,
    seconds: float = READY_SECONDS,
    progress: Callable[[Check], None],
) -> None:
    """Return when everything answers. Raises `NotReady`; `progress` is told each thing once, when it answers."""
    deadline = time.monotonic() + seconds
    told: set[str] = set()
    while True:
        checks = check_all(plan.expectation)
        for check in checks:
            if check.is_ready and check.name not in told:
                told.add(check.name)
                progress(check)
        missing = [check for check in checks if not check.is_ready]
        if not missing:
            return
        if process.poll() is not None:
            log = (plan.folder.logs / "start.log").read_text(errors="replace").strip()
            raise NotReady(f"supervisor ended by itself: {log[-500:] or 'it gave no reason'}")
        if time.monotonic() > deadline or any(check.is_hopeless for check in missing):
            raise NotReady(" ".join(check.reason for check in missing))
        time.sleep(POLL_SECONDS)


def stop(folder: DataFolder, *, seconds: float | None = None) -> bool:
    """Stop a running system gracefully; False when none runs. Raises `NotReady` when it does not end in time."""
    client = SupervisorClient(folder.supervisor_socket)
    try:
        pid = client.pid()
        client.shutdown()
    except SupervisorUnreachable:
        return False
    limit = seconds or stop_limit(standard_programs(folder, python="", nginx="", media_workers=1))
    deadline = time.monotonic() + limit
    while is_alive(pid):
        if time.monotonic() > deadline:
            raise NotReady(f"supervisor (process {pid}) did not end within {limit:.0f} seconds. See {folder.logs}.")
        time.sleep(POLL_SECONDS)
    return True


def is_alive(pid: int) -> bool:
    """Whether the process exists and is not just waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
