from __future__ import annotations

from sip_daemon.endpoint.refusal import fit, least_request_size, stateless_tag
from sip_daemon.message import Request, Response, parse_message
from tests.support.messages import options, register, request_bytes


def decorated(request: Request) -> Response:
    response = Response.to_request(request, 401, to_tag="t")
    for name in ("Allow", "Server", "Date", "WWW-Authenticate", "Supported"):
        response.headers.add(name, "x" * 100)
    return response


def test_what_fits_is_left_alone() -> None:
    response = decorated(options())
    before = bytes(response)
    assert fit(response, len(before) + 10)
    assert bytes(response) == before


def test_optional_headers_go_before_anything_else_and_only_as_many_as_needed() -> None:
    response = decorated(options())
    whole = len(bytes(response))
    assert fit(response, whole - 50)
    assert "Date" not in response.headers
    assert "Allow" in response.headers
    assert len(bytes(response)) <= whole - 50


def test_a_challenge_is_never_dropped() -> None:
    response = decorated(options())
    assert not fit(response, 100)
    assert response.headers.get("WWW-Authenticate") is not None
    assert response.headers.get("Allow") is None


def test_the_estimate_of_a_response_is_never_too_small() -> None:
    response = decorated(register())
    response.body = b"x" * 1000
    assert not fit(response.copy(), len(bytes(decorated(options()))) - 600)
    assert fit(response, 10_000)


def test_the_estimate_of_a_request_is_never_too_large_even_in_compact_form() -> None:
    long = request_bytes()
    compact = long
    for name, letter in ((b"Via:", b"v:"), (b"From:", b"f:"), (b"To:", b"t:"), (b"Call-ID:", b"i:")):
        compact = compact.replace(b"\r\n" + name, b"\r\n" + letter)
    for data in (long, compact):
        request = parse_message(data)
        assert isinstance(request, Request)
        assert least_request_size(request) <= len(data)


def test_a_repeated_request_gets_the_same_tag_and_another_one_another() -> None:
    """RFC 3261 §8.2.7."""
    one, two = options(), options()
    assert stateless_tag(one) == stateless_tag(one.copy())
    assert stateless_tag(one) != stateless_tag(two)
