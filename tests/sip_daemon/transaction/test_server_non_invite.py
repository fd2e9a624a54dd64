"""RFC 3261 figure 8, arrow by arrow, and the times of timer J."""

from __future__ import annotations

import pytest

from sip_daemon.errors import LocalProtocolError
from sip_daemon.flow import Flow
from sip_daemon.transaction.server_non_invite import ServerNonInviteTransaction
from sip_daemon.transaction.tables import Input, State
from tests.support.machines import START, TIMERS, Row, Walker, left_out, rows_of
from tests.support.transactions import TCP, UDP, make_request, make_response

OPTIONS = make_request("OPTIONS")


def make(flow: Flow) -> ServerNonInviteTransaction:
    return ServerNonInviteTransaction(OPTIONS, flow, START, TIMERS)


def apply(machine: ServerNonInviteTransaction, input_: Input, now: float) -> None:
    match input_:
        case Input.REQUEST:
            machine.receive(OPTIONS, now)
        case Input.PROVISIONAL:
            machine.respond(make_response(OPTIONS, 100), now)
        case Input.FINAL:
            machine.respond(make_response(OPTIONS, 200), now)
        case Input.REFUSAL:
            machine.refuse(make_response(OPTIONS, 401), now)
        case _:
            raise AssertionError(input_)


TRYING, P, C, T = State.TRYING, State.PROCEEDING, State.COMPLETED, State.TERMINATED

WALKER = Walker(make, apply, {TRYING: (), P: (Input.PROVISIONAL,), C: (Input.FINAL,)})

FIGURE_8 = [
    Row(TRYING, Input.PROVISIONAL, P, sends=("100",)),
    Row(TRYING, Input.FINAL, C, sends=("200",)),
    Row(TRYING, Input.REFUSAL, T, sends=("401",)),
    Row(TRYING, Input.TIMER_F, T, tells=("TimedOut",)),
    Row(TRYING, Input.FLOW_LOST, T, tells=("TransportFailed",)),
    Row(P, Input.REQUEST, P, sends=("100",)),
    Row(P, Input.PROVISIONAL, P, sends=("100",)),
    Row(P, Input.FINAL, C, sends=("200",)),
    Row(P, Input.TIMER_F, T, tells=("TimedOut",)),
    Row(P, Input.TRANSPORT_ERROR, T, tells=("TransportFailed",)),
    Row(P, Input.FLOW_LOST, T, tells=("TransportFailed",)),
    Row(C, Input.REQUEST, C, sends=("200",)),
    Row(C, Input.TIMER_J, T),
]

UNSEEN = [Row(C, Input.FLOW_LOST, T)]
"""On a reliable transport Completed ends at once, so this row is for completeness."""


@pytest.mark.parametrize("row", FIGURE_8, ids=str)
def test_each_arrow_of_figure_8(row: Row) -> None:
    WALKER.walk(row)


def test_the_table_holds_these_rows_and_no_others() -> None:
    assert rows_of(ServerNonInviteTransaction) == {(row.state, row.input, row.next) for row in FIGURE_8 + UNSEEN}


@pytest.mark.parametrize(("state", "input_"), left_out(FIGURE_8 + UNSEEN, (TRYING, P, C)))
def test_what_the_figure_leaves_out_is_ignored(state: State, input_: Input) -> None:
    WALKER.ignores(state, input_)


def test_timer_j_keeps_the_answer_for_64_t1_on_udp() -> None:
    machine = make(UDP)
    machine.respond(make_response(OPTIONS, 200), START + 1)
    assert machine.next_timer() == START + 1 + 32


def test_timer_j_is_zero_on_a_reliable_transport() -> None:
    machine = make(TCP)
    machine.respond(make_response(OPTIONS, 200), START)
    assert machine.state is State.TERMINATED
    assert machine.next_timer() is None


def test_the_same_bytes_answer_each_repetition() -> None:
    machine = make(UDP)
    machine.respond(make_response(OPTIONS, 200), START)
    machine.receive(OPTIONS, START + 1)
    first, second = machine.take_outputs()
    assert first == second


def test_a_completed_transaction_lets_its_request_go() -> None:
    machine = make(UDP)
    assert machine.request is OPTIONS
    machine.respond(make_response(OPTIONS, 200), START)
    with pytest.raises(LocalProtocolError):
        _ = machine.request
