"""Who says what about the session interval and the refresher: RFC 4028 §4 to §9, table 2."""

from __future__ import annotations

import pytest

from sip_daemon.dialog.session_expires import (
    IntervalTooSmall,
    Refresher,
    SessionExpires,
    answer,
    answer_headers,
    min_se_of,
    read_answer,
)
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Request
from tests.support.transactions import make_request, make_response

UAC, UAS = Refresher.UAC, Refresher.UAS
TIMER = ("Supported", "timer")


def invite(*headers: tuple[str, str]) -> Request:
    return make_request("INVITE", headers=headers)


def expires(value: str) -> tuple[str, str]:
    return "Session-Expires", value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1800", SessionExpires(1800)),
        ("90;refresher=uas", SessionExpires(90, UAS)),
        ("90 ; Refresher = UAC ; other=1", SessionExpires(90, UAC)),
    ],
)
def test_a_value_is_read(text: str, value: SessionExpires) -> None:
    assert SessionExpires.parse(text) == value
    assert SessionExpires.parse(str(value)) == value


@pytest.mark.parametrize("text", ["", "x", "-1", "90;refresher=me", "99999999999", "90;refresher"])
def test_a_malformed_value_is_a_bad_request(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        answer(invite(TIMER, expires(text)))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([], None),
        ([TIMER], SessionExpires(1800, UAS)),
        ([TIMER, ("Min-SE", "3600")], SessionExpires(3600, UAS)),
        ([TIMER, expires("90")], SessionExpires(90, UAS)),
        ([("Require", "timer"), expires("90")], SessionExpires(90, UAS)),
        ([TIMER, expires("90;refresher=uac")], SessionExpires(90, UAC)),
        ([TIMER, expires("90;refresher=uas")], SessionExpires(90, UAS)),
        ([TIMER, expires("7200;refresher=uac")], SessionExpires(1800, UAC)),
        ([TIMER, expires("7200"), ("Min-SE", "3600")], SessionExpires(3600, UAS)),
        ([expires("600")], SessionExpires(600, UAS)),
        ([expires("600;refresher=uac")], SessionExpires(600, UAS)),
        ([expires("30")], None),
    ],
)
def test_what_a_uas_says(headers: list[tuple[str, str]], said: SessionExpires | None) -> None:
    """§9: never more than was asked for, never less than Min-SE; a peer without support cannot refresh."""
    assert answer(invite(*headers)) == said


def test_the_roles_stay_as_they_are_where_the_peer_does_not_mind() -> None:
    assert answer(invite(TIMER), interval=600, we_refresh=False) == SessionExpires(600, UAC)


@pytest.mark.parametrize("seconds", [0, 1, 89])
def test_an_interval_below_the_least_is_refused_with_what_would_do(seconds: int) -> None:
    """§6: 422 with Min-SE."""
    with pytest.raises(IntervalTooSmall) as caught:
        answer(invite(TIMER, expires(str(seconds))))
    assert (caught.value.status, caught.value.headers) == (422, [("Min-SE", "90")])


def test_a_peer_that_is_able_is_required_to_know() -> None:
    """§9."""
    agreed = SessionExpires(90, UAC)
    assert answer_headers(invite(TIMER), agreed) == [("Session-Expires", "90;refresher=uac"), ("Require", "timer")]
    assert answer_headers(invite(), agreed) == [("Session-Expires", "90;refresher=uac")]
    assert answer_headers(invite(TIMER), None) == []


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (None, None),
        ("1800;refresher=uas", SessionExpires(1800, UAS)),
        ("1800", SessionExpires(1800, UAC)),
        ("10;refresher=uac", SessionExpires(90, UAC)),
        ("nonsense", None),
    ],
)
def test_what_a_uac_takes(value: str | None, taken: SessionExpires | None) -> None:
    """§7.2."""
    response = make_response(make_request("INVITE"), 200)
    if value is not None:
        response.headers.add("Session-Expires", value)
    assert read_answer(response) == taken


@pytest.mark.parametrize(("value", "seconds"), [(None, 90), ("10", 90), ("120", 120), ("120;x=y", 120)])
def test_the_least_interval(value: str | None, seconds: int) -> None:
    assert min_se_of(invite(*([] if value is None else [("Min-SE", value)]))) == seconds


def test_a_malformed_least_interval_is_a_bad_request() -> None:
    with pytest.raises(RemoteProtocolError):
        min_se_of(invite(("Min-SE", "soon")))
