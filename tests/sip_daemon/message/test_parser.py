from __future__ import annotations

import time

import pytest

from sip_daemon.message import MalformedMessage, MessageLimits, Request, Response, parse_message
from tests.support.messages import SDP, Overrides, invite, options, request, request_bytes, response_to


def refusal(data: bytes, limits: MessageLimits | None = None) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as refused:
        parse_message(data) if limits is None else parse_message(data, limits)
    return refused.value


def refused_status(data: bytes) -> int:
    """The status of a refusal that can be answered."""
    error = refusal(data)
    assert error.partial is not None
    answer = bytes(Response.to_request(error.partial, error.status))
    assert answer.startswith(b"SIP/2.0 %d " % error.status)
    assert b"\r\nVia: " in answer
    return error.status


class TestWellFormed:
    def test_a_message_is_written_as_it_was_read(self) -> None:
        data = request_bytes("MESSAGE", headers={"x-Unknown": ';;,,"', "P-Other": "  spaced\tout"}, body=b"hello")
        again = bytes(parse_message(data))
        assert again == data.replace(b"P-Other:   ", b"P-Other: ").replace(b"Content-Length: 5\r\n", b"", 1).replace(
            b"\r\n\r\nhello", b"\r\nContent-Length: 5\r\n\r\nhello"
        )

    def test_compact_forms_are_expanded(self) -> None:
        data = (
            b"INVITE sip:a@b SIP/2.0\r\nv:SIP/2.0/UDP h\r\nf:<sip:a@b>;tag=1\r\nt:<sip:c@d>\r\ni:x\r\nCSeq:1 INVITE\r\n"
            b"m:<sip:a@h>\r\nk:timer\r\nc:application/sdp\r\ns:hi\r\nl:2\r\n\r\nhi"
        )
        parsed = parse_message(data)
        names = [name for name, _ in parsed.headers.items()]
        assert names == [
            "Via",
            "From",
            "To",
            "Call-ID",
            "CSeq",
            "Contact",
            "Supported",
            "Content-Type",
            "Subject",
            "Content-Length",
        ]
        assert parsed.body == b"hi"

    def test_a_folded_line_is_joined_by_one_space(self) -> None:
        parsed = request(headers={"Subject": "a\r\n  b\r\n\tc", "X-Own": "\r\n d"})
        assert parsed.headers.get("Subject") == "a b c"
        assert parsed.headers.get("X-Own") == "d"

    def test_an_empty_value_is_kept(self) -> None:
        assert request(headers={"Subject": ""}).headers.get("Subject") == ""

    def test_space_before_the_colon_is_accepted(self) -> None:
        parsed = parse_message(bytes(request(headers={"Subject": "x"})).replace(b"Subject:", b"sUBJECT \t :"))
        assert parsed.headers.get("Subject") == "x"

    def test_line_ends_before_the_start_line_are_passed_over(self) -> None:
        assert isinstance(parse_message(b"\r\n\r\n" + request_bytes()), Request)

    def test_lines_may_end_in_lf_alone(self) -> None:
        data = bytes(invite())
        head, _, body = data.partition(b"\r\n\r\n")
        parsed = parse_message(head.replace(b"\r\n", b"\n") + b"\n\n" + body)
        assert parsed == parse_message(data)

    def test_line_ends_may_be_mixed(self) -> None:
        data = bytes(invite(body=b"a\n\nb\r\n\r\nc"))
        for mixed in (data.replace(b"\r\nTo:", b"\nTo:"), data.replace(b"\r\n\r\n", b"\n\r\n", 1)):
            assert parse_message(mixed).body == b"a\n\nb\r\n\r\nc"

    def test_a_datagram_without_the_blank_line_is_accepted(self) -> None:
        data = request_bytes(headers={"Content-Length": None})
        assert isinstance(parse_message(data.removesuffix(b"\r\n")), Request)

    def test_the_version_has_no_case(self) -> None:
        assert isinstance(parse_message(request_bytes().replace(b" SIP/2.0\r\n", b" sip/2.0\r\n")), Request)

    def test_what_rfc_2543_did_not_know_may_be_missing(self) -> None:
        headers: Overrides = {"Via": "SIP/2.0/UDP h", "From": "<sip:a@b>", "Max-Forwards": None, "Contact": None}
        parsed = request(headers=headers)
        assert (parsed.top_via.branch, parsed.from_.tag, parsed.max_forwards) == (None, None, None)

    def test_a_response_may_lack_a_reason_phrase(self) -> None:
        data = bytes(response_to(invite(), 200))
        for start in (b"SIP/2.0 200 \r\n", b"SIP/2.0 200\r\n"):
            parsed = parse_message(start + data.partition(b"\r\n")[2])
            assert isinstance(parsed, Response)
            assert (parsed.status, parsed.reason) == (200, "")

    def test_a_final_refusal_with_a_malformed_contact_still_counts(self) -> None:
        response = Response.to_request(invite(), 486)
        response.headers.add("Contact", "<<>")
        assert isinstance(parse_message(bytes(response)), Response)


