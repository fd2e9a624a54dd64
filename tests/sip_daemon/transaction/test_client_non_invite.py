"""RFC 3261 figure 6, arrow by arrow, and the times of timers E, F and K."""

from __future__ import annotations

import pytest

from sip_daemon.flow import Flow
from sip_daemon.transaction.client_non_invite import ClientNonInviteTransaction
from sip_daemon.transaction.tables import Input, State
from tests.support.clock import ManualClock
from tests.support.machines import START, TIMERS, Row, Walker, left_out, rows_of
from tests.support.transactions import TCP, UDP, make_request, make_response

OPTIONS = make_request("OPTIONS")


def make(flow: Flow) -> ClientNonInviteTransaction:
    machine = ClientNonInviteTransaction(OPTIONS, flow, TIMERS)
    machine.start(START)
    return machine


def apply(machine: ClientNonInviteTransaction, input_: Input, now: float) -> None:
    status = {Input.PROVISIONAL: 100, Input.FINAL: 200}[input_]
    machine.receive(make_response(OPTIONS, status), UDP, now)


TRYING, P, C, T = State.TRYING, State.PROCEEDING, State.COMPLETED, State.TERMINATED

WALKER = Walker(make, apply, {TRYING: (), P: (Input.PROVISIONAL,), C: (Input.FINAL,)})

FIGURE_6 = [
    row
    for state in (TRYING, P)
    for row in (
        Row(state, Input.TIMER_E, state, sends=("OPTIONS",)),
        Row(state, Input.TIMER_F, T, tells=("TimedOut",)),
        Row(state, Input.PROVISIONAL, P, tells=("ResponseReceived",)),
        Row(state, Input.FINAL, C, tells=("ResponseReceived",)),
        Row(state, Input.TRANSPORT_ERROR, T, tells=("TransportFailed",)),
        Row(state, Input.FLOW_LOST, T, tells=("TransportFailed",)),
    )
] + [Row(C, Input.TIMER_K, T)]

UNSEEN = [Row(C, Input.FLOW_LOST, T)]
"""On a reliable transport Completed ends at once, so this row is for completeness."""


@pytest.mark.parametrize("row", FIGURE_6, ids=str)
def test_each_arrow_of_figure_6(row: Row) -> None:
    WALKER.walk(row)


def test_the_table_holds_these_rows_and_no_others() -> None:
    assert rows_of(ClientNonInviteTransaction) == {(row.state, row.input, row.next) for row in FIGURE_6 + UNSEEN}


@pytest.mark.parametrize(("state", "input_"), left_out(FIGURE_6 + UNSEEN, (TRYING, P, C)))
def test_what_the_figure_leaves_out_is_ignored(state: State, input_: Input) -> None:
    WALKER.ignores(state, input_)


def sent_at(machine: ClientNonInviteTransaction) -> list[float]:
    clock = ManualClock(START)
    times: list[float] = []

    def fire(now: float) -> None:
        machine.handle_timer(now)
        times.extend(now - START for _ in machine.take_outputs())

    clock.run_until(START + 100, machine.next_timer, fire)
    return times


def test_timer_e_doubles_from_t1_to_t2_until_timer_f() -> None:
    """RFC 3261 §17.1.2.2: the intervals are 500 ms, 1 s, 2 s, 4 s, 4 s ..."""
    machine = make(UDP)
    machine.take_outputs()
    assert sent_at(machine) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert machine.state is State.TERMINATED


def test_timer_e_runs_at_t2_in_proceeding_and_timer_f_runs_on() -> None:
    machine = make(UDP)
    machine.take_outputs()
    machine.receive(make_response(OPTIONS, 100), UDP, START + 0.1)
    assert sent_at(machine) == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert machine.state is State.TERMINATED


def test_nothing_is_repeated_on_a_reliable_transport() -> None:
    machine = make(TCP)
    machine.take_outputs()
    assert sent_at(machine) == []


def test_timer_k_waits_t4_for_repetitions_on_udp() -> None:
    assert WALKER.machine_in(C).next_timer() == START + TIMERS.t4


def test_timer_k_is_zero_on_a_reliable_transport() -> None:
    machine = make(TCP)
    machine.receive(make_response(OPTIONS, 200), TCP, START)
    assert machine.state is State.TERMINATED
