"""RFC 3581, and RFC 3261 §18.2.1 and §18.2.2."""

from __future__ import annotations

import pytest

from sip_daemon.endpoint.source import note_source
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from tests.support.messages import options

LOCAL = TransportAddress("192.0.2.1", 5060)


def flow(host: str = "192.0.2.10", port: int = 40_000, transport: TransportProtocol = TransportProtocol.UDP) -> Flow:
    return Flow(transport, LOCAL, TransportAddress(host, port), 0 if transport is TransportProtocol.UDP else 7)


def via(sent_by: str, parameters: str = ";rport", transport: str = "UDP") -> dict[str, str]:
    return {"Via": f"SIP/2.0/{transport} {sent_by};branch=z9hG4bKone{parameters}"}


def test_rport_is_filled_in_with_the_source_port_and_received_goes_with_it() -> None:
    request = options(headers=via("192.0.2.10:5060"))
    came_on = flow()
    assert note_source(request, came_on) is came_on
    assert request.top_via.rport == 40_000
    assert request.top_via.received == "192.0.2.10"
    assert "rport=40000" in (request.headers.get("Via") or "")


def test_received_is_added_when_sent_by_is_not_the_source() -> None:
    request = options(headers=via("10.0.0.5:5060", ""))
    note_source(request, flow())
    assert request.top_via.received == "192.0.2.10"
    assert request.top_via.rport is None


def test_a_host_name_in_sent_by_is_never_taken_for_the_source() -> None:
    request = options(headers=via("phone.example.com", ""))
    note_source(request, flow())
    assert request.top_via.received == "192.0.2.10"


def test_a_via_that_says_the_truth_and_asks_for_nothing_stays_as_it_is() -> None:
    request = options(headers=via("192.0.2.10:5060", ""))
    before = request.headers.get("Via")
    note_source(request, flow())
    assert request.headers.get("Via") == before


@pytest.mark.parametrize("forged", [";received=203.0.113.66", ";received=203.0.113.66;rport=9"])
def test_what_the_sender_claims_to_have_been_received_is_overwritten(forged: str) -> None:
    request = options(headers=via("192.0.2.10:5060", forged))
    note_source(request, flow())
    assert request.top_via.received == "192.0.2.10"
    assert request.top_via.rport in (None, 40_000)


def test_only_the_top_via_is_touched() -> None:
    below = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKtwo;rport"
    for lines in ([via("10.0.0.5")["Via"], below], [f"{via('10.0.0.5')['Via']}, {below}"]):
        request = options(headers={"Via": lines})
        note_source(request, flow())
        assert request.vias[0].rport == 40_000
        assert str(request.vias[1]) == below


def test_a_phone_that_listens_on_another_port_than_it_sends_from_is_answered_there() -> None:
    """RFC 3261 §18.2.2: without rport the port in sent-by counts, 5060 if there is none."""
    assert note_source(options(headers=via("192.0.2.10:5070", "")), flow()).remote.port == 5070
    assert note_source(options(headers=via("192.0.2.10", "")), flow()).remote.port == 5060


def test_behind_a_nat_the_answer_goes_back_to_the_source_port() -> None:
    """Here we leave RFC 3261: the port in sent-by leads nowhere through a NAT."""
    came_on = flow()
    assert note_source(options(headers=via("10.0.0.5:5060", "")), came_on) is came_on


def test_on_a_stream_the_answer_takes_the_connection_whatever_the_via_says() -> None:
    came_on = flow(transport=TransportProtocol.TCP)
    assert note_source(options(headers=via("192.0.2.10:5070", "", "TCP")), came_on) is came_on


def test_an_ipv6_source_is_noted_so_that_it_can_be_read_again() -> None:
    request = options(headers=via("[2001:db8::9]:5060"))
    note_source(request, flow("2001:db8::5"))
    assert request.top_via.received == "2001:db8::5"


@pytest.mark.parametrize("parameters", [";maddr=198.51.100.1", ";maddr=198.51.100.1;rport"])
def test_an_answer_goes_to_its_source_whatever_maddr_says(parameters: str) -> None:
    request = options(headers=via("192.0.2.10:40000", parameters))
    assert note_source(request, flow()) == flow()
