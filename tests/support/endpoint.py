"""An endpoint without sockets, and what a transaction user would keep of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from sip_daemon.endpoint import ClientEvent, Endpoint, Identity
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Request, Response, parse_message
from sip_daemon.transaction import AckReceived, CancelReceived, RequestReceived, TimerValues
from tests.support.messages import PHONE, SERVER
from tests.support.transport import SocketlessTransport

UDP_FLOW = Flow(TransportProtocol.UDP, TransportAddress(SERVER, 5060), TransportAddress(PHONE, 5060))
TCP_FLOW = Flow(TransportProtocol.TCP, TransportAddress(SERVER, 5060), TransportAddress(PHONE, 41_000), 3)
QUICK = TimerValues(t1=0.01, t2=0.04, t4=0.02)
"""All timers within tenths of a second, for the tests in which time has to pass."""


@dataclass
class Bench:
    """The endpoint under test with everything it was given and everything it gave."""

    endpoint: Endpoint
    transport: SocketlessTransport
    requests: list[RequestReceived] = field(default_factory=list)
    acks: list[AckReceived] = field(default_factory=list)
    cancels: list[CancelReceived] = field(default_factory=list)
    closed: list[Flow] = field(default_factory=list)
    heard: list[ClientEvent] = field(default_factory=list)

    def receive(self, message: Request | Response | bytes, flow: Flow = UDP_FLOW) -> None:
        """As if it had come from the network."""
        self.transport.receiver.message_received(bytes(message), flow)

    def answer_with(self, status: int, *, statelessly: bool = False) -> None:
        """From now on every request is answered so."""
        answer: Callable[..., None] = self.endpoint.refuse if statelessly else self.endpoint.respond

        def handle(event: RequestReceived) -> None:
            self.requests.append(event)
            answer(event.transaction, Response.to_request(event.request, status))

        self.endpoint.request_handler = handle

    def sent(self) -> list[Request | Response]:
        """The messages sent since the last call."""
        return [parse_message(data) for data, _ in self.transport.take_sent()]

    def sent_response(self) -> Response:
        """The one message sent, a response."""
        (message,) = self.sent()
        assert isinstance(message, Response)
        return message

    def sent_request(self) -> Request:
        """The one message sent, a request."""
        (message,) = self.sent()
        assert isinstance(message, Request)
        return message


@contextlib.asynccontextmanager
async def bench(
    identity: Identity | None = None, timers: TimerValues | None = None, clock: Callable[[], float] | None = None
) -> AsyncIterator[Bench]:
    """An endpoint with all four handlers recording; requests stay unanswered unless the test answers them."""
    transport = SocketlessTransport()
    if clock is None:
        endpoint = Endpoint(transport.as_layer(), timers, identity)
    else:
        endpoint = Endpoint(transport.as_layer(), timers, identity, clock=clock)
    made = Bench(endpoint, transport)
    endpoint.request_handler = made.requests.append
    endpoint.ack_handler = made.acks.append
    endpoint.cancel_handler = made.cancels.append
    endpoint.flow_closed_handler = made.closed.append
    try:
        yield made
    finally:
        await endpoint.close(drain_seconds=0)
