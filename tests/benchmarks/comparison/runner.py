"""Runs the measurements, one after the other and over again; what fails is noted and the rest goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from tests.benchmarks.comparison import calling, registering, relaying, resting, starting
from tests.benchmarks.comparison.bench import Bench, Measurement
from tests.benchmarks.comparison.programs import ProgramError
from tests.benchmarks.comparison.results import Reading, Results
from tests.benchmarks.comparison.rows import ROWS, Row

MEASUREMENTS = (
    Measurement(
        "REGISTER over UDP", ("register-udp", "register-udp-full", "register-udp-rate"), registering.measure_udp
    ),
    Measurement(
        "REGISTER over TCP", ("register-tcp", "register-tcp-full", "register-tcp-rate"), registering.measure_tcp
    ),
    Measurement("calls", ("post-dial-p50", "post-dial-p95", "call", "call-full", "call-rate"), calling.measure_calls),
    Measurement("held calls", ("memory-call",), calling.measure_held),
    Measurement("relay", ("relay", "memory-relay", "relay-loss", "relay-p50", "relay-p99"), relaying.measure),
    Measurement("start", ("start",), starting.measure),
    Measurement("phones at rest", ("memory-registration", "idle-udp", "idle-tcp"), resting.measure),
)
BY_ID = {row.id: row for row in ROWS}

Say = Callable[[str], None]


def run(bench: Bench, wanted: Sequence[str], say: Say) -> Results:
    results = Results()
    chosen = [one for one in MEASUREMENTS if set(one.rows) & set(wanted)]
    for number in range(bench.plan.runs):
        results.readings.append([])
        for measurement in chosen:
            say(f"run {number + 1} of {bench.plan.runs}: {measurement.title}")
            take(bench, measurement, set(wanted), results, say)
    return results


def take(bench: Bench, measurement: Measurement, wanted: set[str], results: Results, say: Say) -> None:
    readings = results.readings[-1]
    try:
        for reading in measurement.measure(bench):
            if reading.row in wanted:
                readings.append(reading)
                say(f"  {in_words(BY_ID[reading.row], reading)}")
    except (ProgramError, AssertionError, OSError, subprocess.SubprocessError) as error:
        say(f"  failed: {error}")
        seen = {reading.row for reading in readings}
        for row in measurement.rows:
            results.failures.setdefault(row, []).append(
                f"in run {len(results.readings)}: {error}" if row not in seen else f"incomplete in a run: {error}"
            )


def in_words(row: Row, reading: Reading) -> str:
    return f"{reading.server}: {row.title} {reading.value:.{row.digits}f} {row.unit}"
