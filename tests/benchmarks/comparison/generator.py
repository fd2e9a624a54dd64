"""The load generators, in C: built at the start of a run, kept on a core of their own, their counts checked."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.benchmarks.comparison.machine import load_core, pinned
from tests.benchmarks.comparison.programs import ProgramError

SOURCES = Path(__file__).parents[1]
FLAGS = ["-O2", "-Wall", "-Wextra"]
PATIENCE_SECONDS = 120.0
BUSY = 0.9
"""The share of its core above which the generator, not the server, sets the pace."""


@dataclass(frozen=True, slots=True)
class Generators:
    """The two programs."""

    sip: Path
    rtp: Path


def build(folder: Path) -> Generators:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise ProgramError("the load generators need a C compiler (apt-get install gcc libc6-dev)")
    sip, rtp = folder / "sipload", folder / "rtpload"
    subprocess.run(
        [compiler, *FLAGS, "-D_GNU_SOURCE", "-o", str(sip), *map(str, sorted((SOURCES / "sipload").glob("*.c")))],
        check=True,
    )
    subprocess.run([compiler, *FLAGS, "-o", str(rtp), str(SOURCES / "rtpload.c")], check=True)
    return Generators(sip, rtp)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What `sipload` counted. Times are in microseconds, from the first request of an operation."""

    seconds: float
    started: int
    completed: int
    failed: int
    retransmissions: int
    challenges: int
    called: dict[str, int]
    """Requests that reached the called side, by method; a retransmission counts again."""
    cpu_seconds: float
    statuses: dict[str, int]
    most_late_us: int = 0
    """How much later than planned an operation began, at a fixed rate."""
    stray: int = 0
    repeated_answers: int = 0
    whole_us: dict[str, int] = field(default_factory=dict)
    post_dial_us: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.completed / self.seconds

    @property
    def generator_was_the_limit(self) -> bool:
        return self.cpu_seconds > BUSY * self.seconds


class SipLoad:
    """One `sipload`, from "ready" on. `go` runs what it was made for; use it as a context manager."""

    def __init__(self, program: Path, kind: str, server: str, *options: object) -> None:
        self._what = f"sipload {kind} {' '.join(map(str, options))}"
        command = [str(program), kind, "--server", server, *map(str, options)]
        self._process = subprocess.Popen(
            pinned(command, load_core()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._expect("ready")

    def __enter__(self) -> SipLoad:
        return self

    def __exit__(self, *exception: object) -> None:
        if exception[0] is not None and self._process.poll() is None:
            self._process.kill()
        self._pipe(self._process.stdin).close()
        self._process.wait(PATIENCE_SECONDS)
        self._pipe(self._process.stdout).close()
        self._pipe(self._process.stderr).close()

    def go(self) -> LoadResult:
        self._tell()
        return self.result()

    def go_and_hold(self, while_held: Callable[[], None]) -> LoadResult:
        """With --hold-until-told: `while_held` is called when all calls are up."""
        self._tell()
        self._expect("held")
        while_held()
        return self.go()

    def begin(self) -> None:
        """Let it run; `result` or `counts` waits for its end."""
        self._tell()

    def hold_with_audio(self, calls: int) -> list[tuple[int, int]]:
        """With --hold-until-told and --audio: the server's ports for each call, once all are up. `go` ends them."""
        self._tell()
        lines = [self._line() for _ in range(calls)]
        if not all(re.fullmatch(r"[1-9]\d* [1-9]\d*\n", line) for line in lines):
            raise self._failure(next((line for line in lines if line.startswith("{")), lines[0]))
        self._expect("held")
        return [two_ports(line) for line in lines]

    def result(self) -> LoadResult:
        """Raises `ProgramError` when an operation failed."""
        result = self.counts()
        if result.failed or result.completed != result.started or result.started == 0:
            done = f"{result.completed} of {result.started} succeeded"
            raise ProgramError(f"{self._what}: {done}; answers by status: {result.statuses}")
        return result

    def counts(self) -> LoadResult:
        """As `result`, but failed operations are only counted."""
        line = self._line()
        try:
            return LoadResult(**json.loads(line))
        except ValueError:
            raise self._failure(line) from None

    def _tell(self) -> None:
        pipe = self._pipe(self._process.stdin)
        pipe.write("\n")
        pipe.flush()

    def _expect(self, word: str) -> None:
        line = self._line()
        if line.strip() != word:
            raise self._failure(line)

    def _line(self) -> str:
        return self._pipe(self._process.stdout).readline()

    def _failure(self, line: str) -> ProgramError:
        self._process.kill()
        words = line.strip() or self._pipe(self._process.stderr).read().strip()
        return ProgramError(f"{self._what}: {words or 'it ended without a word'}")

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


@dataclass(frozen=True, slots=True)
class RelayResult:
    """What `rtpload` counted."""

    sent: int
    received: int
    p50_us: int
    p99_us: int
    max_us: int
    late_us: int
    """p99 of how much later than due a packet was sent: the generator's own share of the latency."""

    @property
    def loss_percent(self) -> float:
        return 100 * (1 - self.received / self.sent)


class RtpLoad:
    """One `rtpload`: first its ports, then, once it knows the relay's, the load.

    With `address` each end has one of its own, counted from there as `sipload` counts its phones.
    """

    def __init__(self, program: Path, calls: int, seconds: float, address: str | None = None) -> None:
        self._seconds = seconds
        command = pinned([str(program), str(calls), str(seconds), *([address] if address else [])], load_core())
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.ports = [two_ports(self._process.stdout.readline()) for _ in range(calls)]

    def __enter__(self) -> RtpLoad:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def run(self, relay_ports: Sequence[tuple[int, int]]) -> RelayResult:
        self.begin(relay_ports)
        return self.result()

    def begin(self, relay_ports: Sequence[tuple[int, int]]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{one} {other}\n" for one, other in relay_ports))
        self._process.stdin.flush()

    def result(self) -> RelayResult:
        """When the time is over."""
        output: Any = self._process.communicate(timeout=self._seconds + PATIENCE_SECONDS)[0]
        figures = [int(figure) for figure in output.split()]
        if len(figures) != 6:
            raise ProgramError("no packet came through the relay")
        return RelayResult(*figures)


def two_ports(line: str) -> tuple[int, int]:
    one, other = line.split()
    return int(one), int(other)
