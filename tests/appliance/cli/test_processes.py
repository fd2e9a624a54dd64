"""The command as a program of its own: terminals, pipes and the time it takes to start."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.support.cli import Gosip

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "appliance.cli")


def start(gosip: Gosip, *arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [*COMMAND, *arguments, "--data-dir", str(gosip.data)]
    return subprocess.Popen(command, cwd=ROOT, text=True, **options)  # type: ignore[call-overload,no-any-return]


def test_a_reader_that_leaves_ends_the_command_quietly(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    reading, writing = os.pipe()
    os.close(reading)
    process = start(gosip, "device", "list", stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (1, "")


def test_a_person_at_a_terminal_is_asked_before_a_device_is_removed(gosip: Gosip) -> None:
    gosip.text("device", "add", "201", "--name", "Ada")
    terminal, theirs = pty.openpty()
    process = start(gosip, "device", "remove", "201", stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    asked = b""
    while b"[y/N]" not in asked:
        asked += os.read(terminal, 1024)
    os.write(terminal, b"n\n")
    assert process.wait(20) == 1
    os.close(terminal)
    assert b"Remove the device 201 (201 Ada)?" in asked
    assert gosip.json("device", "list")["total"] == 1


def test_standard_output_holds_the_result_and_nothing_else(nowhere: Gosip) -> None:
    process = start(nowhere, "device", "add", "201", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    result, notes = process.communicate(timeout=20)
    assert process.returncode == 0
    assert result.startswith("Number:")
    assert notes == f"Note: {nowhere.data} is a new data folder.\n"


def test_the_command_starts_quickly(gosip: Gosip) -> None:
    def seconds() -> float:
        process = start(gosip, "device", "list", stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return usage.ru_utime + usage.ru_stime

    # The processor's time, and the best of a few: other programs on the machine are not what is measured.
    assert min(seconds() for _ in range(5)) < 0.3
