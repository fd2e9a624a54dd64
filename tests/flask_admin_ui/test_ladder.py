"""Which arrows the messages become: lanes, directions, words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from flask_admin_ui.ladder import Ladder, clock, ladder
from tests.support.daemon import trace_entry

CALLER, CALLEE = "192.0.2.7:5060", "[2001:db8::8]:41234"
NAMES = {CALLER: "1001", CALLEE: "1002"}


@pytest.fixture(autouse=True)
def _words(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def drawn(*messages: tuple[str, str, str], **more: Any) -> Ladder:
    """Of pairs of title, direction and remote."""
    entries = [
        trace_entry(serial, title, direction) | {"remote": remote} | more
        for serial, (title, direction, remote) in enumerate(messages, 1)
    ]
    return ladder({"entries": entries, "total": len(entries), "budget_bytes": 1}, NAMES)


CALL = (
    ("INVITE sip:1002@example.org SIP/2.0", "received", CALLER),
    ("INVITE sip:1002@192.0.2.8 SIP/2.0", "sent", CALLEE),
    ("SIP/2.0 180 Ringing", "received", CALLEE),
    ("SIP/2.0 180 Ringing", "sent", CALLER),
)


def test_who_speaks_first_is_left_of_gosip_and_the_others_are_right() -> None:
    lanes = drawn(*CALL).lanes
    assert [(lane.name, lane.address) for lane in lanes] == [("1001", CALLER), ("GoSIP", ""), ("1002", CALLEE)]


def test_news_of_the_callees_connection_do_not_put_it_on_the_left() -> None:
    lanes = drawn(("Connected", "note", CALLEE), *CALL).lanes
    assert [lane.name for lane in lanes] == ["1001", "GoSIP", "1002"]


def test_an_arrow_points_to_whom_the_message_goes() -> None:
    arrows = [(rung.left, rung.right, rung.points) for rung in drawn(*CALL).rungs]
    assert arrows == [(1, 2, "right"), (2, 3, "right"), (2, 3, "left"), (1, 2, "left")]


def test_each_row_is_a_sentence_for_those_who_see_no_arrows() -> None:
    words = [rung.words for rung in drawn(*CALL).rungs]
    assert words[0] == "INVITE from 1001 to GoSIP"
    assert words[3] == "180 Ringing INVITE from GoSIP to 1001"


def test_times_count_from_the_first_message() -> None:
    assert [rung.offset for rung in drawn(*CALL).rungs] == ["0.000", "0.250", "0.500", "0.750"]
    assert (clock(62.3456), clock(3_723.0)) == ("1:02.346", "1:02:03.000")


def test_a_phone_that_connected_anew_keeps_its_lane() -> None:
    many = [("OPTIONS sip:a SIP/2.0", "received", f"192.0.2.7:{port}") for port in range(5001, 5006)]
    assert [lane.name for lane in drawn(*many).lanes] == ["192.0.2.7", "GoSIP"]


def test_too_many_phones_share_a_lane_and_each_row_says_who() -> None:
    many = [("OPTIONS sip:a SIP/2.0", "received", f"192.0.2.{host}:5060") for host in range(7, 12)]
    picture = drawn(*many)
    assert [lane.name for lane in picture.lanes] == ["The others", "GoSIP"]
    assert [rung.peer for rung in picture.rungs][:2] == ["1001", "192.0.2.8:5060"]


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("BYE sip:a SIP/2.0", "request"),
        ("SIP/2.0 183 Session Progress", "provisional"),
        ("SIP/2.0 200 OK", "success"),
        ("SIP/2.0 401 Unauthorized", "again"),
        ("SIP/2.0 407 Proxy Authentication Required", "again"),
        ("SIP/2.0 302 Moved Temporarily", "again"),
        ("SIP/2.0 403 Forbidden", "failure"),
        ("SIP/2.0 486 Busy Here", "failure"),
    ],
)
def test_answers_look_like_what_they_are(title: str, kind: str) -> None:
    assert drawn((title, "sent", CALLER)).rungs[0].kind == kind


def test_news_of_a_connection_is_no_arrow() -> None:
    (rung,) = drawn(("closed by the peer", "note", CALLER)).rungs
    assert (rung.points, rung.words) == ("", "Connection to 1001: closed by the peer")


def test_a_repeated_message_says_so() -> None:
    assert drawn(CALL[0], repeated=True, has_sdp=True).rungs[0].hint == "SDP again"


def test_nothing_is_no_ladder() -> None:
    assert drawn() == Ladder((), (), 0, is_kept=True)
