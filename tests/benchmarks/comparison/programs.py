"""A program that is measured: started on its core, its CPU time and memory read from /proc, ended by its process id."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from tests.benchmarks.comparison.machine import pinned, server_core

TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 15.0
STOP_SECONDS = 10.0


class ProgramError(Exception):
    """A server or a generator did not do what it should; the sentence says which and what."""


class Program:
    """One process and its children. Use it as a context manager, or call `start` and `stop`."""

    def __init__(self, name: str, command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._command = pinned(command, server_core())
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Program:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def wait_until(self, answers: Callable[[], bool], pause: float = 0.02) -> None:
        """Raises `ProgramError` with the end of its log when it ends, or does not answer in time."""
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            assert self._process is not None
            if self._process.poll() is not None:
                raise ProgramError(f"{self.name} ended at once: {self.last_words()}")
            if time.monotonic() > deadline:
                raise ProgramError(f"{self.name} does not answer: {self.last_words()}")
            time.sleep(pause)

    def stop(self) -> None:
        """SIGTERM to it, and SIGKILL to it and what it started when that does not help."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)
        self._process = None

    def last_words(self) -> str:
        return self._log.read_text(errors="replace")[-600:].strip()

    def processes(self) -> list[int]:
        """It and its children."""
        return with_children(self.pid)

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for pid in self.processes())

    def memory_kib(self) -> float:
        return sum(memory_kib(pid) for pid in self.processes())

    def descriptors(self) -> int:
        return sum(descriptors(pid) for pid in self.processes())


def with_children(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for path in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in path.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of all its threads: from schedstat, which counts nanoseconds, where the kernel has it."""
    with suppress(OSError, ValueError, IndexError):
        return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kib(pid: int) -> float:
    """Proportional set size of what it has written, shared memory included.

    Pages of program files are left out: what falls on a process of those changes with every other program that
    happens to run.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
