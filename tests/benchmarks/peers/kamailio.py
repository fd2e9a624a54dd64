"""Kamailio: registrar and stateful proxy, with the configuration beside this file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks.comparison.programs import Program
from tests.benchmarks.comparison.server import Probe, two_way_port

PROGRAM = "kamailio"
SHARED_MIB, PRIVATE_MIB = "256", "16"


def is_available() -> bool:
    return shutil.which(PROGRAM) is not None


class Kamailio:
    """One worker for UDP, one for TCP, and its housekeeping processes; all of them count."""

    name = "Kamailio"

    def __init__(self) -> None:
        self.server = ""
        self._folder = Path()
        self._program: Program

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="kamailio-bench-"))
        self.server = f"127.0.0.1:{two_way_port()}"
        configuration = Path(__file__).with_name("kamailio.cfg")
        command = [
            PROGRAM, "-f", str(configuration), "-l", f"udp:{self.server}", "-l", f"tcp:{self.server}",
            "-DD", "-E", "-m", SHARED_MIB, "-M", PRIVATE_MIB,
            "-P", str(self._folder / "pid"), "-Y", str(self._folder),
        ]  # fmt: skip
        self._program = Program(PROGRAM, command, self._folder / "log")
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
