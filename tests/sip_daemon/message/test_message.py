from __future__ import annotations

import pytest

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import STAR, CSeq, Headers, NameAddress, Request, Response, Uri, Via, parse_message
from tests.support import messages
from tests.support.messages import SDP, invite, message_bytes, register, request


def test_a_request_is_written_with_its_headers_in_order_and_content_length_last() -> None:
    made = Request("MESSAGE", "sip:a@b", Headers([("Via", "SIP/2.0/UDP h"), ("x-OWN", "1")]), b"hi")
    assert bytes(made) == b"MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nx-OWN: 1\r\nContent-Length: 2\r\n\r\nhi"


def test_content_length_is_always_that_of_the_body() -> None:
    parsed = invite(body=SDP)
    parsed.body = b"x"
    parsed.headers.set("Content-Length", "987654321")
    assert bytes(parsed).count(b"Content-Length: 1\r\n") == 1
    assert b"987654321" not in bytes(parsed)


def test_a_response_has_the_registered_phrase_unless_told() -> None:
    assert bytes(Response(486)).startswith(b"SIP/2.0 486 Busy Here\r\n")
    assert bytes(Response(486, "Nope")).startswith(b"SIP/2.0 486 Nope\r\n")
    assert bytes(Response(200, "")).startswith(b"SIP/2.0 200 \r\n")


def test_the_typed_headers_of_an_invite() -> None:
    parsed = invite(
        "1002",
        headers={
            "Via": ["SIP/2.0/TLS b:5061;branch=z9hG4bK2, SIP/2.0/UDP a;branch=z9hG4bK1", "SIP/2.0/TCP c"],
            "Route": "<sip:p1;lr>,<sip:p2;lr>",
            "Record-Route": ["<sip:r1;lr>", "<sip:r2;lr>"],
            "Require": "100REL,Timer",
            "Supported": "replaces , PATH",
            "Allow": "INVITE,ACK , BYE",
            "Expires": "120",
            "Content-Type": "Application/SDP ; charset=utf-8",
        },
    )
    assert [via.host for via in parsed.vias] == ["b", "a", "c"]
    assert parsed.top_via == parsed.vias[0]
    assert parsed.from_.display_name == "Ada"
    assert parsed.to.uri == Uri.parse("sip:1002@192.0.2.1")
    assert parsed.cseq == CSeq(1, "INVITE")
    assert parsed.max_forwards == 70
    assert parsed.expires == 120
    assert [str(route.uri) for route in parsed.routes] == ["sip:p1;lr", "sip:p2;lr"]
    assert [str(route.uri) for route in parsed.record_routes] == ["sip:r1;lr", "sip:r2;lr"]
    assert parsed.require == {"100rel", "timer"}
    assert parsed.supported == {"replaces", "path"}
    assert parsed.allow == {"INVITE", "ACK", "BYE"}
    assert parsed.content_type == "application/sdp"
    assert parsed.user_agent == "Test phone 1.0"
    assert parsed.contact is not None
    assert parsed.contact.uri.port == 5060
    assert parsed.body == SDP


def test_absent_headers_are_none_or_empty() -> None:
    bare = Request("OPTIONS", "sip:h")
    numbers_and_texts = (bare.max_forwards, bare.expires, bare.content_type, bare.user_agent, bare.contact)
    assert numbers_and_texts == (None,) * 5
    lists = (bare.contacts, bare.routes, bare.record_routes, bare.paths, bare.vias, bare.authorizations)
    assert lists == ((),) * 6
    assert bare.supported == bare.require == bare.allow == frozenset()


@pytest.mark.parametrize("name", ["from_", "to", "cseq", "call_id", "top_via"])
def test_reading_a_missing_mandatory_header_is_the_peers_fault(name: str) -> None:
    with pytest.raises(RemoteProtocolError):
        getattr(Request("OPTIONS", "sip:h"), name)


def test_a_star_contact_is_the_constant() -> None:
    parsed = register(headers={"Contact": " * ", "Expires": "0"})
    assert parsed.contacts is STAR
    with pytest.raises(RemoteProtocolError):
        _ = parsed.contact


def test_contacts_come_from_all_lines() -> None:
    parsed = register(headers={"Contact": ['"A, B" <sip:a,1@h>;q=1, <sip:b@h>', "sip:c@h;expires=5"]})
    assert isinstance(parsed.contacts, tuple)
    assert [str(contact.uri) for contact in parsed.contacts] == ["sip:a,1@h", "sip:b@h", "sip:c@h"]
    assert [contact.expires for contact in parsed.contacts] == [None, None, 5]


