"""sippy, a back-to-back user agent in Python: `b2bua_simple`, which challenges nobody and touches no media."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks.comparison.programs import Program
from tests.benchmarks.comparison.server import Probe, two_way_port

FIRST_CALLED = "127.1.0.101"
"""Where `sipload` has its called phones; sippy sends every call to one address."""


FOLDER = Path(__file__).parents[3] / ".venv-peers"


def python() -> Path | None:
    """The interpreter of the environment that `./gosip bench` installs it into."""
    path = FOLDER / "bin" / "python"
    return path if path.exists() else None


def is_available() -> bool:
    return python() is not None


class Sippy:
    """`called_port` is the generator's UDP port: all calls go there."""

    name = "sippy"

    def __init__(self, called_port: int) -> None:
        self._called_port = called_port
        self.server = ""
        self._folder = Path()
        self._program: Program

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="sippy-bench-"))
        port = two_way_port()
        self.server = f"127.0.0.1:{port}"
        command = [
            str(python()), "-m", "sippy.b2bua_simple",
            "-f", "-l", "127.0.0.1", "-p", str(port), "-n", f"{FIRST_CALLED}:{self._called_port}",
        ]  # fmt: skip
        environment = {"SIPLOG_BEND": "none", "PYTHONPATH": ""}
        self._program = Program("sippy", command, self._folder / "log", environment)
        probe = Probe(self.server)
        try:
            self._program.start()
            self._program.wait_until(probe.answers, pause=0)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        finally:
            probe.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def cpu_seconds(self) -> float:
        return self._program.cpu_seconds()

    def memory_kib(self) -> float:
        return self._program.memory_kib()
