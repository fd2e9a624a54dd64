"""RFC 3261 figure 7 as RFC 6026 redraws it, arrow by arrow, and the times of timers G, H, I and L."""

from __future__ import annotations

import pytest

from sip_daemon.flow import Flow
from sip_daemon.transaction.server_invite import ServerInviteTransaction
from sip_daemon.transaction.tables import Input, State
from tests.support.clock import ManualClock
from tests.support.machines import START, TIMERS, Row, Walker, left_out, rows_of
from tests.support.transactions import TCP, UDP, first_lines, make_request, make_response

INVITE = make_request("INVITE")
ACK = make_request("ACK", to_tag="callee")


def make(flow: Flow) -> ServerInviteTransaction:
    return ServerInviteTransaction(INVITE, flow, START, TIMERS)


def apply(machine: ServerInviteTransaction, input_: Input, now: float) -> None:
    match input_:
        case Input.REQUEST:
            machine.receive(INVITE, now)
        case Input.ACK:
            machine.receive(ACK, now)
        case Input.PROVISIONAL:
            machine.respond(make_response(INVITE, 180), now)
        case Input.SUCCESS:
            machine.respond(make_response(INVITE, 200), now)
        case Input.FAILURE:
            machine.respond(make_response(INVITE, 486), now)
        case Input.REFUSAL:
            machine.refuse(make_response(INVITE, 401), now)
        case _:
            raise AssertionError(input_)


P, C, F, A, T = State.PROCEEDING, State.COMPLETED, State.CONFIRMED, State.ACCEPTED, State.TERMINATED

WALKER = Walker(
    make,
    apply,
    {
        P: (Input.PROVISIONAL,),
        C: (Input.FAILURE,),
        F: (Input.FAILURE, Input.ACK),
        A: (Input.SUCCESS,),
    },
)

FIGURE_7 = [
    Row(P, Input.REQUEST, P, sends=("180",)),
    Row(P, Input.PROVISIONAL, P, sends=("180",)),
    Row(P, Input.SUCCESS, A, sends=("200",)),
    Row(P, Input.FAILURE, C, sends=("486",)),
    Row(P, Input.REFUSAL, T, sends=("401",)),
    Row(P, Input.TRANSPORT_ERROR, P, tells=("TransportFailed",)),
    Row(C, Input.REQUEST, C, sends=("486",)),
    Row(C, Input.TIMER_G, C, sends=("486",)),
    Row(C, Input.ACK, F),
    Row(C, Input.TIMER_H, T, tells=("TimedOut",)),
    Row(C, Input.TRANSPORT_ERROR, C, tells=("TransportFailed",)),
    Row(F, Input.ACK, F),
    Row(F, Input.TIMER_I, T),
    Row(A, Input.SUCCESS, A, sends=("200",)),
    Row(A, Input.ACK, A, tells=("AckReceived",)),
    Row(A, Input.TIMER_L, T),
    Row(A, Input.TRANSPORT_ERROR, A, tells=("TransportFailed",)),
]

FIRST = [Row(P, Input.TIMER_TRYING, P, sends=("100",))]
"""Only before the user has said anything."""

ON_A_LOST_CONNECTION = [
    Row(P, Input.FLOW_LOST, T, tells=("TransportFailed",)),
    Row(C, Input.FLOW_LOST, T, tells=("TransportFailed",)),
    Row(A, Input.FLOW_LOST, T, tells=("TransportFailed",)),
]

UNSEEN = [Row(F, Input.FLOW_LOST, T)]
"""On a reliable transport Confirmed ends at once, so this row is for completeness."""

ROWS = FIGURE_7 + FIRST + ON_A_LOST_CONNECTION + UNSEEN


@pytest.mark.parametrize("row", FIGURE_7 + ON_A_LOST_CONNECTION, ids=str)
def test_each_arrow_of_figure_7(row: Row) -> None:
    WALKER.walk(row)


def test_the_table_holds_these_rows_and_no_others() -> None:
    assert rows_of(ServerInviteTransaction) == {(row.state, row.input, row.next) for row in ROWS}


