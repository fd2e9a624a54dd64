"""Any bytes on any socket: a status code or silence, never an exception, and never more than three times as much."""

from __future__ import annotations

import asyncio
import logging

from hypothesis import given, settings
from hypothesis import strategies as st

from sip_daemon.endpoint import Endpoint
from sip_daemon.message import Response
from sip_daemon.transaction import RequestReceived
from tests.support.endpoint import TCP_FLOW, UDP_FLOW
from tests.support.messages import SDP, request_bytes
from tests.support.transport import SocketlessTransport

WHOLE = [
    request_bytes("INVITE", body=SDP),
    request_bytes("REGISTER"),
    request_bytes("OPTIONS"),
    request_bytes("ACK"),
    request_bytes("CANCEL"),
    bytes(Response(200)),
]


@st.composite
def damaged_messages(draw: st.DrawFn) -> bytes:
    """A message of which some bytes were replaced, dropped or doubled."""
    data = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(data)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=200), damaged_messages()), max_size=4))
def test_a_status_code_or_silence(datagrams: list[bytes]) -> None:
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    async def run() -> None:
        transport = SocketlessTransport()
        endpoint = Endpoint(transport.as_layer())

        def answer(event: RequestReceived) -> None:
            endpoint.refuse(event.transaction, Response.to_request(event.request, 404))

        endpoint.request_handler = answer
        for data in datagrams:
            for flow in (UDP_FLOW, TCP_FLOW):
                transport.receiver.message_received(data, flow)
                sent = transport.take_sent()
                assert all(reply.startswith(b"SIP/2.0 ") for reply, _ in sent)
                if flow is UDP_FLOW:
                    assert sum(len(reply) for reply, _ in sent) <= 3 * len(data)
        await endpoint.close(0)

    handler = Keep(logging.ERROR)
    logger = logging.getLogger("sip_daemon.endpoint")
    logger.addHandler(handler)
    try:
        asyncio.run(run())
    finally:
        logger.removeHandler(handler)
    assert not records