def test_credentials_of_unknown_schemes_are_passed_over() -> None:
    digest = 'Digest username="a",realm="r",nonce="n",uri="sip:h",response="0a"'
    parsed = register(headers={"Authorization": ["Bearer x", digest], "Proxy-Authorization": digest})
    assert [credentials.username for credentials in parsed.authorizations] == ["a"]
    assert len(parsed.proxy_authorizations) == 1


def test_an_expires_beyond_32_bits_counts_as_the_maximum() -> None:
    assert register(headers={"Expires": "1" + "0" * 100}).expires == 2**32 - 1
    assert register(headers={"Expires": "0" * 100 + "60"}).expires == 60


def test_assigned_values_are_written_to_the_headers() -> None:
    made = Request("INVITE", "sip:a@b")
    made.vias = [Via("UDP", "h", None, {"branch": "z9hG4bK1"})]
    made.from_ = NameAddress("Ada", Uri.parse("sip:1@h"), {"tag": "f"})
    made.to = NameAddress("", Uri.parse("sip:2@h"))
    made.call_id = "c"
    made.cseq = CSeq(7, "INVITE")
    made.max_forwards = 69
    made.expires = 30
    made.contacts = (NameAddress("", Uri.parse("sip:1@h:5060")),)
    made.routes = [NameAddress("", Uri.parse("sip:p;lr"))]
    made.record_routes = ()
    assert bytes(made) == message_bytes(
        "INVITE sip:a@b SIP/2.0",
        {
            "Via": "SIP/2.0/UDP h;branch=z9hG4bK1",
            "From": '"Ada" <sip:1@h>;tag=f',
            "To": "<sip:2@h>",
            "Call-ID": "c",
            "CSeq": "7 INVITE",
            "Max-Forwards": "69",
            "Expires": "30",
            "Contact": "<sip:1@h:5060>",
            "Route": "<sip:p;lr>",
            "Content-Length": "0",
        },
    )
    assert parse_message(bytes(made)) == made


def test_a_header_changed_below_a_typed_value_is_read_anew() -> None:
    parsed = invite()
    assert parsed.max_forwards == 70
    parsed.headers.set("Max-Forwards", "5")
    parsed.headers.set("f", "<sip:new@h>;tag=9")
    assert (parsed.max_forwards, parsed.from_.tag) == (5, "9")
    parsed.max_forwards = None
    assert "Max-Forwards" not in parsed.headers
    parsed.contacts = STAR
    assert parsed.headers.get("Contact") == "*"


def test_the_top_via_is_replaced_and_the_others_stay() -> None:
    parsed = request(headers={"Via": ["SIP/2.0/UDP a;rport, SIP/2.0/UDP b", "SIP/2.0/UDP c"]})
    assert len(parsed.vias) == 3
    parsed.top_via = parsed.top_via.with_source("192.0.2.9", 4000)
    assert parsed.headers.get_all("Via") == [
        "SIP/2.0/UDP a;rport=4000;received=192.0.2.9, SIP/2.0/UDP b",
        "SIP/2.0/UDP c",
    ]
    assert parsed.top_via.rport == 4000
    assert [via.host for via in parsed.vias] == ["a", "b", "c"]


def test_a_prepended_via_becomes_the_top_one() -> None:
    parsed = request()
    parsed.headers.prepend("Via", "SIP/2.0/TCP us;branch=z9hG4bKus")
    assert parsed.top_via.host == "us"
    assert len(parsed.vias) == 2


def test_a_copy_changes_alone() -> None:
    parsed = invite()
    copy = parsed.copy()
    copy.headers.set("To", "<sip:other@h>")
    copy.body = b""
    assert parsed.to.uri.user == "1002"
    assert parsed.body == SDP
    response = messages.response_to(parsed, to_tag="t")
    assert response.copy() == response


