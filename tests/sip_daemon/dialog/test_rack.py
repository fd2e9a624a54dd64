"""RSeq, RAck and the order in which a UAC takes reliable provisional responses (RFC 3262 §4, §7)."""

from __future__ import annotations

import pytest

from sip_daemon.dialog.rack import ProvisionalOrder, RAck, rseq_of
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Response
from tests.support.transactions import make_request, make_response


def make(status: int, require: str | None, rseq: str | None) -> Response:
    response = make_response(make_request("INVITE"), status)
    for name, value in (("Require", require), ("RSeq", rseq)):
        if value is not None:
            response.headers.add(name, value)
    return response


def test_a_rack_makes_the_round_trip() -> None:
    assert str(RAck.parse("776656 1 INVITE")) == "776656 1 INVITE"
    assert RAck.parse("776656 1 INVITE") == RAck(776656, 1)


@pytest.mark.parametrize(
    ("status", "require", "rseq", "number"),
    [
        (180, "100rel", "988789", 988789),
        (183, "precondition, 100rel", "1", 1),
        (180, None, "988789", None),
        (180, "100rel", None, None),
        (100, "100rel", "1", None),
        (200, "100rel", "1", None),
    ],
)
def test_what_is_reliable(status: int, require: str | None, rseq: str | None, number: int | None) -> None:
    """§3: both headers, and never a 100."""
    assert rseq_of(make(status, require, rseq)) == number


@pytest.mark.parametrize("rseq", ["x", "-1", "4294967296", "99999999999999"])
def test_a_number_that_is_none_cannot_be_acknowledged(rseq: str) -> None:
    with pytest.raises(RemoteProtocolError):
        rseq_of(make(180, "100rel", rseq))


def test_the_first_number_is_the_peers_to_choose_and_the_next_is_one_higher() -> None:
    order = ProvisionalOrder()
    assert [order.admit(number) for number in (4711, 4712, 4713)] == [True, True, True]


def test_a_repetition_and_one_out_of_turn_are_passed_over() -> None:
    """§4: neither processed nor acknowledged; what overtook another comes again."""
    order = ProvisionalOrder()
    assert [order.admit(number) for number in (1, 1, 3, 2, 3, 2)] == [True, False, False, True, True, False]
