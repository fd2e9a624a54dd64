"""How soon the API answers: the figure that is taken, and a whole run on a small scale."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from tests.benchmarks.comparison.api import READ, p95, run
from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.generator import Generators
from tests.benchmarks.comparison.plan import quick


def test_95_of_100_do_not_exceed_it() -> None:
    assert p95([float(number) for number in range(100, 0, -1)]) == 95
    assert p95([7.0]) == 7
    assert p95([1.0, 9.0]) == 9


@pytest.mark.end_to_end
def test_every_route_answers_and_every_stream_hears_of_an_alarm(tmp_path: Path) -> None:
    bench = Bench(quick(), Generators(tmp_path, tmp_path), tmp_path, frozenset())
    found = run(bench, Namespace(times=1, records=200, streams=20), lambda text: None)
    counted = {check.name: check for check in found.checks if "stream" in check.name}
    assert counted["streams that an alarm reached"].value == 20
    assert counted["streams that broke off"].is_met
    assert len(found.checks) > len(READ) + 5
