from __future__ import annotations

from dataclasses import replace

import pytest

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Uri

# RFC 3261 §19.1.3, and what phones write.
WELL_FORMED = [
    "sip:alice@atlanta.com",
    "sip:alice:secretword@atlanta.com;transport=tcp",
    "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
    "sip:+1-212-555-1212:1234@gateway.com;user=phone",
    "sips:1212@gateway.com",
    "sip:alice@192.0.2.4",
    "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
    "sip:alice;day=tuesday@atlanta.com",
    "sip:[2001:db8::10]:5060;lr",
    "sip:1001@[2001:db8::10]",
    "sip:*97@pbx",
    "sip:%23100@pbx",
    "SIP:Alice@ATLANTA.com",
    "tel:+1-201-555-0123;phone-context=example.com",
    "urn:service:sos",
    "sip:jürgen@example.com",
    "sip:1001@192.0.2.1:5060;ob;+sip.x=1",
]


@pytest.mark.parametrize("text", WELL_FORMED)
def test_a_uri_is_written_exactly_as_it_came(text: str) -> None:
    assert str(Uri.parse(text)) == text


def test_the_parts_of_a_uri() -> None:
    uri = Uri.parse("sips:alice:secretword@[2001:db8::1]:5061;transport=TCP;lr?subject=project%20x")
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port) == (
        "sips",
        "alice",
        "secretword",
        "2001:db8::1",
        5061,
    )
    assert uri.parameters["transport"] == "TCP"
    assert uri.transport == "tcp"
    assert uri.is_loose_router
    assert uri.headers["Subject"] == "project x"
    assert uri.is_sips
    assert uri.is_sip


def test_the_user_is_unescaped_for_the_reader() -> None:
    assert Uri.parse("sip:sips%3Auser%40example.com@example.net").user == "sips:user@example.com"
    assert Uri.parse("sip:%23100@pbx").user == "#100"


def test_a_colon_that_came_escaped_is_part_of_the_user() -> None:
    uri = Uri.parse("sip:a%3Ab:c%3Ad@h")
    assert (uri.user, uri.password) == ("a:b", "c:d")


def test_a_uri_made_by_us_escapes_what_it_must() -> None:
    uri = Uri("sip", "a@b:c#d e", "p:w", "2001:db8::1", 5060, {"transport": "tcp"}, {"Subject": "a&b"})
    assert str(uri) == "sip:a%40b%3Ac%23d%20e:p%3Aw@[2001:db8::1]:5060;transport=tcp?subject=a%26b"
    assert Uri.parse(str(uri)) == uri


def test_a_changed_copy_is_written_anew() -> None:
    uri = replace(Uri.parse("sip:%23100@pbx:5060;lr"), host="192.0.2.1", port=None)
    assert str(uri) == "sip:%23100@192.0.2.1;lr"


def test_another_scheme_is_kept_opaque() -> None:
    uri = Uri.parse("soap.beep://192.0.2.103:3002")
    assert (uri.scheme, uri.opaque, uri.user, uri.is_sip) == ("soap.beep", "//192.0.2.103:3002", None, False)


def test_the_password_is_in_no_repr() -> None:
    assert "secretword" not in repr(Uri.parse("sip:alice:secretword@atlanta.com"))


def test_equal_uris_have_equal_hashes() -> None:
    assert len({Uri.parse("sip:a@h;lr"), Uri("sip", "a", host="h", parameters={"lr": None})}) == 1


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "sip",
            "sip:",
            ":a@b",
            "sip:@host",
            "sip:a@",
            "sip:a@b c",
            "sip:a@b@c",
            "1sip:a",
            "<sip:a@b>",
            "tel:",
            "sip:a@h:x",
        ),
        *(
            "sip:a@h;",
            "sip:a@h;;lr",
            "sip:a@h;=x",
            "sip:a@h?",
            "sip:a\x00@h",
            "sip:a\r\n@h",
            'sip:"a"@h',
            "sip:a@[::1",
            "sip:?a=b",
        ),
        *("sip:a@h:65536", "sip:a@h;x=1;x=2", "sip:a@h:"),
    ],
)
def test_a_malformed_uri_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        Uri.parse(text)
    assert refused.value.status == 400


# RFC 3261 §19.1.4: the examples of the section.
EQUIVALENT = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
    ("SIP:a@h", "sip:a@h"),
    ("sip:a%3b@h", "sip:a%3B@h"),
    ("tel:+123", "tel:+123"),
]
DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:a@h", "sips:a@h"),
    ("sip:a@h", "sip:h"),
    ("sip:a:b@h", "sip:a@h"),
    ("sip:a%3Bb@h", "sip:a;b@h"),
    ("sip:a@h;maddr=x", "sip:a@h"),
    ("tel:+123", "tel:+124"),
]


@pytest.mark.parametrize(("one", "other"), EQUIVALENT)
def test_uris_that_the_rfc_calls_equivalent(one: str, other: str) -> None:
    assert Uri.parse(one).equivalent(Uri.parse(other))
    assert Uri.parse(other).equivalent(Uri.parse(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_uris_that_the_rfc_calls_different(one: str, other: str) -> None:
    assert not Uri.parse(one).equivalent(Uri.parse(other))
    assert not Uri.parse(other).equivalent(Uri.parse(one))


def test_equivalence_is_not_transitive() -> None:
    on, plain, off = (Uri.parse(f"sip:carol@chicago.com{end}") for end in (";security=on", "", ";security=off"))
    assert on.equivalent(plain)
    assert plain.equivalent(off)
    assert not on.equivalent(off)
