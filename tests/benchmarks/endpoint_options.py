"""CPU time of the daemon's process for each OPTIONS answered over UDP: transport, parser, transaction and endpoint.

Run it with `python -m tests.benchmarks.endpoint_options [requests] [in flight]`. The load comes from a process of
its own with ready-made datagrams; the figure is the server's CPU time alone.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import socket
import sys
import time

import uvloop

from sip_daemon.endpoint import Endpoint
from sip_daemon.flow import TransportAddress
from sip_daemon.message import Response
from sip_daemon.transaction import RequestReceived
from sip_daemon.transport import TransportLayer

OPTIONS = (
    "OPTIONS sip:gosip@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{number:08x};rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:bench@127.0.0.1>;tag={number:08x}\r\n"
    "To: <sip:gosip@127.0.0.1>\r\n"
    "Call-ID: {number:08x}@bench\r\n"
    "CSeq: 1 OPTIONS\r\n"
    "Contact: <sip:bench@127.0.0.1:{port}>\r\n"
    "User-Agent: bench\r\n"
    "Accept: application/sdp\r\n"
    "Content-Length: 0\r\n\r\n"
)


def generate(port: int, requests: int, in_flight: int) -> None:
    """Keeps `in_flight` requests on their way until `requests` were answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        own = sock.getsockname()[1]
        datagrams = iter([OPTIONS.format(port=own, number=number).encode() for number in range(requests)])
        for _ in range(in_flight):
            sock.send(next(datagrams))
        answered = 0
        while answered < requests:
            try:
                sock.recv(4096)
            except BlockingIOError:
                continue  # Spins: waking a sleeping peer would be charged to the server's `sendto`.
            answered += 1
            following = next(datagrams, None)
            if following is not None:
                sock.send(following)


async def serve(requests: int, in_flight: int) -> float:
    """CPU microseconds for each request."""
    transport = TransportLayer()
    endpoint = Endpoint(transport)
    done = asyncio.Event()
    answered, started, finished = 0, 0.0, 0.0

    def answer(event: RequestReceived) -> None:
        nonlocal answered, started, finished
        if not answered:
            started = time.process_time()
        answered += 1
        response = Response.to_request(event.request, 200)
        response.headers.add("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER")
        response.headers.add("Accept", "application/sdp")
        endpoint.respond(event.transaction, response)
        if answered == requests:
            finished = time.process_time()
            done.set()

    endpoint.request_handler = answer
    status = await transport.listen_udp(TransportAddress("127.0.0.1", 0))
    gc.freeze()
    load = multiprocessing.get_context("spawn").Process(
        target=generate, args=(status.address.port, requests, in_flight)
    )
    load.start()
    await done.wait()
    await asyncio.get_running_loop().run_in_executor(None, load.join)
    await endpoint.close(0)
    return (finished - started) / requests * 1e6


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    in_flight = int(sys.argv[2]) if len(sys.argv) > 2 else 32
    cost = uvloop.run(serve(requests, in_flight))
    print(f"OPTIONS over UDP, {in_flight} in flight: {cost:.1f} us of CPU each, {1e6 / cost:,.0f} a second and core")


if __name__ == "__main__":
    main()
