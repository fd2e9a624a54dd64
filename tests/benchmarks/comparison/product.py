"""GoSIP as it is measured: `sip` and one media worker on the server's core, on a copy of a prepared data folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appliance.control.client import ControlClient
from appliance.supervision.programs import SIGNALLING_MEMORY
from tests.benchmarks.comparison.programs import Program, ProgramError
from tests.benchmarks.comparison.server import Probe, two_way_port

ROOT = Path(__file__).parents[3]
FIRST_PHONE = 100000
PASSWORD = "benchmark-"
"""The number of the phone follows, as in `sipload` and in kamailio.cfg."""
RTP_PORTS = "20000-29999"


def python_environment() -> dict[str, str]:
    """Nothing of the caller's own GoSIP reaches the one that is measured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GOSIP_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


def prepare_folder(folder: Path, phones: int) -> Path:
    """A data folder with so many devices, to be copied for each start."""
    numbers = range(FIRST_PHONE, FIRST_PHONE + phones)
    table = folder / f"phones-{phones}.csv"
    rows = [f"{number},Phone {number},{PASSWORD}{number}\n" for number in numbers]
    table.write_text("number,name,password\n" + "".join(rows))
    data = folder / f"data-{phones}"
    subprocess.run(
        [sys.executable, "-m", "appliance.cli", "device", "import", str(table), "--data-dir", str(data), "--json"],
        env=python_environment(),
        check=True,
        capture_output=True,
    )
    return data


class Product:
    """The processes; `sip_only` leaves the media worker out where no call is made, `settings` are GOSIP_ variables."""

    name = "GoSIP"

    def __init__(self, prepared: Path, *, sip_only: bool = False, settings: Mapping[str, str] | None = None) -> None:
        self._prepared = prepared
        self._settings = settings or {}
        self._sip_only = sip_only
        self._folder = Path()
        self.server = ""
        self.answered_at = 0.0
        """When `sip` gave its first answer, on the monotonic clock."""
        self.sip: Program
        self.media: Program | None = None

    def __enter__(self) -> Self:
        # Short, since the control sockets lie in it and the kernel limits the length of their paths.
        self._folder = Path(tempfile.mkdtemp(prefix="gosip-bench-"))
        data = self._folder / "data"
        shutil.copytree(self._prepared, data)
        port = two_way_port()
        self.server = f"127.0.0.1:{port}"
        environment = python_environment() | {
            "GOSIP_DATA_DIR": str(data),
            "GOSIP_BIND_ADDRESS": "127.0.0.1",
            "GOSIP_SIP_PORT": str(port),
            "GOSIP_RTP_PORTS": RTP_PORTS,
            "GOSIP_MEDIA_WORKERS": "1",
            **self._settings,
        }
        python = [sys.executable, "-u", "-m"]
        self.sip = Program("sip", [*python, "sip_daemon"], self._folder / "sip.log", environment | SIGNALLING_MEMORY)
        try:
            if not self._sip_only:
                self._start_media(python, environment, data)
            self.start_sip()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def _start_media(self, python: list[str], environment: dict[str, str], data: Path) -> None:
        command = [*python, "sip_daemon.media", "--index", "0", "--workers", "1"]
        self.media = Program("media", command, self._folder / "media.log", environment)
        self.media.start()
        self.media.wait_until(lambda: accepts(data / "run" / "media-0.sock"))

    def start_sip(self) -> None:
        """Returns when it answers and has found its media worker."""
        probe, seen = Probe(self.server), len(self._log())
        try:
            self.sip.start()
            self.sip.wait_until(probe.answers, pause=0)
            self.answered_at = time.monotonic()
        finally:
            probe.close()
        if self.media is not None:
            self.sip.wait_until(lambda: "media worker 0 is connected" in self._log()[seen:])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sip.stop()
        if self.media is not None:
            self.media.stop()
        trouble = [line for line in self._log().splitlines() if " ERROR " in line or "Traceback" in line]
        shutil.rmtree(self._folder, ignore_errors=True)
        if trouble and kind is None:
            raise ProgramError(f"sip logged an error: {trouble[0]}")

    def _log(self) -> str:
        path = self._folder / "sip.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def programs(self) -> list[Program]:
        return [self.sip] if self.media is None else [self.sip, self.media]

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self._folder / "data"

    def status(self) -> dict[str, Any]:
        """What `sip` says of itself (`gosip status`)."""
        status: dict[str, Any] = ControlClient(self.data / "run" / "sip.sock").call("status")
        return status

    def cpu_seconds(self) -> float:
        return self.sip.cpu_seconds() + (self.media.cpu_seconds() if self.media is not None else 0.0)

    def memory_kib(self) -> float:
        return self.sip.memory_kib()


def accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
