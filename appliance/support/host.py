"""The machine: what the kernel says of itself, of our processes and of who listens where."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.addresses import local_addresses
from appliance.supervision.client import SupervisorClient, SupervisorUnreachable
from appliance.support.scene import PROBE_SECONDS, Content, Scene

PROC = Path("/proc")
MEMORY = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
TIMEX_BYTES = 512
"""More than any kernel's `struct timex`."""
TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
TCP_LISTEN = "0A"
UDP_OPEN = "07"
TABLES = (("tcp", TCP_LISTEN), ("tcp6", TCP_LISTEN), ("udp", UDP_OPEN), ("udp6", UDP_OPEN))
MAX_LISTENERS = 4000


def facts(scene: Scene) -> Content:
    disk = shutil.disk_usage(scene.folder.path)
    return scene.facts(
        {
            "kernel": " ".join(platform.uname()[index] for index in (0, 2, 3, 4)),
            "system": named_lines("/etc/os-release", "="),
            "cores": os.cpu_count(),
            "cores_for_us": len(os.sched_getaffinity(0)),
            "load": os.getloadavg(),
            "up_seconds": round(time.clock_gettime(time.CLOCK_BOOTTIME)),
            "memory": {name: value for name, value in named_lines("/proc/meminfo", ":").items() if name in MEMORY},
            "disk": {"total": disk.total, "free": disk.free},
            "open_files_allowed": first_line("/proc/sys/fs/file-max"),
            "receive_buffer_limit": first_line("/proc/sys/net/core/rmem_max"),
            "addresses": [f"{one.address}/{one.prefix} {one.interface}" for one in local_addresses()],
            "time": {"utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "zone": time.tzname, **time_sync()},
        }
    )


def named_lines(path: str, separator: str) -> dict[str, str]:
    lines = [line.partition(separator) for line in text_of(Path(path)).splitlines()]
    return {name: value.strip().strip('"') for name, found, value in lines if found}


def first_line(path: str) -> str:
    return text_of(Path(path)).strip()


def text_of(path: Path) -> str:
    """What there is to read; empty where there is nothing, or not for us."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def time_sync() -> dict[str, Any]:
    """Whether somebody keeps the kernel's clock, if the kernel tells."""
    import ctypes  # as for `tarfile`

    with contextlib.suppress(OSError, AttributeError):
        answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
        if answer >= 0:
            return {"synchronised": answer != TIME_ERROR}
    return {"synchronised": None}


# ---------------------------------------------------------------- processes


def processes(scene: Scene) -> Content:
    """Ours: supervisor and all that it started, with memory and processor time."""
    try:
        root = SupervisorClient(scene.folder.supervisor_socket, timeout=PROBE_SECONDS).pid()
    except SupervisorUnreachable as error:
        return scene.facts({"error": str(error)})
    return scene.facts({"processes": [described(pid) for pid in family(root)]})


def family(root: int) -> list[int]:
    parents = {int(path.name): parent_of(path) for path in PROC.glob("[0-9]*")}
    found = [root]
    for pid in found:
        found += sorted(child for child, parent in parents.items() if parent == pid)
    return found


def parent_of(path: Path) -> int:
    # The name stands in brackets and may contain anything, brackets too.
    fields = text_of(path / "stat").rpartition(")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def described(pid: int) -> dict[str, Any]:
    path = PROC / str(pid)
    state = named_lines(str(path / "status"), ":")
    fields = text_of(path / "stat").rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return {
        "pid": pid,
        "command": text_of(path / "cmdline").replace("\0", " ").strip()[:500],
        "state": state.get("State", "gone"),
        "memory": state.get("VmRSS", ""),
        "peak_memory": state.get("VmHWM", ""),
        "threads": state.get("Threads", ""),
        "processor_seconds": round((int(fields[11]) + int(fields[12])) / ticks, 2) if len(fields) > 12 else None,
        "open_files": len(descriptors(path)),
    }


def descriptors(path: Path) -> list[str]:
    """What its file descriptors lead to."""
    found = []
    with contextlib.suppress(OSError):
        for link in (path / "fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(str(link.readlink()))
    return found


# ---------------------------------------------------------------- listeners


def listeners(scene: Scene) -> Content:
    """Every socket of this machine on which somebody listens, with the process where we may see it."""
    owners = owners_of_sockets()
    found = [row | {"process": owners.get(row.pop("inode"), "")} for row in open_sockets()]
    return scene.facts({"sockets": found[:MAX_LISTENERS], "total": len(found)})


def owners_of_sockets() -> dict[str, str]:
    owners = {}
    for path in PROC.glob("[0-9]*"):
        for target in descriptors(path):
            if target.startswith("socket:["):
                owners[target[8:-1]] = f"{path.name} {text_of(path / 'comm').strip()}"
    return owners


def open_sockets() -> Iterator[dict[str, Any]]:
    for table, wanted in TABLES:
        for line in text_of(PROC / "net" / table).splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == wanted:
                address, _, port = fields[1].partition(":")
                yield {
                    "protocol": table,
                    "address": address_of(address),
                    "port": int(port, 16),
                    "waiting": int(fields[4].partition(":")[2], 16),
                    "inode": fields[9],
                }


def address_of(text: str) -> str:
    """The kernel writes an address as words of 32 bits in the order of this machine."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))
