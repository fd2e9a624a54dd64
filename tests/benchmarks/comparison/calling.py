"""Calls: CPU time at equal load, the highest rate, the delay until it rings, the memory of a call that is held.

GoSIP and Kamailio challenge each INVITE, GoSIP opens two legs in its media worker as well; sippy does neither.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.comparison.background import Background
from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.endurance import slope
from tests.benchmarks.comparison.generator import LoadResult, SipLoad
from tests.benchmarks.comparison.programs import ProgramError
from tests.benchmarks.comparison.results import Reading
from tests.benchmarks.comparison.server import SipServer, two_way_port
from tests.benchmarks.peers.kamailio import Kamailio
from tests.benchmarks.peers.sippy import Sippy

PHONES = 200
"""Half of them call the other half. `peers.sippy` knows where the first of those is."""
WINDOW = 16
HOLD_RATE = 50
SAMPLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Callee:
    """A server and how the generator must be told to use it."""

    server: SipServer
    options: tuple[object, ...]

    def load(self, bench: Bench, *options: object) -> SipLoad:
        return bench.sip_load("call", self.server, "--users", PHONES, *self.options, *options)


def callees(bench: Bench) -> Iterator[Callee]:
    yield Callee(bench.product(PHONES), ())
    if Sippy.name in bench.peers:
        # It has no registrar: it sends all calls to one address, given at its start.
        port = two_way_port()
        yield Callee(Sippy(port), ("--no-register", "--own-port", port))
    if Kamailio.name in bench.peers:
        yield Callee(Kamailio(), ())


def measure_calls(bench: Bench) -> Iterator[Reading]:
    plan = bench.plan
    for callee in callees(bench):
        with callee.server as server:
            with callee.load(bench, "--rate", plan.delay_rate, "--seconds", plan.delay_seconds) as load:
                delays = load.go().post_dial_us
            yield Reading("post-dial-p50", server.name, delays["p50"] / 1000, {"post_dial_us": delays})
            yield Reading("post-dial-p95", server.name, delays["p95"] / 1000)
            options = ("--hold", plan.call_hold_ms, "--seconds", plan.call_seconds)
            with callee.load(bench, "--rate", plan.call_rate, *options) as load:
                used = server.cpu_seconds()
                result = load.go()
                used = server.cpu_seconds() - used
            check_far_side(server, result)
            details = {"calls": result.completed, "retransmissions": result.retransmissions}
            yield Reading("call", server.name, 1e6 * used / result.completed, details)
            with callee.load(bench, "--window", WINDOW, "--seconds", plan.sustained_seconds) as load:
                used = server.cpu_seconds()
                result = load.go()
                used = server.cpu_seconds() - used
            yield Reading("call-full", server.name, 1e6 * used / result.completed)
            yield Reading("call-rate", server.name, result.rate, {"generator_cpu_seconds": result.cpu_seconds})


def check_far_side(server: SipServer, result: LoadResult) -> None:
    """Each call reached the called phone once, was acknowledged and was hung up there too."""
    for method in ("INVITE", "ACK", "BYE"):
        seen, repeats = result.called.get(method, 0), result.retransmissions + result.repeated_answers
        if not result.completed <= seen <= result.completed + repeats:
            raise ProgramError(f"{server.name}: {seen} {method} of {result.completed} calls reached the called phones")


def measure_held(bench: Bench) -> Iterator[Reading]:
    """Calls come up at a steady rate and stay: what each further one takes, once all that is no call has its size.

    That is some time after `fade_seconds`, when as many transactions end as begin; the last messages, which are kept to
    be looked at, have filled their ring by then. No call has ended before: what it leaves free would be used again.
    """
    number, skipped = bench.plan.held_calls, bench.plan.fade_seconds + 2.0
    for callee in callees(bench):
        with callee.server as server:
            with callee.load(bench, *holding(number)) as load, MemoryWatch(server) as watch:
                load.go_and_hold(watch.stop)
            samples = [(at, kib) for at, kib in watch.samples if skipped <= at <= number / HOLD_RATE]
            yield Reading("memory-call", server.name, slope(samples) / HOLD_RATE, {"calls": number, "samples": samples})


def holding(number: int) -> tuple[object, ...]:
    return ("--count", number, "--rate", HOLD_RATE, "--hold-until-told")


class MemoryWatch(Background):
    """Looks at a server's memory while it is entered."""

    def __init__(self, server: SipServer) -> None:
        super().__init__()
        self.samples: list[tuple[float, float]] = []
        """Seconds since it was entered, KiB."""
        self._server = server

    def _run(self) -> None:
        started = time.monotonic()
        while not self._ending.wait(SAMPLE_SECONDS):
            self.samples.append((time.monotonic() - started, self._server.memory_kib()))
