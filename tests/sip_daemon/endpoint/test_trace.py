"""What the endpoint tells of signalling to whoever may look at it."""

from __future__ import annotations

from sip_daemon.endpoint import Endpoint
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Response
from sip_daemon.trace import RECEIVED, SENT, TraceRing
from tests.support.endpoint import TCP_FLOW, UDP_FLOW
from tests.support.messages import PHONE, options
from tests.support.transport import SocketlessTransport


class Traced:
    """An endpoint with a ring, and no sockets."""

    def __init__(self) -> None:
        self.transport = SocketlessTransport()
        self.ring = TraceRing()
        self.endpoint = Endpoint(self.transport.as_layer(), trace=self.ring)

    def receive(self, data: bytes, flow: Flow = UDP_FLOW) -> None:
        self.transport.receiver.message_received(data, flow)

    def kept(self) -> list[tuple[int, bytes]]:
        return [(entry.kind, entry.data) for entry in self.ring.since(PHONE, 0)]


async def test_a_request_and_its_answer_are_told_in_order() -> None:
    it = Traced()
    request = bytes(options())
    it.receive(request)
    ((sent, _),) = it.transport.take_sent()
    assert it.kept() == [(RECEIVED, request), (SENT, sent)]
    await it.endpoint.close(0)


async def test_what_cannot_be_parsed_is_told_as_it_came() -> None:
    it = Traced()
    it.receive(b"not SIP at all")
    assert it.kept() == [(RECEIVED, b"not SIP at all")]
    await it.endpoint.close(0)


async def test_keep_alives_are_not_told() -> None:
    it = Traced()
    it.receive(b"\r\n\r\n")
    it.receive(b"\0\0\0\0")
    assert it.kept() == []
    await it.endpoint.close(0)


async def test_a_message_that_could_not_be_sent_is_a_note() -> None:
    it = Traced()
    it.endpoint.request_handler = lambda event: it.endpoint.respond(
        event.transaction, Response.to_request(event.request, 200)
    )
    it.transport.gone.add(UDP_FLOW)
    it.receive(bytes(options()))
    assert [data for _, data in it.kept()[1:]] == [f"200 not sent: {UDP_FLOW} is gone".encode()]
    await it.endpoint.close(0)


async def test_the_news_of_connections_and_of_the_network_are_notes() -> None:
    it = Traced()
    receiver = it.transport.receiver
    receiver.connection_news(TCP_FLOW, "Connected")
    receiver.framing_failed(RemoteProtocolError("head is too long", status=413), TCP_FLOW)
    receiver.connection_news(TCP_FLOW, "Connection ended: was silent for too long")
    receiver.flow_failed(UDP_FLOW, ConnectionRefusedError(111, "Connection refused"))
    assert [data.decode() for _, data in it.kept()] == [
        "Connected",
        "What came cannot be cut into messages: head is too long",
        "Connection ended: was silent for too long",
        "The network says: Connection refused",
    ]
    await it.endpoint.close(0)
