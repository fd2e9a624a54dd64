"""Walking a transaction machine along the rows of its table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sip_daemon.flow import Flow
from sip_daemon.transaction.tables import Input, Machine, State
from sip_daemon.transaction.timers import TimerValues
from tests.support.transactions import TCP, UDP, event_names, first_lines

START = 1_000.0
TIMERS = TimerValues()

ENDING_TIMERS = {
    Input.TIMER_B,
    Input.TIMER_D,
    Input.TIMER_F,
    Input.TIMER_H,
    Input.TIMER_I,
    Input.TIMER_J,
    Input.TIMER_K,
    Input.TIMER_L,
    Input.TIMER_M,
}
REPEATING_TIMERS = {Input.TIMER_TRYING, Input.TIMER_A, Input.TIMER_E, Input.TIMER_G}


@dataclass(frozen=True)
class Row:
    """One arrow of a figure: from a state, by an input, to a state, and what can be seen of it."""

    state: State
    input: Input
    next: State
    sends: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.state} - {self.input} -> {self.next}"


class Walker:
    """Makes a machine, leads it to a state by ordinary inputs, and applies one more."""

    def __init__(
        self,
        make: Callable[[Flow], Machine],
        apply: Callable[[Any, Input, float], None],
        ways: dict[State, tuple[Input, ...]],
    ) -> None:
        self._make = make
        self._apply = apply
        self._ways = ways

    def machine_in(self, state: State, flow: Flow = UDP) -> Machine:
        machine = self._make(flow)
        for step in self._ways[state]:
            self.apply(machine, step)
        assert machine.state is state
        machine.take_outputs()
        machine.take_events()
        return machine

    def apply(self, machine: Machine, input_: Input, now: float = START) -> None:
        if input_ in ENDING_TIMERS:
            assert machine.expires_at < float("inf"), f"{input_} does not run"
            machine.handle_timer(machine.expires_at)
        elif input_ in REPEATING_TIMERS:
            assert machine.retransmit_at < float("inf"), f"{input_} does not run"
            machine.handle_timer(machine.retransmit_at)
        elif input_ in (Input.TRANSPORT_ERROR, Input.FLOW_LOST):
            machine.transport_failed(now)
        else:
            self._apply(machine, input_, now)

    def walk(self, row: Row) -> None:
        """Take the row and compare what is seen with what the figure says."""
        machine = self.machine_in(row.state, TCP if row.input is Input.FLOW_LOST else UDP)
        self.apply(machine, row.input)
        assert machine.state is row.next
        assert first_lines(machine.take_outputs()) == list(row.sends)
        assert event_names(machine.take_events()) == list(row.tells)
        if row.next is State.TERMINATED:
            assert machine.next_timer() is None

    def ignores(self, state: State, input_: Input) -> None:
        machine = self.machine_in(state)
        machine._feed(input_, None, START)
        assert machine.state is state
        assert machine.take_outputs() == []
        assert machine.take_events() == []


def left_out(rows: Iterable[Row], states: Iterable[State]) -> list[tuple[State, Input]]:
    """Every pair of state and input that no row names."""
    named = {(row.state, row.input) for row in rows}
    return [(state, input_) for state in states for input_ in Input if (state, input_) not in named]


def rows_of(machine: type[Machine]) -> set[tuple[State, Input, State]]:
    return {
        (state, input_, next_state) for state, row in machine.TABLE.items() for input_, (next_state, _) in row.items()
    }
