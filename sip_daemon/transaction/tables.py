"""The words in which the four transaction machines are written down, and what executes them.

A machine is a table `{state: {input: (next state, action)}}`. An input that a state does not list is ignored:
that is how RFC 3261 §17 and RFC 6026 absorb what comes too late. Each input is one arrow of their figures;
three are ours:

* `REFUSAL` answers once and keeps nothing, as a stateless UAS does (RFC 3261 §8.2.7);
* `FLOW_LOST` is the transport error after which no later attempt can succeed, because the connection is gone.
  The server figures of RFC 6026 stay where they are on a transport error, hoping that the next message gets
  through; on a closed connection that hope would keep the transaction for ever;
* `CANCEL` asks a client INVITE transaction to give up (RFC 3261 §9.1).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from math import inf
from typing import Any, ClassVar, TypeAlias

from sip_daemon.flow import Flow
from sip_daemon.transaction.events import Outbox, Output, TransactionEvent
from sip_daemon.transaction.timers import TimerValues

logger = logging.getLogger(__name__)


class State(StrEnum):
    """The states of RFC 3261 figures 5 to 8, and Accepted of RFC 6026."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Input(StrEnum):
    """Everything that can move a machine."""

    REQUEST = "request"
    ACK = "ack"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    FINAL = "200-699"
    REFUSAL = "refusal"
    CANCEL = "cancel"
    TIMER_TRYING = "200 ms"
    TIMER_A = "timer A"
    TIMER_B = "timer B"
    TIMER_D = "timer D"
    TIMER_E = "timer E"
    TIMER_F = "timer F"
    TIMER_G = "timer G"
    TIMER_H = "timer H"
    TIMER_I = "timer I"
    TIMER_J = "timer J"
    TIMER_K = "timer K"
    TIMER_L = "timer L"
    TIMER_M = "timer M"
    TRANSPORT_ERROR = "transport error"
    FLOW_LOST = "flow lost"


Action: TypeAlias = Callable[[Any, Any, float], None]
"""A method of the machine: it gets the message (None for a timer) and the time."""

Table: TypeAlias = Mapping[State, Mapping[Input, tuple[State, Action | None]]]

Clocks: TypeAlias = Mapping[State, tuple[Input | None, Input | None]]
"""What the short (repeating) and the long (ending) timer mean in each state."""


class Machine:
    """Executes its table. Concrete machines add `receive` and the actions; these are the other four doors."""

    __slots__ = ("_outbox", "expires_at", "flow", "key", "retransmit_at", "scheduled", "state", "timers")

    TABLE: ClassVar[Table]
    CLOCKS: ClassVar[Clocks]

    state: State

    def __init__(self, flow: Flow, timers: TimerValues, outbox: Outbox | None, key: str) -> None:
        self.flow = flow
        self.timers = timers
        self.key = key
        """By which the layer finds it again."""
        self.retransmit_at = inf
        self.expires_at = inf
        self.scheduled = inf
        self._outbox = outbox if outbox is not None else Outbox()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key} {self.state}>"

    def handle_timer(self, now: float) -> None:
        """Fire what is due: the ending timer first, for then there is nothing left to repeat."""
        short, long = self.CLOCKS.get(self.state, (None, None))
        if now >= self.expires_at:
            self.expires_at = inf
            due = long
        elif now >= self.retransmit_at:
            self.retransmit_at = inf
            due = short
        else:
            due = None
        if due is not None:
            self._feed(due, None, now)

    def next_timer(self) -> float | None:
        deadline = min(self.retransmit_at, self.expires_at)
        return None if deadline == inf else deadline

    def take_outputs(self) -> list[Output]:
        return self._outbox.take_outputs()

    def take_events(self) -> list[TransactionEvent]:
        return self._outbox.take_events()

    def transport_failed(self, now: float) -> None:
        """What was last sent could not be sent, or the connection is gone."""
        lost = self.flow.transport.is_reliable
        self._feed(Input.FLOW_LOST if lost else Input.TRANSPORT_ERROR, None, now)

    def abandon(self) -> None:
        """End now, whatever was still to come: the memory is needed for something newer."""
        self._set_state(State.TERMINATED)

    def _feed(self, input_: Input, message: object, now: float) -> None:
        row = self.TABLE[self.state].get(input_)
        if row is None:
            return
        next_state, action = row
        if next_state is not self.state:
            self._set_state(next_state)
        if action is not None:
            action(self, message, now)

    def _set_state(self, new: State) -> None:
        """The only place where the state changes. Actions start and stop timers; Terminated stops them all."""
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s: %s -> %s", type(self).__name__, self.key, self.state, new)
        self.state = new
        if new is State.TERMINATED:
            self.retransmit_at = self.expires_at = inf

    def _linger(self, timer: Input, delay: float, now: float) -> None:
        """Stay `delay` seconds for what may still be repeated; on a reliable transport (0) end at once."""
        if delay > 0:
            self.retransmit_at = inf
            self.expires_at = now + delay
        else:
            self._feed(timer, None, now)

    def _send_bytes(self, data: bytes) -> None:
        self._outbox.outputs.append(Output(data, self.flow))
