"""Do very much of the same, at full speed, and see whether it leaves anything behind.

100,000 registrations and 10,000 calls in two equal halves. Memory and descriptors are read before, between and after,
each time when the last transactions have faded. The first half brings memory to its highest, and part of that stays
with the allocator; so what must not grow is the second.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict

from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.calling import check_far_side
from tests.benchmarks.comparison.endurance import (
    FADE_SECONDS,
    Check,
    Endurance,
    Sample,
    at_most,
    leftovers,
    take_sample,
)
from tests.benchmarks.comparison.generator import LoadResult
from tests.benchmarks.comparison.product import FIRST_PHONE, Product

PHONES, CALLING = 1000, 200
REGISTRATIONS, CALLS = 100_000, 10_000
QUICK = 20
HALVES = 2
REGISTER_WINDOW, CALL_WINDOW = 64, 16
MOST_KIB = 1024.0
"""Of growth in the second half, whatever the number: an allocator takes its memory in such pieces."""

Say = Callable[[str], None]


def add_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--quick", action="store_true", help=f"a {QUICK}th of it, to see that it works")


def run(bench: Bench, options: argparse.Namespace, say: Say) -> Endurance:
    scale = HALVES * (QUICK if options.quick else 1)
    registrations, calls = REGISTRATIONS // scale, CALLS // scale
    with bench.product(PHONES + CALLING) as server:
        say("each phone registers once, and some call")
        work(bench, server, PHONES, CALLING)
        started = time.monotonic()
        samples = [faded(server, started, say)]
        halves = []
        for number in range(HALVES):
            say(f"half {number + 1}: {registrations} registrations, {calls} calls")
            halves.append(work(bench, server, registrations, calls))
            samples.append(faded(server, started, say))
        left = leftovers(server)
    before, between, after = samples
    checks = [
        Check("registrations", HALVES * registrations),
        Check("calls", HALVES * calls),
        Check("memory before", before.whole_memory_kib, "KiB"),
        Check("memory after", after.whole_memory_kib, "KiB"),
        Check("memory growth, first half", between.whole_memory_kib - before.whole_memory_kib, "KiB"),
        at_most("memory growth, second half", after.whole_memory_kib - between.whole_memory_kib, MOST_KIB, "KiB"),
        at_most("new descriptors", after.all_descriptors - before.all_descriptors, 0),
        *left,
    ]
    details = {"halves": [{"registrations": asdict(one), "calls": asdict(other)} for one, other in halves]}
    return Endurance(checks, samples, details)


def work(bench: Bench, server: Product, registrations: int, calls: int) -> tuple[LoadResult, LoadResult]:
    """Raises `ProgramError` when one of them fails."""
    phones = ("--first", FIRST_PHONE + CALLING, "--users", PHONES)
    with bench.sip_load("register", server, *phones, "--count", registrations, "--window", REGISTER_WINDOW) as load:
        registered = load.go()
    with bench.sip_load("call", server, "--users", CALLING, "--count", calls, "--window", CALL_WINDOW) as load:
        called = load.go()
    check_far_side(server, called)
    return registered, called


def faded(server: Product, started: float, say: Say) -> Sample:
    time.sleep(FADE_SECONDS)
    sample = take_sample(server, started)
    say(f"  {sample.whole_memory_kib:.0f} KiB, {sample.all_descriptors} descriptors")
    return sample
