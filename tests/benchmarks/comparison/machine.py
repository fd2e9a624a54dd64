"""The machine that is measured on: which cores for whom, and a description without names."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def server_core() -> int | None:
    """Where everything that is measured runs; None on a machine with one core, where nothing is pinned."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0] if len(cores) > 1 else None


def load_core() -> int | None:
    cores = sorted(os.sched_getaffinity(0))
    return cores[1] if len(cores) > 1 else None


def pinned(command: list[str], core: int | None) -> list[str]:
    """The command, kept on one core; `taskset` becomes the program itself, so the process id is the program's."""
    return command if core is None else ["taskset", "-c", str(core), *command]


def describe() -> str:
    """One sentence: processor, cores, memory, system, Python."""
    cores = len(os.sched_getaffinity(0))
    parts = [
        f"{cores} core{'s' if cores != 1 else ''} of {processor()}",
        f"{memory_gib():.0f} GiB of memory",
        f"Linux {platform.release().split('-')[0]}",
        system(),
        f"Python {platform.python_version()}",
    ]
    return ", ".join(part for part in parts if part)


def load_average() -> float:
    """How busy the machine was in the last minute: above 0.5 before a run, the figures are in doubt."""
    return os.getloadavg()[0]


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return ""
