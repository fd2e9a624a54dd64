"""The verbs of `gosip bench` that compare GoSIP with itself, later or busier: `soak`, `growth`, `audio` and `api`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.comparison import api, audio, growth, machine, soak
from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.endurance import Endurance
from tests.benchmarks.comparison.generator import build
from tests.benchmarks.comparison.plan import Plan
from tests.benchmarks.comparison.programs import ProgramError


@dataclass(frozen=True, slots=True)
class Verb:
    """A long run."""

    words: str | None
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Bench, argparse.Namespace, Callable[[str], None]], Endurance]


VERBS: Final = {
    "soak": Verb(soak.__doc__, soak.add_options, soak.run),
    "growth": Verb(growth.__doc__, growth.add_options, growth.run),
    "audio": Verb(audio.__doc__, audio.add_options, audio.run),
    "api": Verb(api.__doc__, api.add_options, api.run),
}


def main(verb: str, arguments: Sequence[str], say: Callable[[str], None]) -> int:
    """Exit code 0: all met; 1: something was missed or failed; 2: wrong usage."""
    chosen = VERBS[verb]
    made = argparse.ArgumentParser(prog=f"gosip bench {verb}", description=chosen.words)
    chosen.add_options(made)
    made.add_argument("--json", type=Path, metavar="FILE", help="write the verdict and every sample as JSON")
    options = made.parse_args(arguments)
    say(f"{machine.describe()}; load {machine.load_average():.2f}")
    with tempfile.TemporaryDirectory(prefix="gosip-bench-") as folder:
        try:
            found = chosen.run(Bench(Plan(), build(Path(folder)), Path(folder), frozenset()), options, say)
        except (ProgramError, OSError, subprocess.SubprocessError) as error:
            print(f"gosip bench {verb}: {error}", file=sys.stderr)
            return 1
    print(found.table())
    if options.json:
        options.json.write_text(json.dumps(found.as_json(), indent=2) + "\n")
    return 0 if found.is_passed else 1
