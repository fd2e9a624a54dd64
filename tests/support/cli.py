"""The `gosip` command in this process: what it prints, and with which exit code it ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from appliance.cli import main


@dataclass(frozen=True, slots=True)
class Gosip:
    """The command on one data folder."""

    data: Path

    def run(self, *arguments: str, stdin: str = "") -> Result:
        """Any verb. `--data-dir` is added behind it."""
        return CliRunner().invoke(main, [*arguments, "--data-dir", str(self.data)], input=stdin, prog_name="gosip")

    def text(self, *arguments: str, stdin: str = "") -> str:
        """Standard output of a verb that succeeds."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def json(self, *arguments: str, stdin: str = "") -> Any:
        """Its result, with `--json`."""
        return json.loads(self.text(*arguments, "--json", stdin=stdin))

    def refused(self, *arguments: str, code: int = 1, stdin: str = "") -> str:
        """What it says on standard error when it ends with that code, and nothing on standard output."""
        result = self.run(*arguments, stdin=stdin)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        return result.stderr

    def error(self, *arguments: str, code: int = 1, stdin: str = "") -> dict[str, Any]:
        """The same with `--json`: the error object."""
        error: dict[str, Any] = json.loads(self.refused(*arguments, "--json", code=code, stdin=stdin))["error"]
        return error
