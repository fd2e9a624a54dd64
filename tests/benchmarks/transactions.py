"""Microseconds and bytes per transaction: `python -m tests.benchmarks.transactions`.

CPU time of the layer only: messages are parsed, and responses composed, before the clock starts; writing the
response out is counted, since the transaction does it. Each figure is the best of several rounds, since a shared
machine only ever adds to it. Time in the layer is virtual, so that expiry is measured with the rest.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from time import process_time

from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response, parse_message
from sip_daemon.transaction import RequestReceived, TransactionLayer
from tests.support.transactions import TCP, UDP, make_request, make_response

ROUNDS = 7
MESSAGES = 5_000
RATE = 1_000
"""Requests a second in virtual time: so many thousand completed transactions are waiting for timer J."""

PHONE_HEADERS = (
    ("Contact", "<sip:100@192.0.2.7:5062;transport=udp>;expires=600"),
    ("Supported", "path, outbound"),
    ("User-Agent", "Bench 1.0"),
    ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY"),
)


def requests(method: str) -> list[Request]:
    """As they come from the parser, each with identifiers of its own."""
    made = []
    for number in range(MESSAGES):
        name = f"{method}-{number:06}"
        request = make_request(method, branch=f"z9hG4bK{name}", call_id=f"{name}@phone", headers=PHONE_HEADERS)
        parsed = parse_message(bytes(request))
        assert isinstance(parsed, Request)
        made.append(parsed)
    return made


def serve(incoming: Sequence[Request], responses: Sequence[Response], flow: Flow) -> float:
    """Seconds of CPU to receive, answer and expire all of them."""
    layer, now = TransactionLayer(), 0.0
    gc.collect()
    started = process_time()
    for request, response in zip(incoming, responses, strict=True):
        now += 1 / RATE
        layer.receive(request, flow, now)
        for event in layer.take_events():
            if isinstance(event, RequestReceived):
                layer.respond(event.transaction, response, now)
        layer.take_outputs()
        deadline = layer.next_timer()
        if deadline is not None and deadline <= now:
            layer.handle_timer(now)
    layer.handle_timer(now + 40)
    layer.handle_timer(now + 80)
    used = process_time() - started
    assert layer.counts().server == 0
    return used


def ask(outgoing: Sequence[Request], responses: Sequence[Response], flow: Flow) -> float:
    """Seconds of CPU to send, get answered and expire all of them."""
    layer, now = TransactionLayer(), 0.0
    gc.collect()
    started = process_time()
    for request, response in zip(outgoing, responses, strict=True):
        now += 1 / RATE
        layer.request(request, flow, now)
        layer.take_outputs()
        layer.receive(response, flow, now)
        layer.take_events()
        deadline = layer.next_timer()
        if deadline is not None and deadline <= now:
            layer.handle_timer(now)
    layer.handle_timer(now + 40)
    used = process_time() - started
    assert layer.counts().client == 0
    return used


def best(run: Callable[[Sequence[Request], Sequence[Response], Flow], float], method: str, flow: Flow) -> float:
    """Microseconds for one transaction in the quietest round."""
    quietest = float("inf")
    for _ in range(ROUNDS):
        incoming = requests(method)
        answers = [parse_message(bytes(make_response(request, 200))) for request in incoming]
        responses = [answer for answer in answers if isinstance(answer, Response)]
        quietest = min(quietest, run(incoming, responses, flow))
    return quietest / MESSAGES * 1e6


def bytes_waiting() -> float:
    """What one answered non-INVITE transaction holds while it waits for timer J."""
    layer = TransactionLayer()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for request in requests("REGISTER"):
        layer.receive(request, UDP, 0.0)
        for event in layer.take_events():
            if isinstance(event, RequestReceived):
                layer.respond(event.transaction, make_response(request, 200), 0.0)
        layer.take_outputs()
    del request, event
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / layer.counts().server


def main() -> None:
    for name, run, method, flow in (
        ("server non-INVITE, UDP", serve, "REGISTER", UDP),
        ("server non-INVITE, TCP", serve, "REGISTER", TCP),
        ("server INVITE accepted, UDP", serve, "INVITE", UDP),
        ("client non-INVITE, UDP", ask, "OPTIONS", UDP),
        ("client INVITE accepted, UDP", ask, "INVITE", UDP),
    ):
        print(f"{name:32} {best(run, method, flow):8.1f} us")
    print(f"{'answered and waiting, UDP':32} {bytes_waiting():8.0f} bytes")


if __name__ == "__main__":
    main()
