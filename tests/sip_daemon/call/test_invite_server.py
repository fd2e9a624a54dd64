"""The answering end of an INVITE, row by row: RFC 3261 §13.3.1, RFC 3262 §3."""

from __future__ import annotations

from typing import cast

import pytest

from sip_daemon.call.invite_server import InviteServer, ServerInput, ServerState
from sip_daemon.dialog import RAck
from sip_daemon.endpoint import Endpoint
from sip_daemon.message import NameAddress, Request
from sip_daemon.transaction import TimerValues
from sip_daemon.transaction.server_invite import ServerInviteTransaction
from tests.support.stub_endpoint import StubEndpoint
from tests.support.transactions import UDP, make_request

P, H, A, C = ServerState.PROCEEDING, ServerState.HELD, ServerState.ACCEPTED, ServerState.CONFIRMED
R, N, G = ServerState.REFUSED, ServerState.UNCONFIRMED, ServerState.ABANDONED
I = ServerInput  # noqa: E741

CONTACT = NameAddress.parse("<sip:gosip@192.0.2.1:5060>")


class Bench:
    """A server of an INVITE that requires 100rel, and what it told."""

    def __init__(self, state: ServerState, require: str = "100rel") -> None:
        self.endpoint = StubEndpoint()
        self.told: list[str] = []
        invite = make_request("INVITE", cseq=7, headers=[("Require", require)] if require else [])
        transaction = ServerInviteTransaction(invite, UDP, self.endpoint.now(), TimerValues())
        self.server = InviteServer(
            cast(Endpoint, self.endpoint),
            TimerValues(),
            transaction,
            tag="ours",
            contact=CONTACT,
            confirmed=lambda ack: self.told.append("ACK" if ack is not None else "no ACK"),
            unacknowledged=lambda: self.told.append("no PRACK"),
        )
        for step in WAYS[state]:
            self.apply(step)
        assert self.server.state is state
        self.endpoint.sent.clear()
        self.told.clear()

    def apply(self, input_: ServerInput) -> None:
        server, endpoint = self.server, self.endpoint
        match input_:
            case I.PROGRESS:
                server.progress(183, b"v=0")
            case I.ACCEPT | I.HOLD:
                server.write_success(b"v=0")
                server.accept()
            case I.REFUSE:
                server.refuse(486)
            case I.PRACK:
                server.receive_prack(self.prack(), lambda: None)
            case I.UNACKNOWLEDGED:
                endpoint.pass_time(32)
            case I.ACK:
                server.acknowledge(make_request("ACK", cseq=7))
            case I.TIMER_REPEAT:
                endpoint.pass_time(0.5)
            case I.TIMER_END:
                endpoint.pass_time(40)
            case I.ABANDON:
                server.abandon()

    def prack(self) -> Request:
        last = self.server.last_response
        early = [one for one in self.endpoint.responses if one.headers.get("RSeq")]
        assert last is not None
        rseq = int(early[-1].headers.get("RSeq") or "0") if early else 1
        return make_request("PRACK", cseq=8, headers=[("RAck", str(RAck(rseq, 7)))])


WAYS: dict[ServerState, tuple[ServerInput, ...]] = {
    P: (),
    H: (I.PROGRESS, I.HOLD),
    A: (I.ACCEPT,),
    C: (I.ACCEPT, I.ACK),
    R: (I.REFUSE,),
    N: (I.ACCEPT, I.TIMER_END),
    G: (I.ACCEPT, I.ABANDON),
}

