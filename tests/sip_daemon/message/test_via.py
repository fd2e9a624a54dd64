from __future__ import annotations

import pytest

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import TransportProtocol
from sip_daemon.message import Via


def test_the_parts_of_a_via() -> None:
    via = Via.parse("SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKabc;rport")
    assert via.transport is TransportProtocol.UDP
    assert (via.host, via.port, via.branch) == ("192.0.2.10", 5062, "z9hG4bKabc")
    assert via.wants_rport
    assert via.rport is None
    assert via.received is None


@pytest.mark.parametrize(
    "text",
    [
        "SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKabc;rport",
        "SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKabc;alias",
        "SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKabc",
        "SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf",
        "SIP/2.0/UDP host;received=2001:db8::2;rport=1024",
    ],
)
def test_a_via_is_written_as_it_was_read(text: str) -> None:
    assert str(Via.parse(text)) == text


def test_space_is_allowed_around_each_part() -> None:
    via = Via.parse("SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8")
    assert str(via) == "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8"


def test_a_known_transport_in_lower_case_is_known() -> None:
    assert Via.parse("sip/2.0/tcp host").transport is TransportProtocol.TCP


def test_an_unknown_transport_is_kept() -> None:
    assert Via.parse("SIP/2.0/UNKNOWN t4.example.com").transport == "UNKNOWN"


def test_the_source_is_noted_as_rfc_3581_says() -> None:
    via = Via.parse("SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1;rport").with_source("192.0.2.7", 40_000)
    assert str(via) == "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1;rport=40000;received=192.0.2.7"
    assert (via.received, via.rport) == ("192.0.2.7", 40_000)


def test_the_port_is_noted_only_for_who_asked() -> None:
    via = Via.parse("SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1").with_source("2001:db8::7", 40_000)
    assert str(via) == "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1;received=2001:db8::7"


def test_a_received_written_by_the_sender_is_overwritten() -> None:
    via = Via.parse("SIP/2.0/UDP 10.0.0.5;received=203.0.113.9;rport=1").with_source("192.0.2.7", 5060)
    assert (via.received, via.rport) == ("192.0.2.7", 5060)


def test_received_is_read_with_and_without_brackets() -> None:
    assert Via.parse("SIP/2.0/UDP h;received=[2001:db8::2]").received == "2001:db8::2"
    assert Via.parse("SIP/2.0/UDP h;received=2001:db8::2").received == "2001:db8::2"


@pytest.mark.parametrize(
    ("text", "port"), [("rport=5", 5), ("rport=0", None), ("rport=65536", None), ("rport=x", None), ("rport=", None)]
)
def test_a_malformed_rport_counts_as_absent(text: str, port: int | None) -> None:
    assert Via.parse(f"SIP/2.0/UDP h;{text}").rport == port


@pytest.mark.parametrize(
    ("branch", "unique"),
    [(";branch=z9hG4bKa", True), (";branch=z9hG4bK", False), (";branch=390skdjuw", False), ("", False)],
)
def test_only_a_branch_with_cookie_and_more_is_unique(branch: str, unique: bool) -> None:
    assert Via.parse(f"SIP/2.0/UDP h{branch}").has_unique_branch is unique


@pytest.mark.parametrize(
    "text",
    [
        *("", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 host", "SIP/2.0/UDP ;branch=a", "SIP/2.0/UDP 192.0.2.15;;,;,,"),
        *(
            "HTTP/1.1/TCP host",
            "SIP/2.0/U DP host",
            "SIP/2.0/UDP host:99999",
            "SIP/2.0/UDP a;branch=1;branch=2",
            "SIP//UDP host",
        ),
    ],
)
def test_a_malformed_via_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Via.parse(text)
