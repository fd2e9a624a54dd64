"""See whether audio waits for anything else that the machine does.

Calls carry audio while nothing else happens, while phones register at a high rate, while the database is backed up
again and again, and while logs are written and rotated. Met: no packet is lost, and 99 of 100 packets are as much in
time as in quiet, give or take a millisecond, which is what a scheduler's tick may cost.
"""

from __future__ import annotations

import argparse
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.endurance import Check, Endurance, at_most, exactly
from tests.benchmarks.comparison.generator import RelayResult, RtpLoad
from tests.benchmarks.comparison.product import FIRST_PHONE, Product

CALLS: Final = 50
CALL_RATE: Final = 20
REGISTERING: Final = 1000
REGISTER_RATE: Final = 500
FIRST_ADDRESS: Final = "127.1.0.1"
LEEWAY_MS: Final = 1.0
LOG_BYTES: Final = 10 * 1024 * 1024
"""After so much a log is rotated (appliance/supervision/programs.py)."""
LOG_PIECE: Final = 64 * 1024
LOG_BACKUPS: Final = 5

Say = Callable[[str], None]
Disturbance = Callable[[Bench, Product, float], AbstractContextManager[None]]


def add_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--seconds", type=float, default=20.0, metavar="N", help="of each part; 20 unless given")


def run(bench: Bench, options: argparse.Namespace, say: Say) -> Endurance:
    found: dict[str, RelayResult] = {}
    with bench.product(2 * CALLS + REGISTERING) as server:
        with bench.sip_load("register", server, *PHONES, "--count", REGISTERING, "--window", 16) as load:
            load.go()
        for name, disturbance in DISTURBANCES.items():
            say(f"{CALLS} calls, {options.seconds:g} s: {name}")
            with disturbance(bench, server, options.seconds):
                found[name] = carry(bench, server, options.seconds)
    return Endurance(list(verdict(found)), details={name: asdict(result) for name, result in found.items()})


def carry(bench: Bench, server: Product, seconds: float) -> RelayResult:
    """The audio of all calls, both ways, for so long."""
    ports = bench.folder / "ports"
    with RtpLoad(bench.generators.rtp, CALLS, seconds, FIRST_ADDRESS) as audio:
        ports.write_text("".join(f"{one} {other}\n" for one, other in audio.ports))
        how = ("--users", 2 * CALLS, "--count", CALLS, "--rate", CALL_RATE, "--hold-until-told", "--audio", ports)
        with bench.sip_load("call", server, *how) as calls:
            audio.begin(calls.hold_with_audio(CALLS))
            result = audio.result()
            calls.go()
    return result


def verdict(found: dict[str, RelayResult]) -> Iterator[Check]:
    quiet = next(iter(found.values())).p99_us / 1000
    for name, result in found.items():
        p99 = result.p99_us / 1000
        yield Check(f"{name}: delay p50", result.p50_us / 1000, "ms")
        if p99 == quiet:
            yield Check(f"{name}: delay p99", p99, "ms")
        else:
            yield at_most(f"{name}: delay p99", p99, round(quiet + LEEWAY_MS, 2), "ms")
        yield exactly(f"{name}: packets lost", result.sent - result.received, 0)
        yield Check(f"{name}: sent late by the generator itself, p99", result.late_us / 1000, "ms")


# What else happens

PHONES: Final = ("--first", FIRST_PHONE + 2 * CALLS, "--users", REGISTERING)


def nothing(bench: Bench, server: Product, seconds: float) -> AbstractContextManager[None]:
    return nullcontext()


@contextmanager
def registering(bench: Bench, server: Product, seconds: float) -> Iterator[None]:
    at_rate = (*PHONES, "--rate", REGISTER_RATE, "--seconds", round(seconds) + 2)
    with bench.sip_load("register", server, *at_rate) as load:
        load.begin()
        yield
        load.result()


def backing_up(bench: Bench, server: Product, seconds: float) -> AbstractContextManager[None]:
    return repeating(lambda: back_up(server.data / "gosip.sqlite3", bench.folder / "copy.sqlite3"))


def back_up(database: Path, copy: Path) -> None:
    """A consistent copy, written to the disk."""
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        target.execute("PRAGMA synchronous = FULL")
        source.backup(target)


def rotating(bench: Bench, server: Product, seconds: float) -> AbstractContextManager[None]:
    return repeating(lambda: write_and_rotate(server.data / "logs" / "busy.log"))


def write_and_rotate(log: Path) -> None:
    """A log grows to its size, and the older ones move up by one."""
    log.parent.mkdir(exist_ok=True)
    piece = b"x" * LOG_PIECE
    with log.open("wb", buffering=0) as file:
        for _ in range(LOG_BYTES // LOG_PIECE):
            file.write(piece)
    for number in range(LOG_BACKUPS, 0, -1):
        older = log if number == 1 else log.with_suffix(f".log.{number - 1}")
        if older.exists():
            older.replace(log.with_suffix(f".log.{number}"))


@contextmanager
def repeating(work: Callable[[], None]) -> Iterator[None]:
    """Again and again in a thread, while the with-block lasts."""
    ending = threading.Event()

    def go_on() -> None:
        while not ending.is_set():
            work()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


DISTURBANCES: Final[dict[str, Disturbance]] = {
    "quiet": nothing,
    f"{REGISTER_RATE} REGISTER/s": registering,
    "backups": backing_up,
    "rotating logs": rotating,
}
"""The first is what the others are held against."""
