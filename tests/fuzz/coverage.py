"""Inputs that are guided by which branches they reach: atheris (libFuzzer), one process for each target.

The corpus that libFuzzer grows stays in the folder for the next time. An input that breaks an invariant ends the
process of its target and lies there as a crash file.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.targets.catalogue import TARGETS

INSTRUMENTED = ("sip_daemon.message", "sip_daemon.sdp", "sip_daemon.media.packets", "appliance.control")
MAX_BYTES = 2048


def explore(names: Sequence[str], count: int, folder: Path) -> int:
    """Run each target for its share of `count`. Exit code 1 when one broke its invariant."""
    chosen = [name for name in names if name in TARGETS]
    whole = sum(TARGETS[name].share for name in chosen)
    broken = 0
    for name in chosen:
        corpus = folder / "corpus" / name
        corpus.mkdir(parents=True, exist_ok=True)
        for index, seed in enumerate([*TARGETS[name].seeds(), *TARGETS[name].extra_seeds()]):
            (corpus / f"seed-{index}").write_bytes(seed)
        runs = max(1, round(count * TARGETS[name].share / whole))
        print(f"{name}: {runs:,} inputs", file=sys.stderr, flush=True)
        options = [f"-runs={runs}", f"-max_len={MAX_BYTES}", "-timeout=20", f"-artifact_prefix={folder}/{name}-"]
        command = [sys.executable, "-m", "tests.fuzz.coverage", name, *options, "-print_final_stats=1", str(corpus)]
        broken += subprocess.run(command, check=False).returncode != 0
    print(f"{len(chosen)} targets, {broken} broken")
    return 1 if broken else 0


def run_target() -> None:
    """The process of one target: `python -m tests.fuzz.coverage TARGET [libFuzzer's options]`."""
    import importlib

    atheris = importlib.import_module("atheris")
    name = sys.argv.pop(1)
    for module in [one for one in sys.modules if one.startswith((*INSTRUMENTED, "tests.fuzz.targets"))]:
        del sys.modules[module]
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        catalogue = importlib.import_module("tests.fuzz.targets.catalogue")
    atheris.Setup(sys.argv, catalogue.TARGETS[name].check)
    atheris.Fuzz()


if __name__ == "__main__":
    run_target()
