"""What only some phones do, done by SIPp on both sides of the real daemon.

Each scenario fails on the first message that it does not expect.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from tests.support import sipp
from tests.support.sipp import Sipp, credentials
from tests.support.sipp_steps import (
    REMEMBER,
    answered,
    ended,
    expect,
    hang_up,
    invite,
    must_have,
    pause,
    receive,
    refused_ack,
    request,
    respond,
    sdp,
    write,
)
from tests.support.system import Account, GosipSystem
from tests.support.waiting import free_port, wait_for

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not sipp.is_available(), reason="SIPp is not installed"),
]

RSEQ = '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/>'
HOLDS = '<ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="seen"/>'
OFFERS_HOLD = '<ereg regexp="a=sendonly" search_in="body" check_it="true" assign_to="seen"/>'
CALLS = 3
"""Of each scenario, one after the other."""


@pytest.fixture(scope="module")
def gosip() -> Iterator[GosipSystem]:
    with GosipSystem() as system:
        yield system


class Stage:
    """Two phones of SIPp and what they play."""

    def __init__(self, gosip: GosipSystem, caller: Account, callee: Account, folder: Path) -> None:
        self._gosip, self._caller, self._callee, self._folder = gosip, caller, callee, folder
        self._runs = count()

    def play(self, calling: Sequence[str], answering: Sequence[str]) -> None:
        """Both scenarios at once; fails with what SIPp says was unexpected."""
        folder = self._folder / str(next(self._runs))
        port = free_port(kind=socket.SOCK_DGRAM)
        self._register(folder, port)
        called = Sipp(folder / "answer", write(folder / "answer.xml", *answering), self._gosip.server, port=port)
        process = called.start("-t", "u1", "-m", str(CALLS), "-mp", str(free_port(kind=socket.SOCK_DGRAM)))
        try:
            scenario = write(folder / "call.xml", *calling)
            own = free_port(kind=socket.SOCK_DGRAM)
            outcome = Sipp(folder / "call", scenario, self._gosip.server, port=own, rows=[self._row]).run(
                calls=CALLS, rate=5, limit=1, timeout=40
            )
            process.wait(15)
        finally:
            process.kill()
        assert (outcome.successful, outcome.failed) == (CALLS, 0), outcome.output + called.outcome().output
        answer = called.outcome()
        assert (answer.successful, answer.failed) == (CALLS, 0), answer.output
        wait_for(lambda: self._gosip.json("status")["sip"]["counts"]["dialogs"] == 0, "the dialogs to end")

    def refuse(self, calling: Sequence[str]) -> None:
        """A call that reaches nobody."""
        folder = self._folder / str(next(self._runs))
        own = free_port(kind=socket.SOCK_DGRAM)
        scenario = write(folder / "call.xml", *calling)
        outcome = Sipp(folder / "call", scenario, self._gosip.server, port=own, rows=[self._row]).run(calls=1, rate=5)
        assert (outcome.successful, outcome.failed) == (1, 0), outcome.output

    @property
    def _row(self) -> str:
        who = self._caller
        return f"{who.username};{credentials(who.username, who.password)};{self._callee.number}"

    def _register(self, folder: Path, port: int) -> None:
        who = self._callee
        rows = [f"{who.username};{credentials(who.username, who.password)};{port}"]
        own = free_port(kind=socket.SOCK_DGRAM)
        load = Sipp(folder / "register", "register", self._gosip.server, port=own, rows=rows)
        assert load.run(calls=1, rate=1).failed == 0


@pytest.fixture(scope="module")
def accounts(gosip: GosipSystem) -> tuple[Account, Account]:
    return gosip.add_device("6001"), gosip.add_device("6002")


@pytest.fixture
def stage(gosip: GosipSystem, accounts: tuple[Account, Account], tmp_path: Path) -> Stage:
    return Stage(gosip, *accounts, tmp_path)


def test_a_caller_that_requires_100rel_gets_its_ringing_reliably(stage: Stage) -> None:
    """RFC 3262 §3: a 180 with RSeq, which is acknowledged by PRACK."""
    stage.play(
        [
            invite("Require: 100rel", "Allow: INVITE, ACK, BYE, CANCEL, PRACK", body=sdp()),
            expect(180, routes=True, look=RSEQ + must_have("Require", "100rel")),
            request("PRACK", 3, "RAck: [$rseq] 2 INVITE"),
            expect(200),
            expect(200, routes=True),
            request("ACK", 2),
            hang_up(4),
        ],
        [
            receive("INVITE"),
            respond("180 Ringing", makes_dialog=True),
            pause(500),
            respond("200 OK", body=sdp(), makes_dialog=True, repeats=True),
            receive("ACK"),
            ended(),
        ],
    )


def test_a_called_phone_that_requires_100rel_is_sent_a_prack(stage: Stage) -> None:
    """RFC 3262 §4."""
    stage.play(
        [invite(body=sdp()), expect(180), expect(200, routes=True), request("ACK", 2), hang_up(3)],
        [
            receive("INVITE", must_have("Supported", "100rel") + REMEMBER),
            respond("180 Ringing", "Require: 100rel", "RSeq: 4711", makes_dialog=True, repeats=True),
            receive("PRACK", must_have("RAck", "4711 1 INVITE")),
            respond("200 OK"),
            respond("200 OK", body=sdp(), repeats=True, late=True),
            receive("ACK"),
            ended(),
        ],
    )


def test_an_update_changes_the_media_of_both_phones(stage: Stage) -> None:
    """RFC 3311 §5: hold by UPDATE, carried across as UPDATE to a phone that allows it."""
    allow = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"
    stage.play(
        [
            invite(allow, body=sdp()),
            expect(180),
            expect(200, routes=True),
            request("ACK", 2),
            pause(100),
            request("UPDATE", 3, allow, body=sdp("sendonly", 2)),
            expect(200, look=HOLDS),
            hang_up(4),
        ],
        [
            answered(allow),
            receive("UPDATE", OFFERS_HOLD),
            respond("200 OK", body=sdp("recvonly", 2)),
            ended(),
        ],
    )


def test_a_reinvite_that_meets_another_one_is_refused_with_491_and_succeeds_later(stage: Stage) -> None:
    """RFC 3261 §14.1, §14.2: the called phone is just sending one of its own, so it refuses the one carried to it."""
    stage.play(
        [
            invite(body=sdp()),
            expect(180),
            expect(200, routes=True),
            request("ACK", 2),
            pause(100),
            request("INVITE", 3, body=sdp("sendonly", 2)),
            expect(100, optional=True),
            expect(491),
            refused_ack(3),
            pause(300),
            request("INVITE", 4, body=sdp("sendonly", 2)),
            expect(100, optional=True),
            expect(200, look=HOLDS),
            request("ACK", 4),
            hang_up(5),
        ],
        [
            answered(),
            receive("INVITE", OFFERS_HOLD),
            respond("491 Request Pending"),
            receive("ACK"),
            receive("INVITE", OFFERS_HOLD),
            respond("200 OK", body=sdp("recvonly", 2), repeats=True),
            receive("ACK"),
            ended(),
        ],
    )


def test_an_invite_without_an_offer_is_answered_in_its_ack(stage: Stage) -> None:
    """RFC 3261 §13.2.1: our 200 makes the offer."""
    stage.play(
        [
            invite(body=""),
            expect(180),
            expect(200, routes=True, look=must_have("Content-Type", "application/sdp")),
            request("ACK", 2, body=sdp()),
            hang_up(3),
        ],
        [answered(), ended()],
    )


def test_a_session_timer_is_agreed_on_each_side(stage: Stage) -> None:
    """RFC 4028 §9: the 200 names the interval and who refreshes; the called phone, without timers, is let alone."""
    stage.play(
        [
            invite("Supported: timer", "Session-Expires: 600", "Min-SE: 90", body=sdp()),
            expect(180),
            expect(200, routes=True, look=must_have("Session-Expires", "600 *;refresher=ua[cs]")),
            request("ACK", 2),
            hang_up(3),
        ],
        [answered(), ended()],
    )


def test_a_session_interval_that_is_too_small_is_refused_with_the_smallest(stage: Stage) -> None:
    """RFC 4028 §6: 422 with Min-SE."""
    stage.refuse(
        [
            request("INVITE", 1, "Supported: timer", "Session-Expires: 30", body=sdp(), first=True),
            expect(100, optional=True),
            expect(422, look=must_have("Min-SE", "90")),
            refused_ack(1, first=True),
        ]
    )
