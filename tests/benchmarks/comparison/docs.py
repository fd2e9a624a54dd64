"""Writes the figures into docs/operator/performance.md, between two marks; the words around them stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tests.benchmarks.comparison.machine import describe
from tests.benchmarks.comparison.report import cells
from tests.benchmarks.comparison.results import Result

PAGE = Path(__file__).parents[3] / "docs" / "operator" / "performance.md"
BEGIN, END = "<!-- figures: written by `./gosip bench --write-docs` -->", "<!-- end of the figures -->"


def write(results: Sequence[Result], runs: int, peers: dict[str, str], today: date, page: Path = PAGE) -> None:
    """Raises `ValueError` when the page has lost its marks."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no place for the figures: {BEGIN} ... {END}")
    page.write_text(f"{before}{BEGIN}\n\n{figures(results, runs, peers, today)}\n{END}{after}")


def figures(results: Sequence[Result], runs: int, peers: dict[str, str], today: date) -> str:
    known = "; ".join(f"{name} {words}" for name, words in peers.items())
    medians = f"Medians of {runs} runs" if runs > 1 else "One run"
    lines = [
        f"Measured on {today.isoformat()}: {describe()}. {medians}. Peers: {known}.",
        "",
        "| figure | GoSIP | peers | ratio | must | aim | reached | command |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        shown = [cell.replace("|", "\\|") or " " for cell in cells(result)]
        command = " " if result.row.missing else f"`./gosip bench --rows {result.row.id}`"
        lines.append(f"| {' | '.join([*shown, command])} |")
    return "\n".join([*lines, ""])
