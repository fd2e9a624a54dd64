"""CPU time for taking and answering one datagram: our UDP sockets against uvloop's datagram endpoint.

Run it with `python -m tests.benchmarks.udp_echo [datagrams]`; 32 datagrams of 500 bytes are in flight.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

import uvloop

from sip_daemon.flow import Flow, TransportAddress
from sip_daemon.transport.udp import UdpPoller, UdpSocket

IN_FLIGHT = 32
PAYLOAD = b"x" * 500


def generate(port: int, datagrams: int) -> None:
    """Keeps `IN_FLIGHT` datagrams on their way until `datagrams` came back. Spins, so as not to be woken."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        for _ in range(IN_FLIGHT):
            sock.send(PAYLOAD)
        answered = 0
        while answered < datagrams:
            try:
                sock.recv(1024)
            except BlockingIOError:
                continue
            answered += 1
            if answered <= datagrams - IN_FLIGHT:
                sock.send(PAYLOAD)


async def measure(port: int, datagrams: int, count: Callable[[], int]) -> float:
    """CPU microseconds of this process for each datagram."""
    load = multiprocessing.get_context("spawn").Process(target=generate, args=(port, datagrams))
    load.start()
    while count() == 0:  # noqa: ASYNC110 - polling costs less than an event for each datagram
        await asyncio.sleep(0.01)
    first, started = count(), time.process_time()
    await asyncio.get_running_loop().run_in_executor(None, load.join)
    return (time.process_time() - started) / (count() - first) * 1e6


async def ours(datagrams: int) -> float:
    udp = UdpSocket(TransportAddress("127.0.0.1", 0))
    answered = 0

    def answer(data: bytes, flow: Flow) -> None:
        nonlocal answered
        answered += 1
        udp.send(data, flow.remote)

    poller = UdpPoller(answer, lambda flow, error: None)
    poller.add(udp)
    cost = await measure(udp.local.port, datagrams, lambda: answered)
    poller.close()
    return cost


class Echo(asyncio.DatagramProtocol):
    """The same on uvloop's endpoint."""

    def __init__(self) -> None:
        self.answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answered += 1
        self._transport.sendto(data, addr)


async def uvloops(datagrams: int) -> float:
    loop = asyncio.get_running_loop()
    transport, echo = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    cost = await measure(port, datagrams, lambda: echo.answered)
    transport.close()
    return cost


def main() -> None:
    datagrams = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    kinds: dict[str, Callable[[int], Coroutine[Any, Any, float]]] = {"ours": ours, "uvloop's endpoint": uvloops}
    for name, serve in kinds.items():
        print(f"{name:18} {uvloop.run(serve(datagrams)):.2f} us of CPU for each datagram")


if __name__ == "__main__":
    main()
