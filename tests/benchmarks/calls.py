"""CPU time of `sip`, thread by thread, and of the media workers for each call: challenge, ringing, answer, media, BYE.

Run it with `python -m tests.benchmarks.calls [calls] [calls a second]`; it needs SIPp. A whole system is brought up
in a folder of its own. The load is that of tests/end_to_end/test_sipp_load.py: a call lasts a tenth of a second.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path

from tests.support.sipp import Sipp, credentials
from tests.support.system import GosipSystem
from tests.support.waiting import free_port

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_by_thread(pid: int) -> dict[str, float]:
    """Milliseconds of CPU that each thread of a process has used, by the number of the thread."""
    used = {}
    for task in sorted(Path(f"/proc/{pid}/task").iterdir(), key=lambda path: int(path.name)):
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        used[task.name] = (int(fields[11]) + int(fields[12])) * 1000 / TICKS_PER_SECOND
    return used


def process_ids(gosip: GosipSystem) -> dict[str, int]:
    """Of `sip` and of the media workers."""
    processes = gosip.json("status")["processes"]
    return {one["name"]: one["pid"] for one in processes if one["name"].startswith(("sip", "media"))}


def run_calls(gosip: GosipSystem, folder: Path, calls: int, rate: int) -> None:
    caller, callee = gosip.add_device("1001"), gosip.add_device("1002")
    answer_port, call_port = (free_port(kind=socket.SOCK_DGRAM) for _ in range(2))
    row = f"{callee.username};{credentials(callee.username, callee.password)};{answer_port}"
    register = Sipp(folder / "register", "register", gosip.server, port=free_port(kind=socket.SOCK_DGRAM), rows=[row])
    assert register.run(calls=1, rate=1).failed == 0
    media_port = str(free_port(kind=socket.SOCK_DGRAM))
    answering = Sipp(folder / "answer", "answer", gosip.server, port=answer_port).start("-t", "u1", "-mp", media_port)
    try:
        row = f"{caller.username};{credentials(caller.username, caller.password)};{callee.number}"
        calling = Sipp(folder / "call", "call", gosip.server, port=call_port, rows=[row])
        ids = process_ids(gosip)
        before = {name: cpu_by_thread(pid) for name, pid in ids.items()}
        print("processes", ids, flush=True)
        outcome = calling.run(calls=calls, rate=rate, timeout=max(60, 3 * calls // rate))
        after = {name: cpu_by_thread(pid) for name, pid in ids.items()}
    finally:
        answering.terminate()
        answering.wait(10)
    print(f"{outcome.successful} calls, {outcome.failed} failed, {outcome.retransmissions} retransmissions")
    for name, threads in after.items():
        used = {thread: value - before[name].get(thread, 0.0) for thread, value in threads.items()}
        parts = ", ".join(f"{value / calls:.2f}" for value in used.values() if value)
        print(f"{name}: {sum(used.values()) / calls:.2f} ms a call (threads, the main one first: {parts})")


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    with tempfile.TemporaryDirectory() as folder, GosipSystem({"GOSIP_MEDIA_WORKERS": "1"}) as gosip:
        run_calls(gosip, Path(folder), calls, rate)


if __name__ == "__main__":
    main()
