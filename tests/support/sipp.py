"""SIPp as a load of well-behaved phones: scenarios from tests/data/sipp, one user a line of an injection file."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCENARIOS = Path(__file__).parent.parent / "data" / "sipp"


def is_available() -> bool:
    return shutil.which("sipp") is not None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What SIPp counted."""

    successful: int
    failed: int
    retransmissions: int
    output: str


def credentials(username: str, password: str) -> str:
    """The field that SIPp turns into an Authorization header."""
    return f"[authentication username={username} password={password}]"


class Sipp:
    """One SIPp process. `start` for one that waits for calls, `run` for one that makes them."""

    def __init__(self, folder: Path, scenario: str | Path, server: str, *, port: int, rows: Sequence[str] = ()) -> None:
        """`scenario` is the name of one in tests/data/sipp, or a file."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        file = scenario if isinstance(scenario, Path) else SCENARIOS / f"{scenario}.xml"
        self._arguments = [
            "sipp", server, "-sf", str(file), "-i", "127.0.0.1", "-mi", "127.0.0.1",
            "-p", str(port), "-nostdin", "-trace_err", "-error_file", str(folder / "errors"),
            "-trace_stat", "-stf", str(folder / "statistics.csv"), "-fd", "1",
        ]  # fmt: skip
        if rows:
            injection = folder / "users.csv"
            injection.write_text("SEQUENTIAL\n" + "".join(f"{row}\n" for row in rows))
            self._arguments += ["-inf", str(injection)]

    def run(self, *, calls: int, rate: int, transport: str = "u1", limit: int = 100, timeout: int = 60) -> Outcome:
        """Make that many calls; SIPp's own time-out ends it in any case."""
        process = self.start(
            "-m", str(calls), "-r", str(rate), "-l", str(limit), "-t", transport,
            "-timeout", f"{timeout}s", "-recv_timeout", "12000",
        )  # fmt: skip
        process.wait(timeout + 20)
        return self.outcome()

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "screen").open("wb") as screen:
            return subprocess.Popen(
                [*self._arguments, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
            )

    def outcome(self) -> Outcome:
        lines = (self.folder / "statistics.csv").read_text().splitlines()
        row = dict(zip(lines[0].split(";"), lines[-1].split(";"), strict=False))
        errors = self.folder / "errors"
        text = errors.read_text(errors="replace")[-3000:] if errors.exists() else ""
        return Outcome(
            int(row["SuccessfulCall(C)"]),
            int(row["FailedCall(C)"]),
            int(row["Retransmissions(C)"]),
            re.sub(r"response=\"[0-9a-f]+\"", 'response="..."', text),
        )
