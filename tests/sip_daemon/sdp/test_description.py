"""RFC 8866: lines of a session description."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.sdp.description import Connection, Origin, SessionDescription

FULL = (
    "v=0\r\n"
    "o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\n"
    "s=Call to John Smith\r\n"
    "i=SDP Offer #1\r\n"
    "u=http://www.jdoe.example.com/home.html\r\n"
    "e=Jane Doe <jane@jdoe.example.com>\r\n"
    "p=+1 617 555-6011\r\n"
    "c=IN IP4 198.51.100.1\r\n"
    "b=AS:64\r\n"
    "t=0 0\r\n"
    "z=0 0\r\n"
    "a=recvonly\r\n"
    "m=audio 49170 RTP/AVP 0\r\n"
    "i=a title\r\n"
    "c=IN IP6 2001:db8::2\r\n"
    "b=TIAS:64000\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "m=video 49180/2 RTP/AVP 31 99\r\n"
    "a=rtpmap:99 h263-1998/90000\r\n"
)


def test_the_text_of_a_well_formed_description_makes_the_round_trip() -> None:
    assert str(SessionDescription.parse(FULL)) == FULL


def test_bytes_and_text_read_alike() -> None:
    assert SessionDescription.parse(FULL.encode()) == SessionDescription.parse(FULL)


def test_fields_are_where_rfc_8866_puts_them() -> None:
    session = SessionDescription.parse(FULL)
    assert session.origin == Origin("jdoe", "3724394400", "3724394405", "198.51.100.1")
    assert session.connection == Connection("198.51.100.1")
    assert session.media[0].connection == Connection("2001:db8::2", "IP6")
    assert (session.media[1].port, session.media[1].port_count) == (49180, 2)
    assert session.media[1].formats == ("31", "99")


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_a_lone_line_feed_or_carriage_return_ends_a_line(end: str) -> None:
    assert SessionDescription.parse(FULL.replace("\r\n", end)) == SessionDescription.parse(FULL)


def test_the_last_line_may_lack_its_end() -> None:
    assert SessionDescription.parse(FULL.removesuffix("\r\n")) == SessionDescription.parse(FULL)


def test_origin_name_and_time_may_be_missing() -> None:
    session = SessionDescription.parse("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n")
    assert session.origin is None
    assert session.times == ("0 0",)
    assert session.media[0].port == 4000


def test_unknown_lines_are_kept() -> None:
    session = SessionDescription.parse("v=0\r\ns=-\r\ny=strange\r\nm=audio 4000 RTP/AVP 0\r\nx=odd\r\n")
    assert session.other_lines == (("y", "strange"),)
    assert session.media[0].other_lines == (("x", "odd"),)


def test_latin_1_text_is_read() -> None:
    assert SessionDescription.parse(b"v=0\r\ns=M\xfcller\r\n").name == "Müller"


def test_an_attribute_value_may_contain_colons() -> None:
    session = SessionDescription.parse("v=0\r\na=tool:one:two\r\na=group\r\n")
    assert session.attributes == (("tool", "one:two"), ("group", None))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=1\r\n",
        "o=- 1 1 IN IP4 192.0.2.1\r\n",
        "v=0\r\nnonsense\r\n",
        "v=0\r\na\r\n",
        "v=0\r\n=value\r\n",
        "v=0\r\ns=nul\x00l\r\n",
        "v=0\r\no=- 1 1 IN IP4\r\n",
        "v=0\r\nc=IN IP4\r\n",
        "v=0\r\nc=ATM NSAP 1.2.3.4\r\n",
        "v=0\r\nm=audio 4000 RTP/AVP\r\n",
        "v=0\r\nm=audio 70000 RTP/AVP 0\r\n",
        "v=0\r\nm=audio -1 RTP/AVP 0\r\n",
        "v=0\r\nm=audio 4000/0 RTP/AVP 0\r\n",
        "v=0\r\nm=audio ٤٠٠٠ RTP/AVP 0\r\n",
        "v=0\r\nm=audio 4000 RTP/AVP " + "0 " * 65,
        "v=0\r\n" + "m=audio 4000 RTP/AVP 0\r\n" * 17,
        "v=0\r\n" + "a=x\r\n" * 1100,
    ],
)
def test_a_broken_description_is_refused_with_400(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        SessionDescription.parse(text)
    assert caught.value.status == 400


def test_a_huge_description_is_refused_with_413() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        SessionDescription.parse(b"v=0\r\n" + b"a=" + b"x" * 40000)
    assert caught.value.status == 413


LINES = st.tuples(st.sampled_from("osiuepcbtrzkamxv"), st.text(max_size=30)).map("=".join)


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=200), st.lists(LINES, max_size=12).map(lambda lines: "\n".join(["v=0", *lines]))))
def test_any_input_makes_the_round_trip_or_raises_the_one_error(body: bytes | str) -> None:
    try:
        session = SessionDescription.parse(body)
    except RemoteProtocolError:
        return
    assert SessionDescription.parse(str(session)) == session
