"""Runs inputs through a target: reproducible by seed, each within a bounded time, failures kept and made small."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz.mutations import Mutator
from tests.fuzz.targets import Target

CHUNK = 2000
"""Inputs that share a seed: a failure is found again by running its chunk."""
SLOW_SECONDS = 0.5
"""CPU time that one input may take. The slowest honest one takes some milliseconds; a loaded machine adds to that."""
HANGING_SECONDS = 20.0
MAX_FAILURES = 5
"""Of one chunk: one bug breaks many inputs."""


class TookTooLong(Exception):
    """An input that would have run on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that broke the invariant."""

    target: str
    data: bytes
    seed: str
    what: str


@dataclass(slots=True)
class Tally:
    """What was run."""

    inputs: int = 0
    slowest: float = 0.0
    """CPU seconds of one input."""
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.inputs += other.inputs
        self.slowest = max(self.slowest, other.slowest)
        self.failures += other.failures


def inputs(target: Target, seed: str, number: int) -> Iterator[bytes]:
    mutator = Mutator(Random(seed), [*target.seeds(), *target.extra_seeds()], is_text=target.is_text)
    return (mutator.make() for _ in range(number))


def run_chunk(target: Target, seed: str, number: int = CHUNK) -> Tally:
    tally = Tally()
    for data in inputs(target, seed, number):
        tally.inputs += 1
        what, used = judge(target.check, data)
        tally.slowest = max(tally.slowest, used)
        if what:
            small = shrink(target.check, data)
            tally.failures.append(Failure(target.name, small, seed, what))
            if len(tally.failures) == MAX_FAILURES:
                break
    return tally


def judge(check: Callable[[bytes], None], data: bytes) -> tuple[str, float]:
    """What went wrong, empty if nothing did, and the CPU time."""
    started = time.thread_time()
    try:
        with limited(HANGING_SECONDS):
            check(data)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})", 0.0
    used = time.thread_time() - started
    return (f"took {used:.2f} s of CPU time" if used > SLOW_SECONDS else ""), used


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises `TookTooLong` in the main thread after so much CPU time, also from within a regular expression."""

    def stop(*_: object) -> None:
        raise TookTooLong(f"more than {seconds:g} s of CPU time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def shrink(check: Callable[[bytes], None], data: bytes, patience: int = 2000) -> bytes:
    """The failing input with what does not matter cut out: halves first, single bytes last."""
    size = max(1, len(data) // 2)
    while size and patience > 0:
        at = 0
        while at < len(data) and patience > 0:
            patience -= 1
            shorter = data[:at] + data[at + size :]
            if judge(check, shorter)[0]:
                data = shorter
            else:
                at += size
        size //= 2
    return data