class TestResponseToRequest:
    """RFC 3261 §8.2.6.2."""

    def test_it_copies_the_fields_that_lead_back(self) -> None:
        asked = invite(
            headers={"Via": ["SIP/2.0/UDP a;branch=z9hG4bK1", "SIP/2.0/UDP b"], "Record-Route": "<sip:r;lr>"}
        )
        response = Response.to_request(asked, 180, to_tag="t")
        assert response.headers.items() == [
            ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1"),
            ("Via", "SIP/2.0/UDP b"),
            ("From", asked.headers.get("From")),
            ("To", "<sip:1002@192.0.2.1>;tag=t"),
            ("Call-ID", asked.call_id),
            ("CSeq", "1 INVITE"),
        ]
        assert response.to.tag == "t"

    def test_a_to_tag_that_is_there_stays(self) -> None:
        asked = invite(headers={"To": "<sip:1002@h>;tag=old"})
        assert Response.to_request(asked, 200, to_tag="new").to.tag == "old"

    def test_a_random_tag_is_made_except_for_a_100(self) -> None:
        asked = invite()
        assert Response.to_request(asked, 404).to.tag != Response.to_request(asked, 404).to.tag
        assert Response.to_request(asked, 100).to.tag is None

    def test_a_timestamp_goes_into_a_100_only(self) -> None:
        asked = invite(headers={"Timestamp": "54.21"})
        assert Response.to_request(asked, 100).headers.get("Timestamp") == "54.21"
        assert "Timestamp" not in Response.to_request(asked, 180).headers

    def test_the_tag_of_a_bare_address_is_a_header_parameter(self) -> None:
        asked = invite(headers={"To": "sip:1002@h"})
        assert Response.to_request(asked, 200, to_tag="t").headers.get("To") == "sip:1002@h;tag=t"

    @pytest.mark.parametrize("empty", [";tag=", ";tag", ";x=1;tag=;y=2"])
    def test_an_empty_tag_gives_way_to_ours(self, empty: str) -> None:
        """RFC 3261 §19.3: a tag is a token; two of them nobody can read."""
        asked = invite(headers={"To": f"<sip:1002@h>{empty}"})
        answer = Response.to_request(asked, 404, to_tag="t")
        assert answer.to.tag == "t"
        assert (answer.headers.get("To") or "").count("tag") == 1

    def test_a_malformed_to_goes_back_with_a_tag(self) -> None:
        asked = Request("OPTIONS", "sip:h", Headers([("To", '"A <sip:a@b>')]))
        assert Response.to_request(asked, 400, to_tag="t").headers.get("To") == '"A <sip:a@b>;tag=t'
        asked = Request("OPTIONS", "sip:h", Headers([("To", '"A <sip:a@b>;tag=x')]))
        assert Response.to_request(asked, 400, to_tag="t").headers.get("To") == '"A <sip:a@b>;tag=x'


class TestNotUtf8:
    """Heads that are not UTF-8 are read as Latin-1, and go back byte for byte."""

    def test_each_byte_survives_parsing_and_writing(self) -> None:
        data = request().__bytes__().replace(b"Test phone 1.0", b"J\xfcrgen \xff\x80")
        parsed = parse_message(data)
        assert parsed.user_agent == "Jürgen ÿ\x80"
        assert bytes(parsed) == data

    def test_the_answer_goes_back_in_the_same_bytes(self) -> None:
        data = bytes(invite()).replace(b'"Ada"', b'"J\xfcrgen"')
        parsed = parse_message(data)
        assert isinstance(parsed, Request)
        assert b'From: "J\xfcrgen" <' in bytes(Response.to_request(parsed.copy(), 180))

    def test_a_character_beyond_latin_1_makes_it_utf_8(self) -> None:
        parsed = parse_message(bytes(request()).replace(b"Test phone 1.0", b"J\xfcrgen"))
        parsed.headers.add("Subject", "大")
        assert "Jürgen".encode() in bytes(parsed)
        assert "大".encode() in bytes(parsed)

    def test_utf_8_stays_utf_8(self) -> None:
        data = bytes(invite()).replace(b'"Ada"', '"大停電 Jürgen"'.encode())
        parsed = parse_message(data)
        assert parsed.from_.display_name == "大停電 Jürgen"
        assert bytes(parsed).count("大停電 Jürgen".encode()) == 1

    def test_a_body_may_be_any_bytes(self) -> None:
        body = bytes(range(256))
        parsed = request("MESSAGE", body=body)
        assert parsed.body == body
        assert bytes(parsed).endswith(b"\r\n\r\n" + body)


def test_repr_shows_the_start_line_only() -> None:
    assert repr(register(headers={"X-Secret": "s"})) == "<REGISTER sip:192.0.2.1 SIP/2.0>"
    assert repr(Response(200)) == "<SIP/2.0 200 OK>"


def test_a_response_knows_its_class() -> None:
    assert Response(183).is_provisional
    assert Response(200).is_success
    assert Response(200).is_final
    assert Response(302).is_final
    assert not Response(302).is_success
    assert not Response(302).is_provisional
