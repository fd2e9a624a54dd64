"""How well a call was heard: what the media workers measured, as rows for people and programs.

The values come from a leg's `detail` in the call record, or from the running daemon (`call.quality`): a column each, as
docs/developer/interfaces.md lists them. What is missing there is unknown here; nothing in it can make a page fail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GOOD, FAIR = 4.03, 3.6
"""Scores at R = 80 and R = 70: "users satisfied" and "some users dissatisfied" (ITU-T G.109)."""


def grade(mos: float | None) -> str:
    """good, fair or poor; empty when nothing is known."""
    if mos is None:
        return ""
    return "good" if round(mos, 2) >= GOOD else "fair" if round(mos, 2) >= FAIR else "poor"


@dataclass(frozen=True, slots=True)
class Direction:
    """One way at one time: from a phone to us, or from us to it."""

    mos: float | None = None
    loss_percent: float | None = None
    jitter_ms: float | None = None


@dataclass(frozen=True, slots=True)
class QualityRow:
    """One sample of a leg."""

    at: float
    """Seconds from the answer (from the beginning, where nobody answered) to the end of the sample."""
    sent: Direction
    """What the phone sends."""
    heard: Direction
    """What it hears, by its reports."""
    rtt_ms: float | None
    speaks: str
    hears: str


@dataclass(frozen=True, slots=True)
class HearingChange:
    """An alarm began, changed or ended."""

    at: float
    """As `QualityRow.at`."""
    speaks: str
    hears: str
    suspicion: str


def quality_rows(series: object, ended_after: float) -> tuple[QualityRow, ...]:
    """The samples of one leg, oldest first. `ended_after`: seconds from the answer until the series was taken."""
    if not isinstance(series, Mapping):
        return ()
    columns = {name: column for name, column in series.items() if isinstance(column, list)}
    count = len(columns.get("speaks", ()))
    seconds, age = number(series.get("seconds")) or 5.0, number(series.get("age")) or 0.0
    return tuple(
        row_of(columns, index, ended_after - age + seconds * (index + 1), ended_after) for index in range(count)
    )


def row_of(columns: Mapping[str, Sequence[Any]], index: int, at: float, end: float) -> QualityRow:
    def value(name: str) -> float | None:
        column = columns.get(name, ())
        return number(column[index]) if index < len(column) else None

    def word(name: str) -> str:
        column = columns.get(name, ())
        return str(column[index]) if index < len(column) else "unknown"

    return QualityRow(
        at=max(0.0, min(at, end)),
        sent=Direction(
            value("mos"),
            share((value("lost") or 0) + (value("discarded") or 0), (value("received") or 0) + (value("lost") or 0)),
            value("jitter_ms"),
        ),
        heard=Direction(
            value("reported_mos"),
            share(value("reported_lost") or 0, value("reported") or 0),
            value("reported_jitter_ms"),
        ),
        rtt_ms=value("rtt_ms"),
        speaks=word("speaks"),
        hears=word("hears"),
    )


def hearing_changes(values: object, answered_after: float) -> tuple[HearingChange, ...]:
    """From the list that a leg's detail holds; its times count from the call's beginning."""
    if not isinstance(values, list):
        return ()
    return tuple(
        HearingChange(
            max(0.0, (number(value.get("at")) or 0.0) - answered_after),
            str(value.get("speaks", "")),
            str(value.get("hears", "")),
            str(value.get("suspicion", "")),
        )
        for value in values
        if isinstance(value, Mapping)
    )


def share(part: float, whole: float) -> float | None:
    """In percent; None of nothing."""
    return 100 * min(1.0, part / whole) if whole > 0 else None


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
