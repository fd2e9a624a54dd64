"""Run GoSIP under a steady load and see whether it stays what it was.

Calls are up all the time, each with audio both ways whose delay is measured; known phones register, each REGISTER
challenged; a scanner tries numbers and passwords from other addresses. All processes are looked at every ten seconds.
Met: memory is flat, audio is in time and none of it lost, no registration and no call failed, nobody broke in, and
nothing is left over when all have gone home. Starting and fading add about two minutes to the time that is asked for.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.calling import check_far_side
from tests.benchmarks.comparison.endurance import (
    FADE_SECONDS,
    Check,
    Endurance,
    Sample,
    Sampler,
    at_most,
    exactly,
    last_part,
    leftovers,
    slope,
)
from tests.benchmarks.comparison.generator import LoadResult, RelayResult, RtpLoad, SipLoad
from tests.benchmarks.comparison.product import FIRST_PHONE, Product
from tests.benchmarks.comparison.programs import ProgramError
from tests.benchmarks.comparison.scanner import Scanner

CALLS = 50
CALL_RATE = 20
FIRST_ADDRESS = "127.1.0.1"
"""Of the generators' first phone."""
REGISTERING = 1000
"""Phones, beside those that call."""
REGISTER_RATE = 50
SCAN_RATE = 50
SAMPLE_SECONDS = 10.0
WARM_SECONDS = 40.0
"""Before the time counts: until then there are more transactions from second to second."""
MOST_DELAY_MS = 5.0
MOST_GROWTH = 32.0
"""KiB a minute, in the long run: ten bytes for each registration."""
STEP_KIB = 512.0
"""A memory allocator takes this much at a time, leak or no leak."""
STEADY_SECONDS = 300.0
"""From the start: until then nonces are collected that are remembered for so long, and the trace of messages fills."""
MOST_FILLING = 2048.0
"""KiB a minute, in addition, when the time that is looked at begins before that."""
MOST_NEW_DESCRIPTORS = 4
"""The database opens and closes some."""

Say = Callable[[str], None]


def add_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--minutes", type=minutes, default=30.0, metavar="N", help="how long; 30 unless given")


def minutes(text: str) -> float:
    value = float(text)
    if not 0.5 <= value <= 10_080:
        raise argparse.ArgumentTypeError("half a minute at least, a week at most")
    return value


def run(bench: Bench, options: argparse.Namespace, say: Say) -> Endurance:
    seconds = 60.0 * options.minutes
    # On loopback everybody would be trusted, the scanner too.
    with bench.product(2 * CALLS + REGISTERING, settings={"GOSIP_NEVER_BAN": "none"}) as server:
        load = Load(bench, server, WARM_SECONDS + seconds)
        with load.running():
            say(f"{CALLS} calls are up; {WARM_SECONDS:.0f} s until the number of transactions is steady")
            time.sleep(WARM_SECONDS)
            say(f"{options.minutes:g} minutes begin")
            with Sampler(server, SAMPLE_SECONDS, say) as sampler:
                time.sleep(seconds)
            load.finish()
        say(f"all have gone home; {FADE_SECONDS:.0f} s until the last transaction is forgotten")
        time.sleep(FADE_SECONDS)
        left = leftovers(server)
    checks = [*steadiness(sampler.samples), *load.checks(), *left]
    return Endurance(checks, sampler.samples, load.details())


class Load:
    """All that is done to the server."""

    def __init__(self, bench: Bench, server: Product, seconds: float) -> None:
        self._bench, self._server, self._seconds = bench, server, seconds
        self._scanner = Scanner(server.server, range(FIRST_PHONE, FIRST_PHONE + REGISTERING), SCAN_RATE)
        self._calls: SipLoad
        self._audio: RtpLoad
        self._registrations: SipLoad
        self.audio: RelayResult
        self.registered: LoadResult
        self.called: LoadResult

    @contextmanager
    def running(self) -> Iterator[None]:
        phones = ("--first", FIRST_PHONE + 2 * CALLS, "--users", REGISTERING)
        with self._bench.sip_load("register", self._server, *phones, "--count", REGISTERING, "--window", 16) as load:
            load.go()
        at_rate = (*phones, "--rate", REGISTER_RATE, "--seconds", round(self._seconds))
        with (
            RtpLoad(self._bench.generators.rtp, CALLS, self._seconds, FIRST_ADDRESS) as self._audio,
            self._calling() as self._calls,
            self._bench.sip_load("register", self._server, *at_rate) as self._registrations,
        ):
            self._audio.begin(self._calls.hold_with_audio(CALLS))
            self._registrations.begin()
            with self._scanner:
                yield

    def _calling(self) -> SipLoad:
        ports = self._bench.folder / "ports"
        ports.write_text("".join(f"{one} {other}\n" for one, other in self._audio.ports))
        options = ("--users", 2 * CALLS, "--count", CALLS, "--rate", CALL_RATE, "--hold-until-told", "--audio", ports)
        return self._bench.sip_load("call", self._server, *options)

    def finish(self) -> None:
        self.audio = self._audio.result()
        self.registered = self._registrations.counts()
        self.called = self._calls.go()
        check_far_side(self._server, self.called)

    def checks(self) -> list[Check]:
        audio, registered = self.audio, self.registered
        return [
            Check("audio packets", audio.sent),
            exactly("audio packets lost", audio.sent - audio.received, 0),
            at_most("audio delay, 99 of 100 packets", audio.p99_us / 1000, MOST_DELAY_MS, "ms"),
            Check("longest audio delay", audio.max_us / 1000, "ms"),
            Check("packets sent late by the generator itself, 99 of 100", audio.late_us / 1000, "ms"),
            Check("registrations", registered.completed),
            exactly("registrations failed", registered.started - registered.completed, 0),
            exactly("calls failed", CALLS - self.called.completed, 0),
            Check("requests of the scanner", self._scanner.sent),
            exactly("registrations that the scanner got", self._scanner.broken_in, 0),
        ]

    def details(self) -> dict[str, object]:
        return {
            "audio": asdict(self.audio),
            "registrations": asdict(self.registered),
            "calls": asdict(self.called),
            "scanner": {"sent": self._scanner.sent, "answers": dict(self._scanner.answers)},
        }


def steadiness(samples: Sequence[Sample]) -> list[Check]:
    """Of the last two thirds: the first may still load what is loaded late."""
    if len(samples) < 3:
        raise ProgramError("too short a time to see a slope")
    late = last_part(samples)
    growth = slope([(sample.at / 60, sample.whole_memory_kib) for sample in late])
    most = MOST_GROWTH + STEP_KIB * 60 / (late[-1].at - late[0].at)
    if WARM_SECONDS + late[0].at < STEADY_SECONDS:
        most += MOST_FILLING
    new = late[-1].all_descriptors - late[0].all_descriptors
    used = {name: late[-1].cpu_seconds[name] - late[0].cpu_seconds[name] for name in late[0].cpu_seconds}
    return [
        Check("memory at the end", late[-1].whole_memory_kib, "KiB"),
        at_most("memory growth, last two thirds", round(growth, 1), round(most, 1), "KiB/min"),
        Check("descriptors at the end", late[-1].all_descriptors),
        at_most("new descriptors, last two thirds", new, MOST_NEW_DESCRIPTORS),
        *(
            Check(f"CPU of {name}", 100 * seconds / (late[-1].at - late[0].at), "% of a core")
            for name, seconds in used.items()
        ),
    ]
