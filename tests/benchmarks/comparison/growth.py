"""Do very much of the same, one as fast as the other, and see whether it leaves anything behind.

100,000 registrations and 10,000 calls, and then as many again. Memory and descriptors are read before, between and
after, when the last transactions have faded. The first round fills what has a bound (the trace of messages, the nonces
that are remembered) and brings memory to its highest, of which an allocator keeps some; what must not add to it is the
second.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from sip_daemon.authentication import AuthenticationLimits
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
from tests.benchmarks.comparison.generator import LoadResult, SipLoad
from tests.benchmarks.comparison.product import FIRST_PHONE, Product
from tests.benchmarks.comparison.server import two_way_port

PHONES, CALLING = 1000, 200
REGISTRATIONS, CALLS = 100_000, 10_000
"""In a round."""
QUICK = 20
REGISTRATION_RATE, CALL_RATE = 1000, 100
"""A second. As fast as it goes would not do: the faster round has more under way at a time, and takes more memory."""
MOST_KIB = 2048.0
"""Of growth in the second round, whatever the number: an allocator takes its memory in pieces of 1 MiB. Less than
twenty bytes for each registration of a full round."""
MOST_NONCES = AuthenticationLimits().max_nonces
NONCE_KIB = 0.15
"""Of a nonce that is remembered, for a first round that was too short to fill their table."""

Say = Callable[[str], None]


def add_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--quick", action="store_true", help=f"a {QUICK}th of it, to see that it works")


def run(bench: Bench, options: argparse.Namespace, say: Say) -> Endurance:
    scale = QUICK if options.quick else 1
    registrations, calls = REGISTRATIONS // scale, CALLS // scale
    with bench.product(PHONES + CALLING) as server:
        work = Work(bench, server)
        work.do(PHONES, CALLING)
        started = time.monotonic()
        samples, rounds = [look(server, started, say)], []
        for number in (1, 2):
            say(f"round {number}: {registrations} registrations, {calls} calls; then {FADE_SECONDS:.0f} s of nothing")
            rounds.append(work.do(registrations, calls))
            time.sleep(FADE_SECONDS)
            samples.append(look(server, started, say))
        left = leftovers(server)
    before, between, after = samples
    details = {"rounds": [{"registrations": asdict(one), "calls": asdict(other)} for one, other in rounds]}
    return Endurance([*verdict(before, between, after, registrations, calls), *left], samples, details)


def verdict(before: Sample, between: Sample, after: Sample, registrations: int, calls: int) -> list[Check]:
    most = MOST_KIB + NONCE_KIB * new_nonces(registrations + calls)
    return [
        Check("registrations, in each of two rounds", registrations),
        Check("calls, in each of two rounds", calls),
        Check("memory before", before.whole_memory_kib, "KiB"),
        Check("memory between", between.whole_memory_kib, "KiB"),
        Check("memory after", after.whole_memory_kib, "KiB"),
        at_most("memory growth, second round", after.whole_memory_kib - between.whole_memory_kib, most, "KiB"),
        Check("descriptors before", before.all_descriptors),
        at_most("new descriptors", after.all_descriptors - before.all_descriptors, 0),
    ]


def new_nonces(operations: int) -> int:
    """How many more are remembered after a second round of so many operations than after the first."""
    return min(2 * operations, MOST_NONCES) - min(operations, MOST_NONCES)


@dataclass(frozen=True, slots=True)
class Work:
    """The same phones at the same places each time: a phone that has moved is one binding more, for an hour."""

    bench: Bench
    server: Product
    registering_port: int = field(default_factory=two_way_port)
    calling_port: int = field(default_factory=two_way_port)

    def do(self, registrations: int, calls: int) -> tuple[LoadResult, LoadResult]:
        """Raises `ProgramError` when one of them fails."""
        phones = ("--first", FIRST_PHONE + CALLING, "--users", PHONES, "--own-port", self.registering_port)
        with self._load("register", *phones, "--count", registrations, "--rate", REGISTRATION_RATE) as load:
            registered = load.go()
        callers = ("--users", CALLING, "--own-port", self.calling_port)
        with self._load("call", *callers, "--count", calls, "--rate", CALL_RATE) as load:
            called = load.go()
        check_far_side(self.server, called)
        return registered, called

    def _load(self, kind: str, *options: object) -> SipLoad:
        return self.bench.sip_load(kind, self.server, *options)


def look(server: Product, started: float, say: Say) -> Sample:
    sample = take_sample(server, started)
    say(f"  {sample.whole_memory_kib:.0f} KiB, {sample.all_descriptors} descriptors")
    return sample
