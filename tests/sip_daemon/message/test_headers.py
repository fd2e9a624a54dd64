from __future__ import annotations

import pytest

from sip_daemon.errors import LocalProtocolError
from sip_daemon.message import Headers
from sip_daemon.message.headers import COMPACT_FORMS, canonical_name


def test_names_are_found_in_any_case_and_in_compact_form() -> None:
    headers = Headers([("cOnTaCt", "<sip:a@b>"), ("x-OWN", "1")])
    assert headers.get("Contact") == headers.get("m") == headers.get("CONTACT") == "<sip:a@b>"
    assert headers.get("X-Own") == "1"
    assert "contact" in headers
    assert "x-own" in headers
    assert "Via" not in headers


@pytest.mark.parametrize(("letter", "name"), COMPACT_FORMS.items())
def test_each_compact_form_has_its_name(letter: str, name: str) -> None:
    assert canonical_name(letter) == canonical_name(letter.upper()) == canonical_name(name.lower()) == name


def test_known_names_have_one_spelling_and_unknown_ones_their_own() -> None:
    assert Headers([("cseq", "1 A"), ("wWw-aUTHENTICATE", "x"), ("x-OWN", "1")]).items() == [
        ("CSeq", "1 A"),
        ("WWW-Authenticate", "x"),
        ("x-OWN", "1"),
    ]


def test_lines_of_one_name_keep_their_order_among_others() -> None:
    headers = Headers([("Via", "a"), ("To", "t"), ("v", "b, c")])
    assert headers.get("Via") == "a"
    assert headers.get_all("Via") == ["a", "b, c"]
    assert headers.values("Via") == ["a", "b", "c"]
    assert headers.get_all("Route") == headers.values("Route") == []


def test_values_pass_over_empty_elements() -> None:
    assert Headers([("Supported", ""), ("Supported", "a,,b")]).values("Supported") == ["a", "b"]


def test_setting_replaces_all_lines_in_the_place_of_the_first() -> None:
    headers = Headers([("Via", "a"), ("Route", "1"), ("To", "t"), ("Route", "2")])
    headers.set("route", "3")
    assert headers.items() == [("Via", "a"), ("Route", "3"), ("To", "t")]
    headers.set_all("Route", ["4", "5"])
    assert headers.items() == [("Via", "a"), ("Route", "4"), ("Route", "5"), ("To", "t")]


def test_setting_an_absent_name_appends_it() -> None:
    headers = Headers([("Via", "a")])
    headers.set("X-Own", "1")
    headers.set("x-own", "2")
    assert headers.items() == [("Via", "a"), ("x-own", "2")]


def test_prepending_puts_a_line_before_all_others() -> None:
    headers = Headers([("Via", "a")])
    headers.prepend("Via", "b")
    assert headers.values("Via") == ["b", "a"]
    assert headers.get("Via") == "b"


def test_the_first_value_is_replaced_within_its_line() -> None:
    headers = Headers([("To", "t"), ("Via", "a, b"), ("Via", "c")])
    headers.set_first("Via", "x")
    assert headers.items() == [("To", "t"), ("Via", "x, b"), ("Via", "c")]
    headers.set_first("From", "f")
    assert headers.get("From") == "f"


def test_removing_an_absent_name_does_nothing() -> None:
    headers = Headers([("Via", "a"), ("To", "t"), ("via", "b")])
    headers.remove("Route")
    headers.remove("V")
    assert headers.items() == [("To", "t")]
    assert len(headers) == 1


def test_a_copy_is_independent() -> None:
    headers = Headers([("Via", "a")])
    copy = headers.copy()
    copy.add("To", "t")
    copy.set("Via", "b")
    assert headers.items() == [("Via", "a")]


def test_typed_values_are_read_once_and_again_after_a_change() -> None:
    headers = Headers([("Subject", "a")])
    reads: list[str | None] = []

    def read(source: Headers) -> str | None:
        reads.append(source.get("Subject"))
        return reads[-1]

    assert [headers.typed("Subject", read), headers.typed("Subject", read)] == ["a", "a"]
    headers.add("To", "t")
    assert headers.typed("Subject", read) == "a"
    assert reads == ["a"]
    headers.set("s", "b")
    assert headers.typed("Subject", read) == "b"


def test_a_typed_none_is_kept_as_well() -> None:
    reads: list[int] = []

    def read(_: Headers) -> None:
        reads.append(1)

    headers = Headers()
    headers.typed("Expires", read)
    headers.typed("Expires", read)
    assert reads == [1]


@pytest.mark.parametrize("value", ["a\r\nVia: b", "a\nb", "a\rb"])
def test_a_value_of_ours_with_a_line_end_is_refused(value: str) -> None:
    headers = Headers()
    for write in (headers.add, headers.set, headers.prepend, headers.set_first):
        with pytest.raises(LocalProtocolError):
            write("Subject", value)
    assert headers.items() == []


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "ä"])
def test_a_name_of_ours_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        Headers().add(name, "1")


def test_the_repr_shows_names_only() -> None:
    assert repr(Headers([("Authorization", "secret")])) == "Headers(['Authorization'])"