ROWS: list[tuple[ServerState, ServerInput, ServerState, list[str], list[str]]] = [
    (P, I.PROGRESS, P, ["183"], []),  # RFC 3261 §13.3.1.1
    (P, I.ACCEPT, A, ["200"], []),  # §13.3.1.4
    (P, I.REFUSE, R, ["486"], []),  # §13.3.1.3
    (H, I.PRACK, A, ["200"], []),  # RFC 3262 §3: now the 2xx may go
    (H, I.REFUSE, R, ["486"], []),
    (A, I.ACK, C, [], ["ACK"]),
    (A, I.TIMER_REPEAT, A, ["200"], []),
    (A, I.TIMER_END, N, ["200"] * 10, ["no ACK"]),
    (A, I.ABANDON, G, [], []),
]
"""From the state as it is entered; the three rows of an outstanding provisional response have tests of their own."""

OUTSTANDING = {(P, I.HOLD), (P, I.PRACK), (P, I.UNACKNOWLEDGED), (H, I.UNACKNOWLEDGED)}


@pytest.mark.parametrize(("state", "input_", "next_state", "sent", "told"), ROWS)
def test_row(
    state: ServerState, input_: ServerInput, next_state: ServerState, sent: list[str], told: list[str]
) -> None:
    bench = Bench(state)
    bench.apply(input_)
    assert bench.server.state is next_state
    assert (bench.endpoint.sent, bench.told) == (sent, told)


def test_the_rows_are_those_of_the_table() -> None:
    table = {(state, input_) for state, row in InviteServer.TABLE.items() for input_ in row}
    assert table == {row[:2] for row in ROWS} | OUTSTANDING


@pytest.mark.parametrize("state", ServerState)
@pytest.mark.parametrize("input_", ServerInput)
def test_what_the_table_leaves_out_is_ignored(state: ServerState, input_: ServerInput) -> None:
    if (state, input_) in {row[:2] for row in ROWS} | OUTSTANDING:
        return
    bench = Bench(state)
    bench.server._feed(input_)
    assert bench.server.state is state
    assert (bench.endpoint.sent, bench.told) == ([], [])


def test_with_an_answer_outstanding_the_2xx_is_held() -> None:
    """RFC 3262 §3."""
    bench = Bench(P)
    bench.apply(I.PROGRESS)
    bench.apply(I.HOLD)
    assert (bench.server.state, bench.endpoint.sent) == (H, ["183"])


def test_a_prack_lets_the_next_provisional_response_go() -> None:
    bench = Bench(P)
    bench.apply(I.PROGRESS)
    bench.apply(I.PROGRESS)
    assert bench.endpoint.sent == ["183"]
    bench.apply(I.PRACK)
    assert (bench.server.state, bench.endpoint.sent) == (P, ["183", "183"])


@pytest.mark.parametrize("state", [P, H])
def test_without_a_prack_the_user_is_told_once(state: ServerState) -> None:
    bench = Bench(state)
    if state is P:
        bench.apply(I.PROGRESS)
    bench.endpoint.pass_time(100)
    assert (bench.server.state, bench.told) == (state, ["no PRACK"])
    assert len(bench.endpoint.timers) == 0


def test_the_200_is_repeated_at_t1_doubling_to_t2() -> None:
    """RFC 3261 §13.3.1.4."""
    bench = Bench(A)
    times = []
    start = bench.endpoint.now()
    while (due := bench.endpoint.timers.next_timer()) is not None:
        times.append(due - start)
        bench.endpoint.pass_time(due - bench.endpoint.now())
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5, 35.5]


@pytest.mark.parametrize("state", [C, R, N, G])
def test_nothing_runs_after_the_end(state: ServerState) -> None:
    assert len(Bench(state).endpoint.timers) == 0


def test_an_ack_for_another_invite_is_not_taken() -> None:
    bench = Bench(A)
    assert not bench.server.acknowledge(make_request("ACK", cseq=6))
    assert bench.server.state is A


def test_a_caller_without_100rel_has_no_prack() -> None:
    bench = Bench(P, require="")
    bench.apply(I.PROGRESS)
    assert not bench.server.receive_prack(make_request("PRACK"), lambda: None)
    assert bench.endpoint.responses[-1].headers.get("RSeq") is None
    assert len(bench.endpoint.timers) == 0