@pytest.mark.parametrize(("state", "input_"), left_out(ROWS, (P, C, F, A)))
def test_what_the_figure_leaves_out_is_ignored(state: State, input_: Input) -> None:
    WALKER.ignores(state, input_)


def test_100_goes_out_when_the_user_is_silent_for_200_ms() -> None:
    machine = make(UDP)
    assert machine.next_timer() == START + 0.2
    machine.handle_timer(START + 0.2)
    assert first_lines(machine.take_outputs()) == ["100"]
    assert machine.next_timer() is None


def test_no_100_goes_out_when_the_user_spoke_in_time() -> None:
    machine = make(UDP)
    machine.respond(make_response(INVITE, 180), START + 0.1)
    assert machine.next_timer() is None


def test_a_repeated_invite_before_any_answer_is_swallowed() -> None:
    machine = make(UDP)
    machine.receive(INVITE, START + 0.1)
    assert machine.take_outputs() == []


def test_the_100_answers_a_repeated_invite() -> None:
    machine = make(UDP)
    machine.handle_timer(START + 0.2)
    machine.take_outputs()
    machine.receive(INVITE, START + 0.5)
    assert first_lines(machine.take_outputs()) == ["100"]


def test_the_100_carries_no_to_tag() -> None:
    machine = make(UDP)
    machine.handle_timer(START + 0.2)
    assert b"To: <sip:200@example.com>\r\n" in machine.take_outputs()[0].data


def test_timer_g_doubles_from_t1_to_t2_until_timer_h() -> None:
    """RFC 3261 §17.2.1: 0.5, 1, 2, 4, 4 ... seconds apart, for 32 seconds."""
    machine = make(UDP)
    machine.respond(make_response(INVITE, 486), START)
    machine.take_outputs()
    clock = ManualClock(START)
    sent: list[float] = []

    def fire(now: float) -> None:
        machine.handle_timer(now)
        sent.extend(now - START for _ in machine.take_outputs())

    clock.run_until(START + 100, machine.next_timer, fire)
    assert sent == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert machine.state is State.TERMINATED


def test_timer_h_ends_the_wait_for_the_ack_after_32_seconds() -> None:
    machine = make(TCP)
    machine.respond(make_response(INVITE, 486), START)
    assert machine.next_timer() == START + 32


def test_nothing_is_repeated_on_a_reliable_transport() -> None:
    machine = make(TCP)
    machine.respond(make_response(INVITE, 486), START)
    machine.take_outputs()
    machine.handle_timer(START + 31)
    assert machine.take_outputs() == []


def test_timer_i_swallows_acks_for_t4_on_udp() -> None:
    machine = WALKER.machine_in(F)
    assert machine.next_timer() == START + TIMERS.t4


def test_timer_i_is_zero_on_a_reliable_transport() -> None:
    machine = make(TCP)
    machine.respond(make_response(INVITE, 486), START)
    machine.receive(ACK, START)
    assert machine.state is State.TERMINATED


@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_timer_l_lasts_64_t1_on_every_transport(flow: Flow) -> None:
    """RFC 6026 §7.1."""
    machine = make(flow)
    machine.respond(make_response(INVITE, 200), START)
    assert machine.next_timer() == START + 32


def test_a_late_copy_of_an_accepted_invite_is_absorbed() -> None:
    """RFC 6026: what RFC 3261 would have taken for a new call."""
    machine = make(UDP)
    machine.respond(make_response(INVITE, 200), START)
    machine.take_outputs()
    machine.receive(INVITE, START + 31)
    assert machine.take_events() == []
    assert machine.take_outputs() == []


def test_the_tag_of_the_last_answer_is_remembered_for_cancel() -> None:
    machine = make(UDP)
    machine.respond(make_response(INVITE, 100), START)
    assert machine.to_tag is None
    machine.respond(make_response(INVITE, 180, "here"), START)
    assert machine.to_tag == "here"
