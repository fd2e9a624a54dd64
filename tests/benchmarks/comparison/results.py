"""Readings of all runs, and what they come to: medians, ratios, verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any

from tests.benchmarks.comparison.rows import ROWS, Compare, Row

PRODUCT = "GoSIP"


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure of one server in one run."""

    row: str
    server: str
    value: float
    details: dict[str, Any] = field(default_factory=dict)


class Verdict(StrEnum):
    AIM = "aim"
    MUST = "must"
    MISSED = "missed"
    NONE = ""
    """There is no target, or no figure."""


@dataclass(frozen=True, slots=True)
class Result:
    """A row over all runs."""

    row: Row
    values: dict[str, float]
    """The median of each server, ours first."""
    ratio: float | None
    """The median of the ratios of each run, since the two sides of a run met the same machine."""
    spread: tuple[float, float] | None
    """The lowest and the highest ratio."""
    verdict: Verdict
    remark: str
    """Why there is no figure, or fewer than asked for."""


@dataclass(slots=True)
class Results:
    """Collects."""

    readings: list[list[Reading]] = field(default_factory=list)
    """By run."""
    failures: dict[str, list[str]] = field(default_factory=dict)
    """By row: what went wrong."""

    def rows(self, wanted: Iterable[str]) -> list[Result]:
        chosen = set(wanted)
        return [self._result(row) for row in ROWS if row.id in chosen]

    def _result(self, row: Row) -> Result:
        runs = [{one.server: one.value for one in run if one.row == row.id} for run in self.readings]
        servers = sorted({name for run in runs for name in run}, key=lambda name: (name != PRODUCT, name))
        values = {name: median(run[name] for run in runs if name in run) for name in servers}
        ratios = [ratio for run in runs if (ratio := ratio_of(row, run)) is not None]
        ratio = median(ratios) if ratios else None
        spread = (min(ratios), max(ratios)) if ratios else None
        remark = row.missing or "; ".join(dict.fromkeys(self.failures.get(row.id, [])))
        measured = values.get(PRODUCT) if row.compare is Compare.ALONE else ratio
        return Result(row, values, ratio, spread, verdict_of(row, measured), remark)


def ratio_of(row: Row, run: dict[str, float]) -> float | None:
    ours, theirs = run.get(PRODUCT), run.get(row.peer)
    if row.compare is Compare.ALONE or not ours or not theirs:
        return None
    return theirs / ours if row.compare is Compare.PER_CORE else ours / theirs


def verdict_of(row: Row, measured: float | None) -> Verdict:
    if measured is None or row.must is None:
        return Verdict.NONE
    sign = 1 if row.compare.more_is_better else -1
    if row.aim is not None and sign * measured >= sign * row.aim:
        return Verdict.AIM
    return Verdict.MUST if sign * measured >= sign * row.must else Verdict.MISSED
