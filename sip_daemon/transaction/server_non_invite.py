"""The non-INVITE server transaction: RFC 3261 §17.2.2, figure 8.

Theory of operation. It starts in Trying and swallows repetitions of the request until its user says something. A
provisional response leads to Proceeding, a final one to Completed; in both a repeated request gets the last
response again. Over UDP timer J keeps the answer for 64·T1; on a reliable transport nothing is repeated and
Completed ends at once.

This is the machine of every REGISTER, so a completed one is light: it keeps the bytes of the answer and lets
the request go.

What we add: a request that its user never answers ends after 64·T1, when the client has long given up (its timer
F); answering then would only do harm (RFC 4320 §4.2). The user is told with `TimedOut`.

What the table leaves out is ignored: a repetition in Trying, a second final response, and a transport error in
Completed, where RFC 3261 would give up but the next repetition of the request may well get through.
"""

from __future__ import annotations

from typing import ClassVar

from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.transaction.events import Outbox
from sip_daemon.transaction.server import ServerTransaction
from sip_daemon.transaction.tables import Clocks, Input, State, Table
from sip_daemon.transaction.timers import TimerValues


class ServerNonInviteTransaction(ServerTransaction):
    """One incoming request that is neither INVITE nor ACK."""

    __slots__ = ()

    def __init__(
        self,
        request: Request,
        flow: Flow,
        now: float,
        timers: TimerValues,
        outbox: Outbox | None = None,
        key: str = "",
    ) -> None:
        super().__init__(request, flow, timers, outbox, key)
        self.state = State.TRYING
        self.expires_at = now + timers.timeout

    @property
    def is_invite(self) -> bool:
        return False

    def receive(self, request: Request, now: float) -> None:
        self._feed(Input.REQUEST, request, now)

    def respond(self, response: Response, now: float) -> None:
        self._feed(Input.PROVISIONAL if response.status < 200 else Input.FINAL, response, now)

    def _complete(self, response: Response, now: float) -> None:
        self._send(response, now)
        self._request = None
        self._linger(Input.TIMER_J, 0.0 if self.flow.transport.is_reliable else self.timers.timeout, now)

    TABLE: ClassVar[Table] = {
        State.TRYING: {
            Input.PROVISIONAL: (State.PROCEEDING, ServerTransaction._send),
            Input.FINAL: (State.COMPLETED, _complete),
            Input.REFUSAL: (State.TERMINATED, ServerTransaction._send_once),
            Input.TIMER_F: (State.TERMINATED, ServerTransaction._time_out),
            Input.FLOW_LOST: (State.TERMINATED, ServerTransaction._report_failure),
        },
        State.PROCEEDING: {
            Input.REQUEST: (State.PROCEEDING, ServerTransaction._send_again),
            Input.PROVISIONAL: (State.PROCEEDING, ServerTransaction._send),
            Input.FINAL: (State.COMPLETED, _complete),
            Input.TIMER_F: (State.TERMINATED, ServerTransaction._time_out),
            Input.TRANSPORT_ERROR: (State.TERMINATED, ServerTransaction._report_failure),
            Input.FLOW_LOST: (State.TERMINATED, ServerTransaction._report_failure),
        },
        State.COMPLETED: {
            Input.REQUEST: (State.COMPLETED, ServerTransaction._send_again),
            Input.TIMER_J: (State.TERMINATED, None),
            Input.FLOW_LOST: (State.TERMINATED, None),
        },
        State.TERMINATED: {},
    }

    HALF_OPEN = frozenset({State.TRYING, State.PROCEEDING})

    CLOCKS: ClassVar[Clocks] = {
        State.TRYING: (None, Input.TIMER_F),
        State.PROCEEDING: (None, Input.TIMER_F),
        State.COMPLETED: (None, Input.TIMER_J),
    }
