"""Measure GoSIP and its peers on this machine, in one run.

CPU time per operation at equal load is the figure, ratios are what to quote: rates and delays are the machine's as
much as the server's. The servers run on one core, the load on another. docs/operator/performance.md explains the rows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from tests.benchmarks.comparison import docs, lasting, machine, plan
from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.generator import build
from tests.benchmarks.comparison.programs import ProgramError
from tests.benchmarks.comparison.report import as_json, table
from tests.benchmarks.comparison.results import Verdict
from tests.benchmarks.comparison.rows import ROWS
from tests.benchmarks.comparison.runner import run
from tests.benchmarks.peers import catalogue

BUSY = 0.7
"""Load average from which on a person is warned that the machine is not quiet."""

EPILOG = "`gosip bench soak`, `growth`, `audio` and `api` hold GoSIP against itself, later or busier; --help tells how."


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: measured; 1: something failed or a "must" was missed; 2: wrong usage."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in lasting.VERBS:
        return lasting.main(arguments[0], arguments[1:], say)
    options = parser().parse_args(arguments)
    rows = options.rows or [row.id for row in ROWS]
    chosen = plan.quick() if options.quick else plan.Plan()
    if options.runs:
        chosen = replace(chosen, runs=options.runs)
    peers = frozenset() if options.no_peers else catalogue.available()
    known = catalogue.described(peers, wanted=not options.no_peers)
    started, load = time.monotonic(), machine.load_average()
    say(f"{machine.describe()}; load {load:.2f}" + ("; the machine is not quiet" if load > BUSY else ""))
    say("; ".join(f"{name} {words}" for name, words in known.items()))
    with tempfile.TemporaryDirectory(prefix="gosip-bench-") as folder:
        try:
            generators = build(Path(folder))
        except ProgramError as error:
            print(f"gosip bench: {error}", file=sys.stderr)
            return 1
        results = run(Bench(chosen, generators, Path(folder), peers), rows, say)
    found = results.rows(rows)
    print(table(found))
    say(f"took {time.monotonic() - started:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(as_json(results, found, chosen, known, load), indent=2) + "\n")
    if options.write_docs:
        docs.write(found, chosen.runs, known, date.today())
    bad = results.failures or any(result.verdict is Verdict.MISSED for result in found)
    return 1 if bad else 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="gosip bench", description=__doc__, epilog=EPILOG)
    made.add_argument(
        "--rows", nargs="+", metavar="ROW", choices=[row.id for row in ROWS], help="only these; " + names()
    )
    made.add_argument("--runs", type=int, metavar="N", help="medians of so many runs; 3 unless given")
    made.add_argument("--no-peers", action="store_true", help="GoSIP alone: no ratios")
    made.add_argument("--quick", action="store_true", help="everything once and briefly, to see that it works")
    made.add_argument("--json", type=Path, metavar="FILE", help="write every reading, medians and ratios as JSON")
    made.add_argument("--write-docs", action="store_true", help="write the figures into docs/operator/performance.md")
    return made


def names() -> str:
    return ", ".join(row.id for row in ROWS)


def say(text: str) -> None:
    """Progress, apart from the table."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
