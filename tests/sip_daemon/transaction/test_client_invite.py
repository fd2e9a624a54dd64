"""RFC 3261 figure 5 as RFC 6026 redraws it, arrow by arrow; timers A, B, D, M; the ACK of a refusal; CANCEL."""

from __future__ import annotations

import pytest

from sip_daemon.flow import Flow
from sip_daemon.message import Request, parse_message
from sip_daemon.transaction.client_invite import ClientInviteTransaction
from sip_daemon.transaction.tables import Input, State
from tests.support.clock import ManualClock
from tests.support.machines import START, TIMERS, Row, Walker, left_out, rows_of
from tests.support.transactions import TCP, UDP, make_request, make_response

INVITE = make_request(
    "INVITE",
    cseq=314,
    headers=[
        ("Route", "<sip:proxy.example.com;lr>"),
        ("Route", "<sip:far.example.com;lr>"),
        ("Contact", "<sip:100@192.0.2.7>"),
    ],
)


def make(flow: Flow) -> ClientInviteTransaction:
    machine = ClientInviteTransaction(INVITE, flow, TIMERS)
    machine.start(START)
    return machine


def apply(machine: ClientInviteTransaction, input_: Input, now: float) -> None:
    match input_:
        case Input.PROVISIONAL:
            machine.receive(make_response(INVITE, 180), UDP, now)
        case Input.SUCCESS:
            machine.receive(make_response(INVITE, 200), UDP, now)
        case Input.FAILURE:
            machine.receive(make_response(INVITE, 486), UDP, now)
        case Input.CANCEL:
            machine.cancel(now)
        case _:
            raise AssertionError(input_)


CALLING, P, C, A, T = State.CALLING, State.PROCEEDING, State.COMPLETED, State.ACCEPTED, State.TERMINATED

WALKER = Walker(make, apply, {CALLING: (), P: (Input.PROVISIONAL,), C: (Input.FAILURE,), A: (Input.SUCCESS,)})

FIGURE_5 = [
    Row(CALLING, Input.TIMER_A, CALLING, sends=("INVITE",)),
    Row(CALLING, Input.TIMER_B, T, tells=("TimedOut",)),
    Row(CALLING, Input.CANCEL, CALLING),
    Row(CALLING, Input.PROVISIONAL, P, tells=("ResponseReceived",)),
    Row(CALLING, Input.SUCCESS, A, tells=("ResponseReceived",)),
    Row(CALLING, Input.FAILURE, C, sends=("ACK",), tells=("ResponseReceived",)),
    Row(CALLING, Input.TRANSPORT_ERROR, T, tells=("TransportFailed",)),
    Row(CALLING, Input.FLOW_LOST, T, tells=("TransportFailed",)),
    Row(P, Input.CANCEL, P),
    Row(P, Input.PROVISIONAL, P, tells=("ResponseReceived",)),
    Row(P, Input.SUCCESS, A, tells=("ResponseReceived",)),
    Row(P, Input.FAILURE, C, sends=("ACK",), tells=("ResponseReceived",)),
    Row(P, Input.FLOW_LOST, T, tells=("TransportFailed",)),
    Row(C, Input.FAILURE, C, sends=("ACK",)),
    Row(C, Input.TIMER_D, T),
    Row(C, Input.TRANSPORT_ERROR, T, tells=("TransportFailed",)),
    Row(A, Input.SUCCESS, A, tells=("ResponseReceived",)),
    Row(A, Input.TIMER_M, T),
    Row(A, Input.FLOW_LOST, T),
]

ELSEWHERE = [
    Row(P, Input.TIMER_B, T, tells=("TimedOut",)),  # runs only after a CANCEL: see below
    Row(C, Input.FLOW_LOST, T),  # on a reliable transport Completed ends at once
]


@pytest.mark.parametrize("row", FIGURE_5, ids=str)
def test_each_arrow_of_figure_5(row: Row) -> None:
    WALKER.walk(row)


def test_the_table_holds_these_rows_and_no_others() -> None:
    assert rows_of(ClientInviteTransaction) == {(row.state, row.input, row.next) for row in FIGURE_5 + ELSEWHERE}


@pytest.mark.parametrize(("state", "input_"), left_out(FIGURE_5 + ELSEWHERE, (CALLING, P, C, A)))
def test_what_the_figure_leaves_out_is_ignored(state: State, input_: Input) -> None:
    WALKER.ignores(state, input_)


def sent_at(machine: ClientInviteTransaction) -> list[float]:
    clock = ManualClock(START)
    times: list[float] = []

    def fire(now: float) -> None:
        machine.handle_timer(now)
        times.extend(now - START for _ in machine.take_outputs())

    clock.run_until(START + 100, machine.next_timer, fire)
    return times


def test_timer_a_doubles_without_bound_until_timer_b() -> None:
    """RFC 3261 §17.1.1.2."""
    machine = make(UDP)
    machine.take_outputs()
    assert sent_at(machine) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert machine.state is State.TERMINATED


