from __future__ import annotations

import time

import pytest

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.grammar import (
    format_host_port,
    is_token,
    parse_host_port,
    parse_number,
    quote,
    split_list,
    unquote,
)


@pytest.mark.parametrize("text", ["INVITE", "a-.!%*_+`'~1"])
def test_a_token_holds_letters_digits_and_ten_marks(text: str) -> None:
    assert is_token(text)


@pytest.mark.parametrize("text", ["", "a b", "a:b", "a/b", "ä", "a\n", '"a"', "a\x00"])
def test_anything_else_is_no_token(text: str) -> None:
    assert not is_token(text)


def test_a_number_may_have_leading_zeros() -> None:
    assert parse_number("0068", 255, "x") == 68


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1_0", "٣", "²", "1.0", "256", "9" * 5000])
def test_a_number_is_digits_up_to_its_maximum(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_number(text, 255, "x")


@pytest.mark.parametrize("text", ["", "plain", 'with "quotes"', "back\\slash", "\\", '"', "Jürgen", "a\x00b"])
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    assert unquote(quote(text)) == text


def test_quoting_turns_line_ends_into_spaces() -> None:
    assert quote("a\r\nb: c") == '"a  b: c"'


def test_a_quoted_pair_stands_for_its_second_character() -> None:
    assert unquote(r'"J Rosenberg \\\""') == 'J Rosenberg \\"'


@pytest.mark.parametrize("text", ['"', '"abc', '"abc\\"', '"a"b', '"a" ', '"a\\'])
def test_a_quoted_string_ends_where_the_text_ends(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        unquote(text)


def test_a_list_is_split_outside_quotes_and_angle_brackets() -> None:
    text = r'"a, \", b" <sip:x,y@h>;p="1,2" , <sip:"@h> ,c'
    assert split_list(text) == [r'"a, \", b" <sip:x,y@h>;p="1,2"', '<sip:"@h>', "c"]


def test_empty_list_elements_are_kept() -> None:
    assert split_list("a,, b,") == ["a", "", "b", ""]


def test_parameters_are_split_outside_quotes() -> None:
    assert split_list('a="x;y";b', ";") == ['a="x;y"', "b"]


def test_a_quote_without_end_in_a_list_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        split_list('a, "b, c')


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.com", "example.com", None),
        ("192.0.2.1:5060", "192.0.2.1", 5060),
        ("pbx_1.local", "pbx_1.local", None),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("[2001:db8::1]:5061", "2001:db8::1", 5061),
        ("[::ffff:192.0.2.1]", "::ffff:192.0.2.1", None),
        ("example.com : 5060", "example.com", 5060),
    ],
)
def test_host_and_port_are_told_apart(text: str, host: str, port: int | None) -> None:
    assert parse_host_port(text) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ":5060",
            "a b",
            "a:",
            "a:0",
            "a:65536",
            "a:-1",
            "a:5060x",
            "[::1",
            "[]",
            "[::g]",
            "[::1]5060",
            "[fe80::1%eth0]",
        ),
        *("2001:db8::1", "ä.example", "a" * 256, "[1.2.3.4]"),
    ],
)
def test_a_malformed_host_or_port_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_host_port(text)


@pytest.mark.parametrize("text", ["example.com", "[2001:db8::1]:5061", "192.0.2.1:5060"])
def test_host_and_port_are_written_as_they_were_read(text: str) -> None:
    assert format_host_port(*parse_host_port(text)) == text


@pytest.mark.parametrize(
    "text", ['"' * 30_000, "\\" * 30_000, '"' + "\\a" * 15_000, "<" * 30_000, ',"' * 15_000, ",<" * 15_000]
)
def test_hostile_lists_take_linear_time(text: str) -> None:
    started = time.process_time()
    for separator in ",;":
        try:
            split_list(text, separator)
        except RemoteProtocolError:
            pass
    assert time.process_time() - started < 0.5
