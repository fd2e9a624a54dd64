"""What relaying a packet costs: N calls through one media worker, load from a C program on the other core.

    python -m tests.benchmarks.media_relay --calls 100 300 --seconds 10

Prints for each N: CPU time of the worker per relayed packet, loss, and latency through the relay at p50 and p99.
CPU time per packet is the figure to trust; latency includes the machine's own scheduling.

With `--flood 20000` a stranger sends so many datagrams a second to a port of the first call meanwhile: garbage, and
forged audio in turn. The loss is that of all calls; the CPU time per packet of a call has the stranger's in it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sip_daemon.flow import TransportAddress
from sip_daemon.media_plane import OpenRequest, RemoteMedia
from sip_daemon.media_plane.local import LocalMediaPlane
from sip_daemon.sdp.codec import Codec
from tests.support.media_worker import WorkerProcess

PCMU = Codec(0, "PCMU", 8000)
LOOPBACK = OpenRequest("127.0.0.1", "127.0.0.1")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Result:
    """One run."""

    calls: int
    cpu_us: float
    """Of the worker, for each packet sent into it."""
    loss_percent: float
    p50_us: int
    p99_us: int
    memory_kib: int
    """Of the worker, for each call: what its private memory has grown by."""

    def __str__(self) -> str:
        return (
            f"{self.calls:5d} calls: {self.cpu_us:5.1f} us CPU per packet ({1e4 / self.cpu_us:.0f} calls per core), "
            f"loss {self.loss_percent:.3f} %, latency p50 {self.p50_us / 1000:.2f} ms, "
            f"p99 {self.p99_us / 1000:.2f} ms, {self.memory_kib} KiB per call"
        )


def cpu_seconds(pid: int) -> float:
    """User and system time; the first from schedstat, which counts nanoseconds, where the kernel has it."""
    with suppress(OSError, ValueError, IndexError):
        return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def build_load(folder: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("the load generator needs a C compiler (apt install gcc)")
    program = folder / "rtpload"
    source = Path(__file__).with_name("rtpload.c")
    subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True)
    return program


class Flood:
    """A stranger who found a port that audio goes to. Use it as a context manager."""

    def __init__(self, port: int, rate: int) -> None:
        """`rate` is in datagrams a second; 0 is nobody."""
        self._port = port
        self._rate = rate
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.sent = 0

    def __enter__(self) -> Flood:
        if self._rate:
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        if self._rate:
            self._thread.join()

    def _send(self) -> None:
        forged = b"\x80\x00\x00\x01" + bytes(8) + bytes(160)
        batch = max(1, self._rate // 500)
        began = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", self._port))
            while not self._is_over.wait(max(0.0, began + self.sent / self._rate - time.monotonic())):
                for number in range(batch):
                    with suppress(OSError):
                        stranger.send(forged if number % 2 else b"garbage" * 20)
                self.sent += batch


async def measure(load: Path, worker: WorkerProcess, calls: int, seconds: float, flood: int = 0) -> Result:
    assert worker.process is not None
    pid = worker.process.pid
    plane = LocalMediaPlane([worker.socket])
    await plane.start()
    memory = private_kib(pid)
    generator = await asyncio.create_subprocess_exec(
        str(load), str(calls), str(seconds), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert generator.stdin is not None
    assert generator.stdout is not None
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(pid, {0})
        os.sched_setaffinity(generator.pid, {1})
    relay_ports = []
    for number in range(calls):
        ports = [int(port) for port in (await generator.stdout.readline()).split()]
        legs = await plane.open([LOOPBACK, LOOPBACK], call_id=str(number))
        for leg, port in zip(legs, ports, strict=True):
            await leg.configure(RemoteMedia(TransportAddress("127.0.0.1", port), (PCMU,), (PCMU,)))
        await legs[0].bridge(legs[1])
        relay_ports.append(f"{legs[0].address.port} {legs[1].address.port}\n")
    used = cpu_seconds(pid)
    with Flood(int(relay_ports[0].split()[0]), flood) as stranger:
        generator.stdin.write("".join(relay_ports).encode())
        await generator.stdin.drain()
        sent, received, p50, p99, *_ = map(int, (await generator.stdout.readline()).split())
    if flood:
        print(f"  flooded with {stranger.sent / seconds:.0f} datagrams a second")
    used = cpu_seconds(pid) - used
    memory = private_kib(pid) - memory
    await generator.wait()
    await plane.close()
    return Result(calls, 1e6 * used / sent, 100 * (1 - received / sent), p50, p99, memory // calls)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--flood", type=int, default=0, metavar="RATE", help="datagrams a second of a stranger")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        load = build_load(folder)
        for calls in options.calls:
            with WorkerProcess(folder, ports="50000-59999", log=subprocess.DEVNULL) as worker:
                print(await measure(load, worker, calls, options.seconds, options.flood), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