def test_the_repetitions_are_the_same_bytes() -> None:
    machine = make(UDP)
    machine.handle_timer(START + 0.5)
    first, second = machine.take_outputs()
    assert first == second


def test_nothing_is_repeated_on_a_reliable_transport_but_timer_b_runs() -> None:
    machine = make(TCP)
    machine.take_outputs()
    assert sent_at(machine) == []
    assert machine.state is State.TERMINATED


def test_ringing_may_last_as_long_as_it_likes() -> None:
    machine = WALKER.machine_in(P)
    assert machine.next_timer() is None


def test_timer_d_lasts_32_seconds_on_udp() -> None:
    machine = WALKER.machine_in(C)
    assert machine.next_timer() == START + 32


def test_timer_d_is_zero_on_a_reliable_transport() -> None:
    machine = make(TCP)
    machine.receive(make_response(INVITE, 486), TCP, START)
    assert machine.state is State.TERMINATED


@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_timer_m_lasts_64_t1_on_every_transport(flow: Flow) -> None:
    """RFC 6026 §7.2."""
    machine = WALKER.machine_in(A, flow)
    assert machine.next_timer() == START + 32


def acknowledged(status: int = 486, to_tag: str = "busy") -> Request:
    machine = make(UDP)
    machine.take_outputs()
    machine.receive(make_response(INVITE, status, to_tag), UDP, START)
    ack = parse_message(machine.take_outputs()[0].data)
    assert isinstance(ack, Request)
    return ack


def test_the_ack_of_a_refusal_goes_the_way_of_the_invite() -> None:
    """RFC 3261 §17.1.1.3: request-URI, the one Via, Route, From, Call-ID and CSeq number of the INVITE."""
    ack = acknowledged()
    assert ack.method == "ACK"
    assert str(ack.uri) == str(INVITE.uri)
    for name in ("Via", "Route", "From", "Call-ID"):
        assert ack.headers.get_all(name) == INVITE.headers.get_all(name)
    assert (ack.cseq.number, ack.cseq.method) == (314, "ACK")


def test_the_ack_of_a_refusal_has_the_to_of_the_response() -> None:
    assert acknowledged(to_tag="busy").to.tag == "busy"


def test_a_cancel_in_calling_waits_for_a_provisional_response() -> None:
    """RFC 3261 §9.1."""
    machine = make(UDP)
    machine.cancel(START)
    assert machine.take_cancel() is None
    machine.receive(make_response(INVITE, 100), UDP, START + 1)
    assert machine.take_cancel() is not None
    assert machine.take_cancel() is None


def test_a_cancel_in_proceeding_is_due_at_once() -> None:
    machine = make(UDP)
    machine.receive(make_response(INVITE, 180), UDP, START)
    machine.cancel(START, [("Reason", "SIP;cause=200")])
    cancel = machine.take_cancel()
    assert cancel is not None
    assert cancel.headers.get("Reason") == "SIP;cause=200"


@pytest.mark.parametrize("status", [200, 486])
def test_a_cancel_after_a_final_response_does_nothing(status: int) -> None:
    machine = make(UDP)
    machine.receive(make_response(INVITE, status), UDP, START)
    machine.cancel(START)
    assert machine.take_cancel() is None


def test_a_waiting_cancel_is_dropped_when_the_final_response_comes_first() -> None:
    machine = make(UDP)
    machine.cancel(START)
    machine.receive(make_response(INVITE, 200), UDP, START + 1)
    assert machine.take_cancel() is None


def test_a_second_cancel_adds_nothing() -> None:
    machine = make(UDP)
    machine.receive(make_response(INVITE, 180), UDP, START)
    machine.cancel(START)
    machine.take_cancel()
    machine.cancel(START + 1)
    assert machine.take_cancel() is None


def test_a_cancel_repeats_what_identifies_the_invite() -> None:
    """RFC 3261 §9.1."""
    machine = make(UDP)
    machine.receive(make_response(INVITE, 180), UDP, START)
    machine.cancel(START)
    cancel = machine.take_cancel()
    assert cancel is not None
    assert str(cancel.uri) == str(INVITE.uri)
    for name in ("Via", "Route", "From", "To", "Call-ID"):
        assert cancel.headers.get_all(name) == INVITE.headers.get_all(name)
    assert (cancel.cseq.number, cancel.cseq.method) == (314, "CANCEL")
    assert cancel.headers.get("Contact") is None


def test_an_invite_that_is_not_answered_after_its_cancel_ends_after_64_t1() -> None:
    """RFC 3261 §9.1: the client then considers it cancelled."""
    machine = make(UDP)
    machine.receive(make_response(INVITE, 180), UDP, START)
    machine.cancel(START + 10)
    assert machine.next_timer() == START + 42
    machine.handle_timer(START + 42)
    assert machine.state is State.TERMINATED
