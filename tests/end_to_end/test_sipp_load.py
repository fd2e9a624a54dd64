"""A thousand registrations and five hundred calls in a row: none fails, nothing is left over."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import sipp
from tests.support.sipp import Sipp, credentials
from tests.support.system import Account, GosipSystem
from tests.support.waiting import free_port, wait_for

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not sipp.is_available(), reason="SIPp is not installed"),
]

REGISTRATIONS = 1000
CALLS = 500


@pytest.fixture(scope="module")
def gosip() -> Iterator[GosipSystem]:
    with GosipSystem() as system:
        yield system


@pytest.fixture(scope="module")
def fleet(gosip: GosipSystem) -> list[Account]:
    """A thousand devices, imported from a file as an administrator would."""
    path = gosip.folder / "fleet.csv"
    accounts = [Account(str(5000 + index), str(5000 + index), f"secret-{index}-x7Qp") for index in range(REGISTRATIONS)]
    path.write_text("number,name,password\n" + "".join(f"{a.number},User {a.number},{a.password}\n" for a in accounts))
    result = gosip.json("device", "import", str(path))
    assert result["imported"] == REGISTRATIONS
    return accounts


def process_id(gosip: GosipSystem, name: str) -> int:
    processes: list[dict[str, object]] = gosip.json("status")["processes"]
    return next(int(str(process["pid"])) for process in processes if process["name"] == name)


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def register(
    gosip: GosipSystem, folder: Path, accounts: list[Account], contact_port: int, transport: str = "u1"
) -> sipp.Outcome:
    rows = [f"{a.username};{credentials(a.username, a.password)};{contact_port}" for a in accounts]
    load = Sipp(folder, "register", gosip.server, port=free_port(kind=socket.SOCK_DGRAM), rows=rows)
    return load.run(calls=len(accounts), rate=400, transport=transport)


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_a_thousand_phones_register(gosip: GosipSystem, fleet: list[Account], tmp_path: Path, transport: str) -> None:
    outcome = register(gosip, tmp_path / "register", fleet, 9, transport)
    assert (outcome.successful, outcome.failed) == (REGISTRATIONS, 0), outcome.output
    assert gosip.json("status")["sip"]["counts"]["devices_online"] == REGISTRATIONS


def test_five_hundred_calls_leave_nothing_behind(gosip: GosipSystem, fleet: list[Account], tmp_path: Path) -> None:
    callee, caller = fleet[0], fleet[1]
    answer_port = free_port(kind=socket.SOCK_DGRAM)
    assert register(gosip, tmp_path / "register", [callee], answer_port).failed == 0
    pid = process_id(gosip, "sip")
    before = descriptors(pid)
    answering = Sipp(tmp_path / "answer", "answer", gosip.server, port=answer_port)
    process = answering.start("-t", "u1", "-mp", str(free_port(kind=socket.SOCK_DGRAM)))
    try:
        rows = [f"{caller.username};{credentials(caller.username, caller.password)};{callee.number}"]
        calling = Sipp(tmp_path / "call", "call", gosip.server, port=free_port(kind=socket.SOCK_DGRAM), rows=rows)
        outcome = calling.run(calls=CALLS, rate=25, limit=20, timeout=90)
    finally:
        process.terminate()
        process.wait(10)
    assert (outcome.successful, outcome.failed) == (CALLS, 0), outcome.output

    history = gosip.json("call", "list", "--limit", "1")
    assert history["total"] >= CALLS
    # Transactions fade out: timer J and the Accepted state last 32 s (RFC 3261 table 4, RFC 6026 §7).
    wait_for(lambda: gosip.json("status")["sip"]["counts"]["transactions"] == 0, "the transactions to end", seconds=40)
    counts = gosip.json("status")["sip"]["counts"]
    assert (counts["calls"], counts["dialogs"]) == (0, 0)
    assert descriptors(pid) <= before
    for worker in gosip.json("status")["sip"]["media"]:
        assert worker["sessions"] == 0
