"""Reliable provisional responses (RFC 3262 §3), row by row of the table, and the times of their repetitions."""

from __future__ import annotations

import pytest

from sip_daemon.dialog.rack import RAck
from sip_daemon.dialog.reliable import Input, ReliableProvisionals, State
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Request, Response
from tests.support.clock import ManualClock
from tests.support.transactions import make_request, make_response

START = 1_000.0
T1 = 0.5
INVITE = make_request("INVITE", cseq=7)


def ringing(body: bytes = b"") -> Response:
    response = make_response(INVITE, 183 if body else 180)
    response.body = body
    return response


def make_prack(machine: ReliableProvisionals, **changed: int | str) -> Request:
    """The PRACK for what is outstanding, or one that is wrong in something."""
    outstanding = machine.outstanding
    rseq = int(outstanding.headers.get("RSeq") or "0") if outstanding is not None else 1
    values: dict[str, int | str] = {"rseq": rseq, "cseq": 7, "method": "INVITE"}
    rack = RAck(**(values | changed))  # type: ignore[arg-type]
    return make_request("PRACK", cseq=8, headers=[("RAck", str(rack))])


def machine_in(state: State) -> ReliableProvisionals:
    machine = ReliableProvisionals(7, T1)
    if state is not State.IDLE:
        machine.send(ringing(), START)
    match state:
        case State.CLOSING:
            machine.close(START)
        case State.CLOSED:
            machine.close(START)
            assert machine.receive(make_prack(machine), START)
        case State.GIVEN_UP:
            machine.handle_timer(START + 64 * T1)
    assert machine.state is state
    machine.take_outputs()
    return machine


def apply(machine: ReliableProvisionals, input_: Input) -> None:
    match input_:
        case Input.PROVISIONAL:
            machine.send(ringing(), START)
        case Input.PRACK:
            machine.receive(make_prack(machine), START)
        case Input.FINAL:
            machine.close(START)
        case Input.TIMER_REPEAT:
            machine.handle_timer(START + T1)
        case Input.TIMER_END:
            machine.handle_timer(START + 64 * T1)


SECTION_3 = [
    (State.IDLE, Input.PROVISIONAL, State.OUTSTANDING, 1),
    (State.IDLE, Input.FINAL, State.CLOSED, 0),
    (State.OUTSTANDING, Input.PROVISIONAL, State.OUTSTANDING, 0),
    (State.OUTSTANDING, Input.TIMER_REPEAT, State.OUTSTANDING, 1),
    (State.OUTSTANDING, Input.PRACK, State.IDLE, 0),
    (State.OUTSTANDING, Input.FINAL, State.CLOSING, 0),
    (State.OUTSTANDING, Input.TIMER_END, State.GIVEN_UP, 0),
    (State.CLOSING, Input.PRACK, State.CLOSED, 0),
]


@pytest.mark.parametrize(("state", "input_", "next_state", "sent"), SECTION_3)
def test_row(state: State, input_: Input, next_state: State, sent: int) -> None:
    machine = machine_in(state)
    apply(machine, input_)
    assert machine.state is next_state
    assert len(machine.take_outputs()) == sent


def test_the_rows_are_those_of_the_table() -> None:
    table = {
        (state, input_, next_state)
        for state, row in ReliableProvisionals.TABLE.items()
        for input_, (next_state, _) in row.items()
    }
    assert table == {row[:3] for row in SECTION_3}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("input_", Input)
def test_what_the_table_leaves_out_changes_nothing(state: State, input_: Input) -> None:
    if (state, input_) in {row[:2] for row in SECTION_3}:
        return
    machine = machine_in(state)
    apply(machine, input_)
    assert machine.state is state
    assert machine.take_outputs() == []


def test_it_is_repeated_at_doubled_intervals_until_64_t1() -> None:
    machine, clock = ReliableProvisionals(7, T1), ManualClock(START)
    times: list[float] = []

    def handle(now: float) -> None:
        machine.handle_timer(now)
        times.extend(now - START for _ in machine.take_outputs())

    machine.send(ringing(), START)
    machine.take_outputs()
    clock.run_until(START + 100, machine.next_timer, handle)
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert machine.state is State.GIVEN_UP
    assert machine.next_timer() is None


def test_each_carries_the_option_tag_and_the_next_number() -> None:
    machine = ReliableProvisionals(7, T1)
    numbers = []
    for _ in range(3):
        machine.send(ringing(), START)
        (response,) = machine.take_outputs()
        assert response.require == {"100rel"}
        numbers.append(int(response.headers.get("RSeq") or ""))
        machine.receive(make_prack(machine), START)
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert 1 <= numbers[0] < 2**31


def test_a_second_one_waits_for_the_prack_of_the_first() -> None:
    machine = ReliableProvisionals(7, T1)
    machine.send(ringing(), START)
    machine.send(ringing(b"v=0"), START)
    assert [response.status for response in machine.take_outputs()] == [180]
    assert machine.receive(make_prack(machine), START)
    assert [response.status for response in machine.take_outputs()] == [183]


def test_the_interval_begins_anew_for_each() -> None:
    machine = ReliableProvisionals(7, T1)
    machine.send(ringing(), START)
    machine.send(ringing(), START)
    machine.handle_timer(START + 0.5)
    machine.handle_timer(START + 1.5)
    machine.receive(make_prack(machine), START + 2)
    assert machine.next_timer() == START + 2 + T1


@pytest.mark.parametrize("changed", [{"rseq": 5}, {"cseq": 8}, {"method": "UPDATE"}])
def test_a_prack_must_name_number_cseq_and_method(changed: dict[str, int | str]) -> None:
    machine = machine_in(State.OUTSTANDING)
    assert not machine.receive(make_prack(machine, **changed), START)
    assert machine.state is State.OUTSTANDING


def test_a_prack_for_nothing_is_not_taken() -> None:
    machine = machine_in(State.IDLE)
    assert not machine.receive(make_prack(machine), START)


def test_only_a_session_description_holds_back_the_2xx() -> None:
    machine = ReliableProvisionals(7, T1)
    machine.send(ringing(), START)
    assert not machine.is_answer_outstanding
    machine.receive(make_prack(machine), START)
    machine.send(ringing(b"v=0"), START)
    held = machine.is_answer_outstanding
    machine.receive(make_prack(machine), START)
    assert (held, machine.is_answer_outstanding) == (True, False)


def test_what_waits_when_the_final_response_comes_is_dropped() -> None:
    machine = ReliableProvisionals(7, T1)
    machine.send(ringing(), START)
    machine.send(ringing(), START)
    machine.take_outputs()
    machine.close(START)
    assert machine.receive(make_prack(machine), START)
    assert machine.take_outputs() == []


@pytest.mark.parametrize("value", [None, "", "1 2", "1 2 3 4", "-1 7 INVITE", "x 7 INVITE", "1 99999999999 INVITE"])
def test_a_malformed_rack_is_a_bad_request(value: str | None) -> None:
    machine = machine_in(State.OUTSTANDING)
    prack = make_request("PRACK", headers=[] if value is None else [("RAck", value)])
    with pytest.raises(RemoteProtocolError) as caught:
        machine.receive(prack, START)
    assert caught.value.status == 400
