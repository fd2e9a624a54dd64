from __future__ import annotations

import pytest

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.parameters import Parameters, UriHeaders, UriParameters


def test_names_are_compared_without_case() -> None:
    parameters = Parameters.parse("Tag=aBc;RPORT")
    assert parameters["tag"] == "aBc"
    assert parameters["TAG"] == "aBc"
    assert "rport" in parameters
    assert "Rport" in parameters


def test_a_parameter_without_a_value_is_none_and_an_absent_one_is_no_member() -> None:
    parameters = Parameters.parse("lr")
    assert parameters["lr"] is None
    assert "tag" not in parameters
    assert parameters.get("tag", "x") == "x"


def test_space_around_the_parts_is_dropped() -> None:
    assert str(Parameters.parse(" tag    = 1918181833n ; q = 0.33")) == ";tag=1918181833n;q=0.33"


def test_a_quoted_value_is_read_without_and_written_with_its_quotes() -> None:
    text = '+sip.instance="<urn:uuid:1;2>";+g.x="1"'
    parameters = Parameters.parse(text)
    assert parameters["+sip.instance"] == "<urn:uuid:1;2>"
    assert parameters["+g.x"] == "1"
    assert str(parameters) == f";{text}"


def test_a_value_is_quoted_where_the_grammar_asks_for_it() -> None:
    assert str(Parameters({"a": "x y", "b": 'q"', "c": "token", "d": "[2001:db8::1]", "e": "", "f": None})) == (
        ';a="x y";b="q\\"";c=token;d=[2001:db8::1];e="";f'
    )


@pytest.mark.parametrize("text", [";", "a;;b", "", "=x", 'a="b', 'a="b"c', "a b=c", "a=b c", "a=<b>", "ä=1", "a=b,c"])
def test_a_malformed_parameter_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Parameters.parse(text)


def test_a_parameter_with_two_different_values_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        Parameters.parse("tag=1;TAG=2")


def test_a_repeated_equal_parameter_is_one() -> None:
    assert str(Parameters.parse("lr;lr")) == ";lr"


def test_changing_makes_a_copy() -> None:
    before = Parameters.parse("tag=1;lr")
    after = before.with_value("TAG", "2").without("lr")
    assert (str(before), str(after)) == (";tag=1;lr", ";tag=2")


def test_equality_and_hash_look_at_meaning_and_not_at_quotes_or_order() -> None:
    one, other = Parameters.parse('a="1";b=2'), Parameters.parse("b=2;a=1")
    assert one == other
    assert hash(one) == hash(other)
    assert one != Parameters.parse("a=1")
    assert one == {"a": "1", "b": "2"}


def test_uri_parameters_are_escaped_instead_of_quoted() -> None:
    parameters = UriParameters.parse("method=REG%49STER;x=%3b")
    assert parameters["method"] == "REGISTER"
    assert parameters["x"] == ";"
    assert str(parameters) == ";method=REG%49STER;x=%3b"
    assert str(UriParameters({"x": "a;b c"})) == ";x=a%3Bb%20c"


def test_uri_headers_are_joined_by_ampersands() -> None:
    headers = UriHeaders.parse("Route=%3Csip:h%3E&Subject=a%20b")
    assert dict(headers) == {"route": "<sip:h>", "subject": "a b"}
    assert str(UriHeaders({"Replaces": "a@b;to-tag=1"})) == "?replaces=a%40b%3Bto-tag%3D1"
    assert str(UriHeaders()) == ""


def test_a_missing_parameter_has_the_default_and_a_name_is_found_in_any_case() -> None:
    parameters = Parameters.parse('Tag=a;lr;x="b c"')
    assert parameters.get("tag") == parameters.get("TAG") == "a"
    assert parameters.get("x") == "b c"
    assert parameters.get("lr", "default") is None
    assert parameters.get("missing") is None
    assert parameters.get("Missing", "default") == "default"
