"""RFC 3261 §8.1.2 and RFC 5626 §5.3: where a request goes, and whether the flow at hand leads there."""

from __future__ import annotations

import pytest

from sip_daemon.endpoint.next_hop import leads_to_next_hop, next_hop
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Request

UDP, TCP = TransportProtocol.UDP, TransportProtocol.TCP


def request(*routes: str) -> Request:
    made = Request("BYE", "sip:anna@10.1.1.1:5062")
    for route in routes:
        made.headers.add("Route", route)
    return made


def flow(remote: str, port: int = 5060, transport: TransportProtocol = UDP) -> Flow:
    return Flow(
        transport, TransportAddress("::1" if ":" in remote else "192.0.2.1", 5060), TransportAddress(remote, port)
    )


def test_a_loose_router_is_the_next_hop() -> None:
    assert next_hop(request("<sip:edge.test;lr>", "<sip:core.test;lr>")).host == "edge.test"


def test_with_a_strict_router_the_request_uri_is() -> None:
    """§12.2.1.1: the dialog has put the router there."""
    assert next_hop(request("<sip:core.test>")).host == "10.1.1.1"


def test_without_route_the_request_uri_is() -> None:
    assert next_hop(request()).host == "10.1.1.1"


def test_a_phone_is_reached_by_its_flow_whatever_its_contact_says() -> None:
    assert leads_to_next_hop(flow("203.0.113.5", 40_000), request())


@pytest.mark.parametrize(
    ("route", "way", "leads"),
    [
        ("<sip:198.51.100.2;lr>", flow("198.51.100.2"), True),
        ("<sip:198.51.100.2:5080;lr>", flow("198.51.100.2"), False),
        ("<sip:198.51.100.3;lr>", flow("198.51.100.2"), False),
        ("<sip:198.51.100.2;transport=tcp;lr>", flow("198.51.100.2"), False),
        ("<sip:198.51.100.2;transport=tcp;lr>", flow("198.51.100.2", 45_000, TCP), True),
        ("<sip:198.51.100.2;lr>", flow("198.51.100.2", 45_000, TCP), True),
        ("<sip:[2001:DB8:0::2];lr>", flow("2001:db8::2"), True),
        ("<sip:edge.test;lr>", flow("198.51.100.2"), False),
    ],
)
def test_with_a_route_the_flows_peer_must_be_named(route: str, way: Flow, leads: bool) -> None:
    assert leads_to_next_hop(way, request(route)) is leads
