"""The scanners of SIPVicious, which search the internet for phone systems, learn nothing and are kept out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import baresip
from tests.support.baresip import Baresip
from tests.support.system import Account, GosipSystem

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(shutil.which("svcrack") is None, reason="sipvicious is not installed"),
    pytest.mark.skipif(not baresip.is_available(), reason="baresip is not installed"),
]

SCANNER, ELSEWHERE = "127.0.0.1", "127.0.0.2"
"""The scanners can't be told which address to send from; so the phones are the ones that have another."""


@pytest.fixture(scope="module")
def gosip() -> Iterator[GosipSystem]:
    # On loopback everybody would be trusted.
    with GosipSystem({"GOSIP_NEVER_BAN": "none"}) as system:
        yield system


def scan(gosip: GosipSystem, folder: Path, tool: str, *arguments: str) -> str:
    """All that the tool says; it keeps its sessions in the folder."""
    command = [tool, *arguments, "--port", str(gosip.sip_port), SCANNER]
    environment = os.environ | {"HOME": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout + done.stderr


def bans(gosip: GosipSystem) -> dict[str, dict[str, Any]]:
    return {row["source"]: row for row in gosip.json("ban", "list")["items"]}


@pytest.fixture(scope="module")
def people(gosip: GosipSystem) -> tuple[Account, Account]:
    return gosip.add_device("2001", "Ada"), gosip.add_device("2002", "Grace")


def plug_in(gosip: GosipSystem, folder: Path, account: Account, tone: float, *, answer: bool = False) -> Baresip:
    return Baresip(
        folder / account.number,
        username=account.username,
        password=account.password,
        server=gosip.server,
        host=ELSEWHERE,
        tone=tone,
        answer=answer,
    )


def test_a_scan_and_guesses_get_nowhere_while_phones_elsewhere_register_and_call(
    gosip: GosipSystem, people: tuple[Account, Account], tmp_path: Path
) -> None:
    ada, grace = people
    with plug_in(gosip, tmp_path, grace, 1300.0, answer=True) as callee:
        callee.wait_registered()
        found = scan(gosip, tmp_path, "svmap")
        assert gosip.server in found, "who answers is no secret"
        assert ada.number not in found
        assert not bans(gosip), "a single question is no attack"

        words = tmp_path / "words"
        words.write_text("".join(f"guess{number}\n" for number in range(40)) + f"{ada.password}\n")
        cracked = scan(gosip, tmp_path, "svcrack", "-u", ada.username, "-d", str(words), "--maximumtime", "1")
        assert "found nothing" in cracked
        assert ada.password not in cracked
        ban = bans(gosip)[SCANNER]
        assert (ban["state"], ban["reason"]) == ("banned", "wrong-credentials")
        assert ban["blocked"] > 0

        with plug_in(gosip, tmp_path, ada, 700.0) as caller:
            caller.wait_registered()
            caller.dial(grace.number)
            caller.wait_event("CALL_ESTABLISHED")
        assert ELSEWHERE not in bans(gosip)
        gosip.json("ban", "remove", SCANNER)


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
def test_nobody_learns_which_numbers_there_are(
    gosip: GosipSystem, people: tuple[Account, Account], tmp_path: Path, method: str
) -> None:
    numbers = ",".join(account.number for account in people)
    enumerated = scan(gosip, tmp_path, "svwar", "--force", "-m", method, "-e", f"1995-1999,{numbers}")
    assert "found nothing" in enumerated