class TestBody:
    def test_without_content_length_a_datagram_ends_the_body(self) -> None:
        assert request("MESSAGE", headers={"Content-Length": None}, body=b"hello").body == b"hello"

    def test_bytes_behind_content_length_are_dropped(self) -> None:
        assert request("MESSAGE", headers={"Content-Length": "2"}, body=b"hello").body == b"he"
        assert request("MESSAGE", headers={"Content-Length": "0"}, body=b"hello").body == b""

    @pytest.mark.parametrize("length", ["6", "9999", "-999", "", "5 5", "0x5", "+5", "9" * 30, "5, 5"])
    def test_a_content_length_that_the_body_does_not_reach_or_no_number_is_400(self, length: str) -> None:
        assert refused_status(request_bytes("MESSAGE", headers={"Content-Length": length}, body=b"hello")) == 400


class TestStartLine:
    @pytest.mark.parametrize(
        ("line", "status"),
        [
            ("OPTIONS sip:h SIP/7.0", 505),
            ("OPTIONS sip:h SIP/1.0", 505),
            ("OPTIONS sip:h SIP/2.0x", 505),
            ("OPTIONS sip:h HTTP/1.1", 400),
            ("OPTIONS sip:h", 400),
            ("OPTIONS  sip:h  SIP/2.0", 400),
            ("OPTIONS sip:h SIP/2.0 ", 400),
            ("OPTIONS sip:h; lr SIP/2.0", 400),
            ("OPTIONS <sip:h> SIP/2.0", 400),
            ("OPTIONS sip:h?Route=%3Csip:x%3E SIP/2.0", 400),
            ("OPTIONS SIP/2.0", 400),
            ("OPTIONS h SIP/2.0", 400),
            ("OPTIONS sip:" + "a" * 3000 + " SIP/2.0", 414),
        ],
    )
    def test_a_request_line_that_is_refused(self, line: str, status: int) -> None:
        data = request_bytes().partition(b"\r\n")[2]
        assert refused_status(line.encode() + b"\r\n" + data) == status

    @pytest.mark.parametrize(
        "line",
        [
            "SIP/2.0 4294967301 x",
            "SIP/2.0 99 x",
            "SIP/2.0 700 x",
            "SIP/2.0 2x0 x",
            "SIP/3.0 200 OK",
            "SIP/2.0",
            "SIP/2.0 ²00 x",
        ],
    )
    def test_a_malformed_response_is_never_answered(self, line: str) -> None:
        data = bytes(response_to(invite())).partition(b"\r\n")[2]
        assert refusal(line.encode() + b"\r\n" + data).partial is None


class TestHeaders:
    @pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
    def test_a_request_without_a_mandatory_header_is_400_and_cannot_be_answered(self, name: str) -> None:
        for value in (None, ""):
            error = refusal(request_bytes(headers={name: value}))
            assert (error.status, error.partial) == (400, None)

    @pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
    def test_a_response_without_a_mandatory_header_is_dropped(self, name: str) -> None:
        response = response_to(invite())
        response.headers.remove(name)
        assert refusal(bytes(response)).partial is None

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("From", '"A <sip:a@b>;tag=1'),
            ("From", "sip:"),
            ("To", "<sip:a@b> x"),
            ("Call-ID", "a b"),
            ("Call-ID", "ä"),
            ("CSeq", "8 INVITE"),
            ("CSeq", "2147483648 OPTIONS"),
            ("CSeq", "OPTIONS"),
            ("Max-Forwards", "256"),
            ("Max-Forwards", "-1"),
            ("Max-Forwards", "x"),
            ("Contact", "*, <sip:a@b>"),
            ("Contact", '"Joe" <sip:joe@example.org>;;;;'),
            ("Contact", "sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
            ("Route", "<sip:h"),
            ("Record-Route", "x"),
            ("Path", "<>"),
            ("Expires", "soon"),
            ("Authorization", "Digest nonsense"),
            ("Proxy-Authorization", 'Digest username="a'),
        ],
    )
    def test_a_malformed_header_is_400(self, name: str, value: str) -> None:
        assert refused_status(request_bytes(headers={name: value})) == 400

    def test_a_malformed_top_via_cannot_be_answered(self) -> None:
        error = refusal(request_bytes(headers={"Via": "SIP/2.0/UDP 192.0.2.15;;,;,,"}))
        assert (error.status, error.partial) == (400, None)

    @pytest.mark.parametrize(
        "name", ["From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Expires", "Event"]
    )
    def test_a_second_line_of_a_single_valued_header_is_400(self, name: str) -> None:
        value = options().headers.get(name) or "1"
        assert refused_status(request_bytes(headers={name: [value, value]})) == 400

    def test_compact_and_long_form_are_the_same_header(self) -> None:
        assert refused_status(request_bytes(headers={"i": "other"})) == 400

    @pytest.mark.parametrize("line", [b"Foobar roobar", b": x", b"A B: x", b"\xc3\xa4: x", b"a/b: c"])
    def test_a_line_that_is_no_header_is_400(self, line: bytes) -> None:
        assert refused_status(request_bytes().replace(b"\r\nTo:", b"\r\n" + line + b"\r\nTo:")) == 400

    def test_a_continuation_of_nothing_is_400(self) -> None:
        assert refused_status(request_bytes().replace(b"\r\nVia", b"\r\n x\r\nVia")) == 400

    def test_a_carriage_return_inside_a_line_is_400(self) -> None:
        assert refused_status(request_bytes(headers={"Subject": "a\rX: b"})) == 400


