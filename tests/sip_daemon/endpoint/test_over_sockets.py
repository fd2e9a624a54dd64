"""Two endpoints over loopback, on the loop that the daemon runs on."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from sip_daemon.endpoint import ClientEvent, Endpoint
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Response
from sip_daemon.transaction import RequestReceived, ResponseReceived, TransportFailed
from sip_daemon.transport import TransportLayer
from tests.support.messages import options, request_bytes
from tests.support.transport import LOOPBACK, UdpPeer, eventually, free_port

UDP, TCP = TransportProtocol.UDP, TransportProtocol.TCP


@contextlib.asynccontextmanager
async def running_endpoint(host: str) -> AsyncIterator[tuple[Endpoint, TransportAddress]]:
    """An endpoint that answers 200, and the address (UDP and TCP) on which it listens."""
    endpoint = Endpoint(TransportLayer())

    def answer(event: RequestReceived) -> None:
        endpoint.respond(event.transaction, Response.to_request(event.request, 200))

    endpoint.request_handler = answer
    statuses = await endpoint.transport.listen(host, free_port(host))
    assert all(status.is_listening for status in statuses)
    try:
        yield endpoint, statuses[0].address
    finally:
        await endpoint.close(drain_seconds=0)


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize("transport", [UDP, TCP])
async def test_a_request_is_answered(host: str, transport: TransportProtocol) -> None:
    async with running_endpoint(host) as (ours, own), running_endpoint(host) as (_, address):
        flow = await ours.transport.connect(transport, address)
        heard: list[ClientEvent] = []
        request = options()
        ours.send_request(request, flow, heard.append)
        await eventually(lambda: bool(heard))
        (event,) = heard
        assert isinstance(event, ResponseReceived)
        assert event.response.status == 200
        via = event.response.top_via
        assert (via.host, via.port, via.received) == (host, own.port, host)
        assert via.rport == flow.local.port


async def test_a_request_to_a_udp_port_where_nobody_listens_fails_at_once() -> None:
    async with running_endpoint("127.0.0.1") as (ours, _):
        heard: list[ClientEvent] = []
        flow = ours.transport.flow_to(TransportAddress("127.0.0.1", free_port()))
        transaction = ours.send_request(options(), flow, heard.append)
        await eventually(lambda: heard == [TransportFailed(transaction)])


async def test_a_connection_that_breaks_fails_what_was_sent_on_it() -> None:
    async with running_endpoint("127.0.0.1") as (ours, _):
        closed: list[Flow] = []
        ours.flow_closed_handler = closed.append
        with socket.create_server(("127.0.0.1", 0)) as server:
            flow = await ours.transport.connect(TCP, TransportAddress(*server.getsockname()))
            heard: list[ClientEvent] = []
            transaction = ours.send_request(options(), flow, heard.append)
            server.accept()[0].close()
            await eventually(lambda: heard == [TransportFailed(transaction)])
        assert closed == [flow]


async def test_a_phone_gets_its_answer_from_the_address_that_it_asked() -> None:
    async with running_endpoint("127.0.0.1") as (_, address):
        with UdpPeer() as phone:
            phone.send(request_bytes(headers={"Via": "SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKa;rport"}), address)
            data, came_from = await phone.receive()
            assert came_from == address
            assert f"rport={phone.address.port}".encode() in data
            assert b"received=127.0.0.1" in data


async def test_a_thousand_requests_in_a_row_leave_no_connection_and_no_listener_behind() -> None:
    async with running_endpoint("127.0.0.1") as (ours, _), running_endpoint("127.0.0.1") as (theirs, address):
        flow = await ours.transport.connect(TCP, address)
        heard: list[ClientEvent] = []
        for _ in range(1000):
            ours.send_request(options(), flow, heard.append)
        await eventually(lambda: len(heard) == 1000)
        assert len(ours._listeners) == 0
        assert ours._transactions.counts().client == 0
        assert theirs._transactions.counts().server == 0
        assert ours.transport.connection_count == theirs.transport.connection_count == 1
