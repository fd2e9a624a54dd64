"""RFC 5626 §8: Binding requests on the SIP port; the test vector's address is that of RFC 5769 §2.2."""

from __future__ import annotations

import struct

import pytest

from sip_daemon.endpoint.stun_keepalive import answer_keepalive
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from tests.support.endpoint import TCP_FLOW, UDP_FLOW, bench

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
REQUEST = struct.pack("!HHI", 1, 0, 0x2112A442) + TRANSACTION
SOFTWARE = struct.pack("!HH", 0x8022, 5) + b"phone\0\0\0"
PRIORITY = struct.pack("!HHI", 0x0024, 4, 1)


def with_attributes(attributes: bytes) -> bytes:
    return struct.pack("!HHI", 1, len(attributes), 0x2112A442) + TRANSACTION + attributes


def test_the_answer_tells_an_ipv4_source() -> None:
    """RFC 5769 §2.2: 192.0.2.1, port 32853."""
    answer = answer_keepalive(REQUEST, TransportAddress("192.0.2.1", 32853))
    assert answer is not None
    assert answer[:20] == bytes.fromhex("0101000c2112a442") + TRANSACTION
    assert answer[20:] == bytes.fromhex("002000080001a147e112a643")


def test_the_answer_tells_an_ipv6_source() -> None:
    """RFC 5769 §2.3."""
    answer = answer_keepalive(REQUEST, TransportAddress("2001:db8:1234:5678:11:2233:4455:6677", 32853))
    assert answer is not None
    assert answer[20:] == bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")


def test_optional_attributes_are_passed_over() -> None:
    assert answer_keepalive(with_attributes(SOFTWARE), TransportAddress("192.0.2.1", 5060)) is not None


@pytest.mark.parametrize(
    "data",
    [
        REQUEST[:19],
        REQUEST + b"\0",
        struct.pack("!HHI", 1, 0, 7) + TRANSACTION,
        with_attributes(PRIORITY),
        with_attributes(SOFTWARE[:-4]),
        with_attributes(b"\x80\x22"),
        with_attributes(struct.pack("!HH", 0x8022, 65535)),
    ],
    ids=["cut off", "too long", "no cookie", "to be understood", "half an attribute", "no length", "beyond the end"],
)
def test_what_is_no_keepalive_gets_no_answer(data: bytes) -> None:
    assert answer_keepalive(data, TransportAddress("192.0.2.1", 5060)) is None


@pytest.mark.asyncio
async def test_the_endpoint_answers_on_the_flow_it_came_on() -> None:
    async with bench() as made:
        made.receive(REQUEST, UDP_FLOW)
        ((data, flow),) = made.transport.take_sent()
        assert flow == UDP_FLOW
        assert data[:2] == b"\x01\x01"


@pytest.mark.asyncio
@pytest.mark.parametrize("flow", [UDP_FLOW, TCP_FLOW])
async def test_zeros_are_a_keepalive_without_answer(flow: Flow) -> None:
    async with bench() as made:
        made.receive(b"\0\0\0\0", flow)
        assert not made.transport.take_sent()


@pytest.mark.asyncio
async def test_stun_has_no_place_on_a_stream() -> None:
    async with bench() as made:
        made.receive(REQUEST, TCP_FLOW)
        assert not [data for data, _ in made.transport.take_sent() if data[:2] == b"\x01\x01"]
        assert TCP_FLOW.transport is TransportProtocol.TCP
