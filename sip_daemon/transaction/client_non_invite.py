"""The non-INVITE client transaction: RFC 3261 §17.1.2, figure 6.

Theory of operation. In Trying the request is repeated over UDP (timer E, doubling up to T2). A provisional
response leads to Proceeding, where it is repeated every T2, for a non-INVITE answer is sent only when asked for.
Timer F ends the wait in both. The final response goes up and leads to Completed, where timer K swallows its
repetitions.

A CANCEL is such a request too, but its answer interests nobody (RFC 3261 §9.1: what counts is the final response
to the INVITE), so nothing of it goes up.

What the table leaves out is ignored: everything but timer K in Completed.
"""

from __future__ import annotations

from typing import ClassVar

from sip_daemon.flow import Flow
from sip_daemon.message import Response
from sip_daemon.transaction.client import ClientTransaction
from sip_daemon.transaction.events import ResponseReceived
from sip_daemon.transaction.tables import Clocks, Input, State, Table


class ClientNonInviteTransaction(ClientTransaction):
    """One request of ours that is neither INVITE nor ACK."""

    __slots__ = ()

    INITIAL = State.TRYING

    @property
    def is_invite(self) -> bool:
        return False

    @property
    def _is_cancel(self) -> bool:
        return self.request.method == "CANCEL"

    def receive(self, response: Response, flow: Flow, now: float) -> None:
        self._response_flow = flow
        self._feed(Input.PROVISIONAL if response.status < 200 else Input.FINAL, response, now)

    def _repeat(self, message: object, now: float) -> None:  # noqa: ARG002
        self._send_bytes(self._data)
        self._interval = min(2 * self._interval, self.timers.t2)
        self.retransmit_at = now + self._interval

    def _pass_up(self, response: Response, now: float) -> None:  # noqa: ARG002
        if not self._is_cancel:
            self._outbox.events.append(ResponseReceived(self, response, self._response_flow))

    def _proceed(self, response: Response, now: float) -> None:
        self._interval = self.timers.t2
        self._pass_up(response, now)

    def _complete(self, response: Response, now: float) -> None:
        self._pass_up(response, now)
        self._linger(Input.TIMER_K, 0.0 if self.flow.transport.is_reliable else self.timers.t4, now)

    def _time_out(self, message: object, now: float) -> None:
        if not self._is_cancel:
            super()._time_out(message, now)

    def _report_failure(self, message: object, now: float) -> None:
        if not self._is_cancel:
            super()._report_failure(message, now)

    TABLE: ClassVar[Table] = {
        State.TRYING: {
            Input.TIMER_E: (State.TRYING, _repeat),
            Input.TIMER_F: (State.TERMINATED, _time_out),
            Input.PROVISIONAL: (State.PROCEEDING, _proceed),
            Input.FINAL: (State.COMPLETED, _complete),
            Input.TRANSPORT_ERROR: (State.TERMINATED, _report_failure),
            Input.FLOW_LOST: (State.TERMINATED, _report_failure),
        },
        State.PROCEEDING: {
            Input.TIMER_E: (State.PROCEEDING, _repeat),
            Input.TIMER_F: (State.TERMINATED, _time_out),
            Input.PROVISIONAL: (State.PROCEEDING, _pass_up),
            Input.FINAL: (State.COMPLETED, _complete),
            Input.TRANSPORT_ERROR: (State.TERMINATED, _report_failure),
            Input.FLOW_LOST: (State.TERMINATED, _report_failure),
        },
        State.COMPLETED: {
            Input.TIMER_K: (State.TERMINATED, None),
            Input.FLOW_LOST: (State.TERMINATED, None),
        },
        State.TERMINATED: {},
    }

    CLOCKS: ClassVar[Clocks] = {
        State.TRYING: (Input.TIMER_E, Input.TIMER_F),
        State.PROCEEDING: (Input.TIMER_E, Input.TIMER_F),
        State.COMPLETED: (None, Input.TIMER_K),
    }
