"""RTP through the relay: CPU time per packet, memory per call, loss and latency at half of what a core can do."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from sip_daemon.flow import TransportAddress
from sip_daemon.media_plane import OpenRequest, RemoteMedia
from sip_daemon.media_plane.local import LocalMediaPlane
from sip_daemon.sdp.codec import Codec
from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.generator import RelayResult, RtpLoad
from tests.benchmarks.comparison.product import RTP_PORTS, accepts, python_environment
from tests.benchmarks.comparison.programs import Program
from tests.benchmarks.comparison.results import PRODUCT, Reading
from tests.benchmarks.peers.rtpengine import Rtpengine

PCMU = Codec(0, "PCMU", 8000)
LOOPBACK = OpenRequest("127.0.0.1", "127.0.0.1")
PACKETS_PER_SECOND = 100
"""Of one call into the relay: two ends, a packet each 20 ms."""

Pass = tuple[RelayResult, float, float]
"""What the generator saw, CPU seconds of the relay, KiB that its memory grew by for each call."""


def measure(bench: Bench) -> Iterator[Reading]:
    plan = bench.plan
    costs = {}
    for name, run in relays(bench):
        result, used, memory = run(plan.relay_calls)
        costs[name] = 1e6 * used / result.sent
        details = {"calls": plan.relay_calls, "loss_percent": result.loss_percent, **latency(result)}
        yield Reading("relay", name, costs[name], details)
        yield Reading("memory-relay", name, memory, {"calls": plan.relay_calls})
    # The same load for both: half of what GoSIP could relay on one core.
    capacity = 1e6 / costs[PRODUCT] / PACKETS_PER_SECOND
    calls = max(1, min(plan.most_relay_calls, int(capacity / 2)))
    for name, run in relays(bench):
        result = run(calls)[0]
        details = {"calls": calls, "generator_late_p99_us": result.late_us}
        yield Reading("relay-loss", name, result.loss_percent, details)
        yield Reading("relay-p50", name, result.p50_us / 1000, {"calls": calls, **latency(result)})
        yield Reading("relay-p99", name, result.p99_us / 1000, details)


def latency(result: RelayResult) -> dict[str, int]:
    return {"p50_us": result.p50_us, "p99_us": result.p99_us, "max_us": result.max_us}


def relays(bench: Bench) -> Iterator[tuple[str, Callable[[int], Pass]]]:
    yield PRODUCT, lambda calls: asyncio.run(through_worker(bench, calls))
    if Rtpengine.name in bench.peers:
        yield Rtpengine.name, lambda calls: through_rtpengine(bench, calls)


async def through_worker(bench: Bench, calls: int) -> Pass:
    with tempfile.TemporaryDirectory(prefix="gosip-relay-") as name:
        control, log = Path(name) / "media-0.sock", Path(name) / "log"
        command = ["-m", "sip_daemon.media", "--socket", str(control), "--ports", RTP_PORTS]
        with Program("media", [sys.executable, *command], log, python_environment()) as worker:
            worker.wait_until(lambda: accepts(control))
            plane = LocalMediaPlane([control])
            await plane.start()
            memory = worker.memory_kib()
            with RtpLoad(bench.generators.rtp, calls, bench.plan.relay_seconds) as load:
                ports = [await open_call(plane, number, ends) for number, ends in enumerate(load.ports)]
                used = worker.cpu_seconds()
                result = load.run(ports)
                used = worker.cpu_seconds() - used
            memory = (worker.memory_kib() - memory) / calls
            await plane.close()
    return result, used, memory


async def open_call(plane: LocalMediaPlane, number: int, ends: tuple[int, int]) -> tuple[int, int]:
    legs = await plane.open([LOOPBACK, LOOPBACK], call_id=str(number))
    for leg, port in zip(legs, ends, strict=True):
        await leg.configure(RemoteMedia(TransportAddress("127.0.0.1", port), (PCMU,), (PCMU,)))
    await legs[0].bridge(legs[1])
    return legs[0].address.port, legs[1].address.port


def through_rtpengine(bench: Bench, calls: int) -> Pass:
    with Rtpengine() as server, RtpLoad(bench.generators.rtp, calls, bench.plan.relay_seconds) as load:
        memory = server.memory_kib()
        ports = [server.relay(number, ends) for number, ends in enumerate(load.ports)]
        used = server.cpu_seconds()
        result = load.run(ports)
        used = server.cpu_seconds() - used
        memory = (server.memory_kib() - memory) / calls
    return result, used, memory
