"""Feed GoSIP's parsers, and its whole signalling in memory, with damaged messages.

The invariant of each target: any bytes parse or raise the one documented error, in bounded time; what parses is
written and parses again to the same. The endpoint keeps more: no exception, no state that stays, no answer to a
stranger of more than three times what he sent. Failing inputs are made small and kept in a folder; one that is a bug
becomes a file in tests/data/fuzz/found, which the ordinary tests feed again.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from tests.fuzz.campaign import CHUNK, Failure, Tally, judge, run_chunk
from tests.fuzz.coverage import explore
from tests.fuzz.targets.catalogue import TARGETS
from tests.fuzz.world import STEPS, converse

ENDPOINT = "endpoint"
ENDPOINT_SHARE = 0.1
NAMES = (*TARGETS, ENDPOINT)
CONVERSATIONS = 10
"""Of the endpoint, in one chunk."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of work with a seed of its own."""

    target: str
    seed: str
    number: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: every invariant held; 1: one was broken; 2: wrong usage."""
    options = parser().parse_args(arguments)
    names = options.target or list(NAMES)
    if options.replay:
        return replay(options.replay, names)
    if options.coverage:
        return explore(names, options.count, options.keep)
    seed = options.seed if options.seed is not None else str(SystemRandom().randrange(10**9))
    say(f"seed {seed}: `./gosip fuzz --seed {seed} --count {options.count}` repeats this")
    started = time.monotonic()
    tallies = run(list(chunks(names, options.count, seed)), options.jobs)
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    for failure in failures:
        keep(failure, options.keep)
    report(tallies, time.monotonic() - started, as_json=options.json, seed=seed)
    return 1 if failures else 0


def chunks(names: Sequence[str], count: int, seed: str) -> Iterator[Chunk]:
    shares = {name: TARGETS[name].share if name in TARGETS else ENDPOINT_SHARE for name in names}
    whole = sum(shares.values())
    for name, share in shares.items():
        left, index = max(1, round(count * share / whole)), 0
        while left > 0:
            number = min(left, STEPS * CONVERSATIONS if name == ENDPOINT else CHUNK)
            yield Chunk(name, f"{seed}:{name}:{index}", number)
            left, index = left - number, index + 1


def run(work: list[Chunk], jobs: int) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {}
    done = 0
    with ProcessPoolExecutor(jobs, initializer=quiet) as pool:
        waiting = {pool.submit(run_one, chunk): chunk for chunk in work}
        for future in as_completed(waiting):
            chunk = waiting[future]
            tallies.setdefault(chunk.target, Tally()).add(future.result())
            done += 1
            if done % 50 == 0 or done == len(work):
                inputs = sum(tally.inputs for tally in tallies.values())
                broken = sum(len(tally.failures) for tally in tallies.values())
                say(f"{done} of {len(work)} chunks, {inputs:,} inputs, {broken} broke an invariant")
    return tallies


def run_one(chunk: Chunk) -> Tally:
    if chunk.target in TARGETS:
        return run_chunk(TARGETS[chunk.target], chunk.seed, chunk.number)
    tally = Tally()
    part = 0
    while tally.inputs < chunk.number:
        seed = f"{chunk.seed}:{part}"
        number, what, steps = converse(seed, min(STEPS, chunk.number - tally.inputs))
        tally.inputs += number
        part += 1
        if what:
            story = [{"what": step.what, "flow": step.flow, "data": step.data.decode("latin-1")} for step in steps]
            tally.failures.append(Failure(ENDPOINT, json.dumps(story, indent=1).encode(), seed, what))
    return tally


def quiet() -> None:
    """What the program logs is not for the terminal here; `world` listens for errors itself."""
    logger = logging.getLogger("sip_daemon")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())


def keep(failure: Failure, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    kind = "json" if failure.target == ENDPOINT else "bin"
    path = folder / f"{failure.target}-{failure.seed.replace(':', '-')}-{abs(hash(failure.data)) % 10**6}.{kind}"
    path.write_bytes(failure.data)
    say(f"{failure.target}: {failure.what[:400]}\n  kept in {path}; seed {failure.seed}")


def report(tallies: dict[str, Tally], seconds: float, *, as_json: bool, seed: str) -> None:
    rows = {
        name: {
            "inputs": tally.inputs,
            "broken": len(tally.failures),
            "slowest_ms": round(1000 * tally.slowest, 1),
            "reasons": dict(Counter(failure.what[:200] for failure in tally.failures)),
        }
        for name, tally in sorted(tallies.items())
    }
    if as_json:
        print(json.dumps({"seed": seed, "seconds": round(seconds, 1), "targets": rows}, indent=2))
        return
    for name, row in rows.items():
        print(f"{name:10} {row['inputs']:>9,} inputs  {row['broken']:>4} broken  slowest {row['slowest_ms']} ms of CPU")
    total = sum(tally.inputs for tally in tallies.values())
    broken = sum(len(tally.failures) for tally in tallies.values())
    print(f"{'all':10} {total:>9,} inputs  {broken:>4} broken  in {seconds:.0f} s")


def replay(path: Path, names: Sequence[str]) -> int:
    """One kept input once more, through the target that its name begins with, or those that are named."""
    data = path.read_bytes()
    named = path.name.partition("-")[0]
    broken = 0
    for name in [named] if named in TARGETS else [name for name in names if name in TARGETS]:
        what = judge(TARGETS[name].check, data)[0]
        print(f"{name}: {what or 'holds'}")
        broken += bool(what)
    return 1 if broken else 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="gosip fuzz", description=__doc__)
    made.add_argument("--target", nargs="+", choices=NAMES, metavar="TARGET", help=f"only these of: {', '.join(NAMES)}")
    made.add_argument("--count", type=int, default=100_000, metavar="N", help="inputs of all targets together; 100000")
    made.add_argument("--seed", metavar="S", help="repeat a run; chance unless given")
    made.add_argument(
        "--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="J", help="processes; all cores"
    )
    made.add_argument(
        "--coverage", action="store_true", help="guided by coverage (atheris), one target after the other"
    )
    made.add_argument("--replay", type=Path, metavar="FILE", help="feed one kept input again")
    made.add_argument("--keep", type=Path, default=Path("data/fuzz"), metavar="DIR", help="where failing inputs go")
    made.add_argument("--json", action="store_true", help="the counts as JSON")
    return made


def say(text: str) -> None:
    """Progress, apart from the counts."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
