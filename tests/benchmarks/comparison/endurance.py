"""What a server looks like over a long time: samples of its processes, a line through them, and a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.benchmarks.comparison.background import Background
from tests.benchmarks.comparison.machine import describe
from tests.benchmarks.comparison.product import Product
from tests.benchmarks.comparison.programs import ProgramError

FADE_SECONDS = 34.0
"""Until the last transactions are forgotten: timers H and J are 32 s (RFC 3261 table 4)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """All processes of the server at one moment, by name."""

    at: float
    """Seconds since the first one."""
    memory_kib: dict[str, float]
    descriptors: dict[str, int]
    cpu_seconds: dict[str, float]

    @property
    def whole_memory_kib(self) -> float:
        return sum(self.memory_kib.values())

    @property
    def all_descriptors(self) -> int:
        return sum(self.descriptors.values())


def take_sample(server: Product, started: float) -> Sample:
    programs = server.programs()
    return Sample(
        time.monotonic() - started,
        {one.name: one.memory_kib() for one in programs},
        {one.name: one.descriptors() for one in programs},
        {one.name: one.cpu_seconds() for one in programs},
    )


class Sampler(Background):
    """Samples every so many seconds while it is entered, the first one at once."""

    def __init__(self, server: Product, seconds: float, say: Callable[[str], None]) -> None:
        super().__init__()
        self.samples: list[Sample] = []
        self._server, self._seconds, self._say = server, seconds, say
        self._error: Exception | None = None

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        super().__exit__(kind, *rest)
        if self._error is not None and kind is None:
            raise ProgramError(f"a process of the server is gone: {self._error}")

    def _run(self) -> None:
        started = time.monotonic()
        try:
            while True:
                sample = take_sample(self._server, started)
                self.samples.append(sample)
                self._say(
                    f"  {sample.at:5.0f} s  {sample.whole_memory_kib:.0f} KiB  {sample.all_descriptors} descriptors"
                )
                if self._ending.wait(max(0.0, started + len(self.samples) * self._seconds - time.monotonic())):
                    return
        except (OSError, ValueError) as error:
            self._error = error


def last_part(samples: Sequence[Sample]) -> list[Sample]:
    """Those of the last two thirds of the time."""
    return [sample for sample in samples if 3 * sample.at >= samples[-1].at]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line of least squares; 0 for a single moment."""
    middle = sum(x for x, _ in points) / len(points)
    width = sum((x - middle) ** 2 for x, _ in points)
    return sum((x - middle) * y for x, y in points) / width if width else 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the verdict. `bound` says in words what `value` has to be; without one it is only told."""

    name: str
    value: float
    unit: str = ""
    bound: str = ""
    is_met: bool = True

    def cells(self) -> tuple[str, str, str, str]:
        value = f"{self.value:,.2f}".removesuffix(".00")
        return self.name, f"{value} {self.unit}".strip(), self.bound, self.word

    @property
    def word(self) -> str:
        return "MISSED" if not self.is_met else "met" if self.bound else ""


def at_most(name: str, value: float, bound: float, unit: str = "") -> Check:
    return Check(name, value, unit, f"<= {bound:,g} {unit}".strip(), value <= bound)


def exactly(name: str, value: float, bound: float, unit: str = "") -> Check:
    return Check(name, value, unit, f"= {bound:,g} {unit}".strip(), value == bound)


@dataclass(slots=True)
class Endurance:
    """What a long run comes to."""

    checks: list[Check] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def is_passed(self) -> bool:
        return all(check.is_met for check in self.checks)

    def table(self) -> str:
        lines = [("what", "found", "bound", ""), *(check.cells() for check in self.checks)]
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([text[0], "-" * max(map(len, text)), *text[1:]])

    def as_json(self) -> dict[str, Any]:
        return {
            "machine": describe(),
            "passed": self.is_passed,
            "checks": [asdict(check) for check in self.checks],
            "samples": [asdict(sample) for sample in self.samples],
            **self.details,
        }


def leftovers(server: Product) -> list[Check]:
    """What the server still keeps of work that is over and has faded."""
    status = server.status()
    counts = {name: status["counts"][name] for name in ("calls", "dialogs", "transactions")}
    counts["media sessions"] = sum(worker["sessions"] for worker in status["media"])
    return [exactly(f"{name} left over", number, 0) for name, number in counts.items()]
