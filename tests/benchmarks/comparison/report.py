"""The results as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tests.benchmarks.comparison.machine import describe
from tests.benchmarks.comparison.plan import Plan
from tests.benchmarks.comparison.results import PRODUCT, Result, Results, Verdict
from tests.benchmarks.comparison.rows import Compare

WORDS = {Verdict.AIM: "aim reached", Verdict.MUST: "must reached", Verdict.MISSED: "MISSED", Verdict.NONE: ""}


def table(results: Sequence[Result]) -> str:
    heads = ("row", "GoSIP", "peers", "ratio", "must", "aim", "")
    lines = [heads, *(cells(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:]])


def cells(result: Result) -> tuple[str, ...]:
    row = result.row
    ours = figure(result, PRODUCT)
    peers = ", ".join(f"{name} {figure(result, name)}" for name in result.values if name != PRODUCT)
    verdict = WORDS[result.verdict]
    last = "; ".join(part for part in (verdict, result.remark) if part)
    return (row.title, ours, peers, ratio(result), target(result, row.must), target(result, row.aim), last)


def figure(result: Result, server: str) -> str:
    if server not in result.values:
        return "-"
    row, value = result.row, result.values[server]
    text = f"{value:.{row.digits}f} {row.unit}"
    if row.compare is not Compare.PER_CORE or value <= 0:
        return text
    # A call is a hundred packets a second into the relay.
    return text + (
        f" ({1e4 / value:,.0f} calls/core)" if row.id.startswith("relay") else f" ({1e6 / value:,.0f}/s core)"
    )


def ratio(result: Result) -> str:
    if result.ratio is None:
        return "-"
    text = f"{result.ratio:.2f}x {result.row.peer}"
    if result.spread is not None and result.spread[0] != result.spread[1]:
        text += f" ({result.spread[0]:.2f}-{result.spread[1]:.2f})"
    return text


def target(result: Result, value: float | None) -> str:
    if value is None:
        return ""
    sign = ">=" if result.row.compare.more_is_better else "<="
    unit = f" {result.row.unit}" if result.row.compare is Compare.ALONE else "x"
    return f"{sign} {value:g}{unit}"


def as_json(results: Results, rows: Sequence[Result], plan: Plan, peers: dict[str, str], load: float) -> dict[str, Any]:
    """`peers` says of each what version it is or why it is left out; `load` is the machine's load before the run."""
    return {
        "machine": describe(),
        "load_before": load,
        "plan": asdict(plan),
        "peers": peers,
        "rows": [row_json(result) for result in rows],
        "readings": [[asdict(reading) for reading in run] for run in results.readings],
    }


def row_json(result: Result) -> dict[str, Any]:
    row = result.row
    return {
        "id": row.id,
        "title": row.title,
        "unit": row.unit,
        "compare": row.compare.value,
        "peer": row.peer,
        "values": result.values,
        "ratio": result.ratio,
        "spread": result.spread,
        "must": row.must,
        "aim": row.aim,
        "verdict": result.verdict.value,
        "remark": result.remark,
    }