class TestPartial:
    def test_it_carries_what_an_answer_needs_and_nothing_else(self) -> None:
        data = request_bytes(headers={"Max-Forwards": "x", "Via": ["SIP/2.0/UDP a", "SIP/2.0/UDP b"], "Contact": "<"})
        partial = refusal(data).partial
        assert partial is not None
        assert partial.method == "OPTIONS"
        assert [name for name, _ in partial.headers.items()] == ["Via", "Via", "From", "To", "Call-ID", "CSeq"]

    def test_folded_fields_are_joined(self) -> None:
        partial = refusal(request_bytes(headers={"Max-Forwards": "x", "To": "<sip:a@b>\r\n ;x=1"})).partial
        assert partial is not None
        assert partial.headers.get("To") == "<sip:a@b> ;x=1"

    def test_an_ack_is_never_answered(self) -> None:
        assert refusal(request_bytes("ACK", headers={"Max-Forwards": "x"})).partial is None

    def test_the_reason_does_not_repeat_what_the_peer_sent(self) -> None:
        assert "secret" not in str(refusal(request_bytes(headers={"From": "<secret"})))


class TestLimits:
    def test_a_message_beyond_the_limit_is_413(self) -> None:
        assert refused_status(request_bytes("MESSAGE", body=b"x" * 65_535)) == 413

    def test_a_head_beyond_the_limit_is_413(self) -> None:
        assert refused_status(request_bytes(headers={"X-Own": "x" * 16_384, "Content-Length": None})) == 413

    def test_more_headers_than_the_limit_are_400(self) -> None:
        assert refused_status(request_bytes(headers={"X-Own": ["x"] * 128})) == 400
        assert isinstance(parse_message(request_bytes(headers={"X-Own": ["x"] * 100})), Request)

    def test_endless_folding_is_400(self) -> None:
        assert refused_status(request_bytes(headers={"X-Own": "x" + "\r\n y" * 1000})) == 400

    def test_the_limits_are_those_given(self) -> None:
        assert refusal(request_bytes(), MessageLimits(max_message_bytes=100)).status == 413
        assert refusal(request_bytes(), MessageLimits(max_head_bytes=100)).status == 413
        assert refusal(request_bytes(), MessageLimits(max_headers=3)).status == 400
        assert refusal(request_bytes(), MessageLimits(max_uri_length=3)).status == 414


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\x00\x00\x00\x00",
        b"\xff" * 1000,
        b"A",
        b" \r\n\r\n",
        b":\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        SDP,
    ],
)
def test_what_is_no_message_is_refused_in_silence(data: bytes) -> None:
    assert refusal(data).partial is None


@pytest.mark.parametrize(
    "field",
    [
        *("Contact: " + "<" * 16_000, 'Contact: "' + "\\" * 16_000, "Via: " + "," * 16_000, "Via: SIP/" + " " * 16_000),
        *("Contact: <sip:a@b>" + ";" * 16_000, "CSeq: " + " " * 8_000 + "x" * 8_000, "Contact: " + '"",' * 5_000),
        *(
            "Content-Length: " + "9" * 16_000,
            "Authorization: Digest " + 'a="",' * 3_000,
            "Contact: sip:" + "%" * 16_000,
        ),
        *("Contact: <sip:[" + ":" * 16_000, "X" * 16_000, "\n " * 8_000, "Route: " + "<sip:a@b>," * 1_600),
    ],
)
def test_hostile_headers_take_little_time(field: str) -> None:
    data = request_bytes().replace(b"\r\nTo:", f"\r\n{field}\r\nTo:".encode())
    started = time.process_time()
    try:
        parse_message(data, MessageLimits(max_head_bytes=60_000))
    except MalformedMessage:
        pass
    assert time.process_time() - started < 0.3
