"""Which peers this machine has, in which version, and why one is left out."""

from __future__ import annotations

import re
import subprocess

from tests.benchmarks.peers import kamailio, rtpengine, sippy
from tests.benchmarks.peers.kamailio import Kamailio
from tests.benchmarks.peers.rtpengine import Rtpengine
from tests.benchmarks.peers.sippy import Sippy

NO_ASTERISK = "left out: Debian 12 has no package of it"


def available() -> frozenset[str]:
    found = {
        Kamailio.name: kamailio.is_available(),
        Rtpengine.name: rtpengine.is_available(),
        Sippy.name: sippy.is_available(),
    }
    return frozenset(name for name, here in found.items() if here)


def described(chosen: frozenset[str], *, wanted: bool) -> dict[str, str]:
    """By name: its version, or why it is not measured."""
    absent = "left out: not installed" if wanted else "left out: --no-peers"
    ask_sippy = "import importlib.metadata as m; print(m.version('sippy'))"
    commands = {
        Kamailio.name: [kamailio.PROGRAM, "-v"],
        Rtpengine.name: [rtpengine.PROGRAM, "--version"],
        Sippy.name: [str(sippy.python()), "-c", ask_sippy],
    }
    known = {name: version(command) if name in chosen else absent for name, command in commands.items()}
    return {**known, "Asterisk": NO_ASTERISK}


def version(command: list[str]) -> str:
    """The first number with dots in what it prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "of an unknown version"
