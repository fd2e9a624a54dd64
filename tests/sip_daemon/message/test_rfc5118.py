"""The IPv6 torture messages of RFC 5118 §4, by section; what each says about itself is the verdict here."""

from __future__ import annotations

import pytest

from sip_daemon.endpoint.source import note_source
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import MalformedMessage, Request, parse_message
from sip_daemon.sdp import SessionDescription

REMOTE = Flow(TransportProtocol.UDP, TransportAddress("2001:db8::10", 5060), TransportAddress("2001:db8::9:1", 5060))


def message(uri: str, via: str = "[2001:db8::9:1];branch=z9hG4bKas3-111", **more: str) -> bytes:
    contact = more.get("contact", "Caller <sip:caller@[2001:db8::1]>")
    body = more.get("body", "")
    return (
        f"{more.get('method', 'REGISTER')} {uri} SIP/2.0\r\nTo: sip:user@example.com\r\n"
        f"From: sip:user@example.com;tag=81x2\r\nVia: SIP/2.0/UDP {via}\r\nMax-Forwards: 70\r\n"
        f"Contact: {contact}\r\nCSeq: 98176 {more.get('method', 'REGISTER')}\r\nCall-ID: SSG9559@hlau_4100\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def read(data: bytes) -> Request:
    parsed = parse_message(data)
    assert isinstance(parsed, Request)
    return parsed


def test_4_1_valid_message_with_an_ipv6_reference() -> None:
    request = read(message("sip:[2001:db8::10]"))
    assert request.uri.host == "2001:db8::10"
    assert request.top_via.host == "2001:db8::9:1"
    assert request.contact is not None
    assert request.contact.uri.host == "2001:db8::1"


def test_4_2_without_brackets_it_is_no_reference() -> None:
    """What follows the first colon would be a port: 400."""
    with pytest.raises(MalformedMessage) as caught:
        parse_message(message("sip:2001:db8::10"))
    assert caught.value.status == 400


def test_4_3_the_port_within_the_brackets_is_part_of_the_address() -> None:
    """Ambiguous for people, not for the grammar: the default port of SIP."""
    uri = read(message("sip:[2001:db8::10:5070]")).uri
    assert (uri.host, uri.port) == ("2001:db8::10:5070", None)


def test_4_4_the_port_behind_the_brackets_is_the_port() -> None:
    uri = read(message("sip:[2001:db8::10]:5070")).uri
    assert (uri.host, uri.port) == ("2001:db8::10", 5070)


@pytest.mark.parametrize("received", ["[2001:db8::9:255]", "2001:db8::9:255"])
def test_4_5_received_is_read_with_brackets_and_without(received: str) -> None:
    """The grammar of RFC 3261 has none there; both occur."""
    via = read(message("sip:[2001:db8::10]", f"[2001:db8::9:1];received={received};branch=z9hG4bKas3-111")).top_via
    assert via.received == "2001:db8::9:255"
    assert via.branch == "z9hG4bKas3-111"


def test_4_5_what_we_write_there_has_no_brackets() -> None:
    request = read(message("sip:[2001:db8::10]", "[2001:db8::9:7];rport;branch=z9hG4bKas3-111"))
    note_source(request, REMOTE)
    assert ";received=2001:db8::9:1" in str(request.top_via)
    assert str(read(bytes(request)).top_via) == str(request.top_via)


def test_4_6_addresses_in_sdp_have_no_brackets() -> None:
    body = (
        "v=0\r\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\r\ns=Live video feed\r\n"
        "c=IN IP6 2001:db8::20\r\nt=3338481189 3370017201\r\nm=audio 6000 RTP/AVP 2\r\na=rtpmap:2 G726-32/8000/1\r\n"
    )
    request = read(message("sip:user@[2001:db8::10]", method="INVITE", body=body))
    description = SessionDescription.parse(request.body)
    assert description.connection is not None
    assert (description.connection.address_type, description.connection.address) == ("IP6", "2001:db8::20")


def test_4_7_4_8_addresses_of_both_families_in_one_message() -> None:
    body = (
        "v=0\r\no=bob 280744730 28977631 IN IP4 host.example.com\r\ns=\r\nt=0 0\r\nm=audio 22334 RTP/AVP 0\r\n"
        "c=IN IP4 192.0.2.1\r\nm=video 6024 RTP/AVP 107\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:107 H263-1998/90000\r\n"
    )
    request = read(message("sip:user@[2001:db8::10]", method="INVITE", body=body))
    audio, video = SessionDescription.parse(request.body).media
    assert audio.connection is not None
    assert video.connection is not None
    assert (audio.connection.address_type, video.connection.address_type) == ("IP4", "IP6")


def test_4_8_a_list_of_vias_of_both_families_is_split_at_commas_only() -> None:
    via = (
        "[2001:db8::9:1]:6050;branch=z9hG4bKas3-111, SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKas3-110,"
        "SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bKas3-109"
    )
    assert [(one.host, one.port) for one in read(message("sip:[2001:db8::10]", via)).vias] == [
        ("2001:db8::9:1", 6050),
        ("192.0.2.1", 5060),
        ("2001:db8::9:255", None),
    ]


def test_4_9_an_ipv4_mapped_address_is_one() -> None:
    request = read(message("sip:user@[2001:db8::10]", "[::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19"))
    assert (request.top_via.host, request.top_via.port) == ("::ffff:192.0.2.10", 19823)


@pytest.mark.parametrize("host", ["2001:db8:::192.0.2.1", "2001:db8:::10"])
def test_4_10_three_colons_are_no_address(host: str) -> None:
    """The ABNF of RFC 3261 allowed it by mistake; RFC 5954 §3 corrects it."""
    with pytest.raises(MalformedMessage):
        parse_message(message(f"sip:user@[{host}]"))


def test_4_10_two_colons_before_an_ipv4_tail_are_one() -> None:
    """As it should have been written."""
    uri = read(message("sip:user@[2001:db8::192.0.2.1]")).uri
    assert uri.host == "2001:db8::c000:201"
    assert str(uri) == "sip:user@[2001:db8::192.0.2.1]"


@pytest.mark.parametrize(
    "host", ["::1%lo", "fe80::1%25eth0", "v1.fe80", "", "1.2.3.4", "::g", "1:2:3:4:5:6:7:8:9", "::1]::2["]
)
def test_what_stands_in_brackets_is_an_ipv6_address_and_nothing_else(host: str) -> None:
    """RFC 3261 §25.1; zones have no place in SIP."""
    with pytest.raises(MalformedMessage):
        parse_message(message(f"sip:user@[{host}]"))


def test_two_spellings_of_one_address_are_the_same_uri() -> None:
    """RFC 5954 §4.1: addresses are compared as addresses, not as text."""
    one, other = read(message("sip:a@[2001:db8::1]")).uri, read(message("sip:a@[2001:DB8:0:0::0:1]")).uri
    assert one.equivalent(other)
    assert not one.equivalent(read(message("sip:a@[2001:db8::2]")).uri)
