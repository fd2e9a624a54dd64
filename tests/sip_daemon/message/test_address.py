from __future__ import annotations

import pytest

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import NameAddress, Uri


def test_the_parts_of_a_name_address() -> None:
    address = NameAddress.parse('"Ada \\"The\\" Lovelace" <sip:ada@example.com;transport=tcp>;tag=1928;q=0.7')
    assert address.display_name == 'Ada "The" Lovelace'
    assert address.uri == Uri.parse("sip:ada@example.com;transport=tcp")
    assert address.tag == "1928"
    assert address.q == 0.7


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<sip:a@b>", ""),
        ('"" <sip:a@b>', ""),
        ('"A"<sip:a@b>', "A"),
        ("caller<sip:a@b>", "caller"),
        ("A. G. Bell <sip:a@b>", "A. G. Bell"),
        ("Bell, Alexander <sip:a@b>", "Bell, Alexander"),
        ("Jürgen Groß <sip:a@b>", "Jürgen Groß"),
        ('"大停電" <sip:a@b>', "大停電"),
        ('"a <b> c" <sip:a@b>', "a <b> c"),
    ],
)
def test_display_names_as_phones_write_them(text: str, name: str) -> None:
    assert NameAddress.parse(text).display_name == name


def test_without_brackets_parameters_belong_to_the_header() -> None:
    address = NameAddress.parse("sip:+19725552222@gw1.example.net;unknownparam")
    assert "unknownparam" in address.parameters
    assert not address.uri.parameters


def test_inside_brackets_parameters_belong_to_the_uri() -> None:
    address = NameAddress.parse("<sip:+19725552222@gw1.example.net;unknownparam>")
    assert "unknownparam" in address.uri.parameters
    assert not address.parameters


def test_it_is_written_with_brackets_and_a_quoted_name() -> None:
    assert str(NameAddress.parse("A. Bell <sip:a@b> ; tag = 1")) == '"A. Bell" <sip:a@b>;tag=1'
    assert str(NameAddress.parse("sip:a@b;tag=1")) == "<sip:a@b>;tag=1"


@pytest.mark.parametrize("name", ['say "hi"', "back\\slash", "a\r\nVia: b", "Jürgen"])
def test_a_name_of_ours_is_read_back_and_cannot_leave_its_quotes(name: str) -> None:
    text = str(NameAddress(name, Uri.parse("sip:a@b"), {"tag": "1"}))
    assert "\r" not in text
    assert "\n" not in text
    again = NameAddress.parse(text)
    assert again.display_name == name.replace("\r", " ").replace("\n", " ")
    assert again.tag == "1"


def test_a_tag_is_set_replaced_and_removed_in_a_copy() -> None:
    address = NameAddress.parse('<sip:a@b>;+g.x="1"')
    tagged = address.with_tag("t1")
    assert str(tagged) == '<sip:a@b>;+g.x="1";tag=t1'
    assert tagged.with_tag("t2").tag == "t2"
    assert tagged.with_tag(None) == address
    assert address.tag is None


@pytest.mark.parametrize(
    ("text", "q"),
    [
        ("0.33", 0.33),
        ("1", 1.0),
        ("0", 0.0),
        ("1.1", None),
        ("nan", None),
        ("-1", None),
        ("1e0", None),
        ("", None),
        (".", None),
    ],
)
def test_a_malformed_q_counts_as_absent(text: str, q: float | None) -> None:
    assert NameAddress.parse(f"<sip:a@b>;q={text}").q == q


@pytest.mark.parametrize(
    ("text", "expires"),
    [
        ("0", 0),
        ("60", 60),
        ("280297596632815", 2**32 - 1),
        ("9" * 500, 2**32 - 1),
        ("never", 3600),
        ("-5", 3600),
        ("", 3600),
    ],
)
def test_expires_of_a_contact_is_capped_and_3600_when_malformed(text: str, expires: int) -> None:
    assert NameAddress.parse(f"<sip:a@b>;expires={text}").expires == expires


def test_an_absent_expires_is_none() -> None:
    assert NameAddress.parse("<sip:a@b>").expires is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "<>",
            "<sip:a@b",
            '"A <sip:a@b>',
            '"A" sip:a@b',
            '"A" x <sip:a@b>',
            "<sip:a@b> x",
            "<sip:a@b>;;",
            "A",
            "*",
        ),
        *(
            'A"B <sip:a@b>',
            "a>b <sip:a@b>",
            "< sip:a@b >",
            "sip:a@b?Route=c",
            "sip:a@b,sip:c@d",
            "<sip:a@b>;tag=1;tag=2",
            '"',
        ),
    ],
)
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        NameAddress.parse(text)
