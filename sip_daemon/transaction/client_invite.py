"""The INVITE client transaction: RFC 3261 §17.1.1, figure 5, as RFC 6026 redraws it.

Theory of operation. In Calling the INVITE is repeated over UDP (timer A, doubling without bound) until something
comes back or timer B ends the wait. A provisional response stops both: ringing may last as long as the user
likes. Every provisional response goes up.

A refusal (300-699) is acknowledged here, with the branch and route of the INVITE, and leads to Completed, where
timer D waits for its repetitions: each gets the same ACK again, the user hears of the first only.

A 2xx goes up and leads to Accepted (RFC 6026). Further ones, repeated or from another branch of a forking proxy,
go up too: the user must send an ACK for each (RFC 3261 §13.2.2.4). Timer M ends it.

CANCEL (RFC 3261 §9.1) must not overtake the INVITE, so in Calling it is kept until the first provisional response,
and dropped when a final one comes first. Once it is out, 64·T1 is all that the peer has left to answer the INVITE.
`take_cancel` hands it to the layer, which sends it in a transaction of its own.

What the table leaves out is ignored: a 2xx after a refusal, a provisional or refusing response after a 2xx, and in
Proceeding a transport error, for nothing was sent there.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import ClassVar

from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.transaction.client import ClientTransaction, within_transaction
from sip_daemon.transaction.events import Outbox, ResponseReceived
from sip_daemon.transaction.tables import Clocks, Input, State, Table
from sip_daemon.transaction.timers import TimerValues


class ClientInviteTransaction(ClientTransaction):
    """One INVITE of ours."""

    __slots__ = ("_ack", "_cancel", "_is_cancel_due")

    INITIAL = State.CALLING

    def __init__(
        self,
        request: Request,
        flow: Flow,
        timers: TimerValues,
        outbox: Outbox | None = None,
        key: str = "",
    ) -> None:
        super().__init__(request, flow, timers, outbox, key)
        self._ack = b""
        self._cancel: Request | None = None
        self._is_cancel_due = False

    @property
    def is_invite(self) -> bool:
        return True

    def receive(self, response: Response, flow: Flow, now: float) -> None:
        self._response_flow = flow
        status = response.status
        if status < 200:
            self._feed(Input.PROVISIONAL, response, now)
        else:
            self._feed(Input.SUCCESS if status < 300 else Input.FAILURE, response, now)

    def cancel(self, now: float, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Give up as soon as that is allowed; `headers` (a Reason) are added to the CANCEL."""
        if self._cancel is None:
            cancel = within_transaction(self.request, "CANCEL")
            for name, value in headers:
                cancel.headers.add(name, value)
            self._feed(Input.CANCEL, cancel, now)

    def take_cancel(self) -> Request | None:
        """The CANCEL whose time has come, once."""
        if not self._is_cancel_due:
            return None
        self._is_cancel_due = False
        return self._cancel

    def _repeat(self, message: object, now: float) -> None:  # noqa: ARG002
        self._send_bytes(self._data)
        self._interval *= 2
        self.retransmit_at = now + self._interval

    def _pass_up(self, response: Response, now: float) -> None:  # noqa: ARG002
        self._outbox.events.append(ResponseReceived(self, response, self._response_flow))

    def _proceed(self, response: Response, now: float) -> None:
        self.retransmit_at = self.expires_at = inf
        self._pass_up(response, now)
        if self._cancel is not None:
            self._send_cancel(self._cancel, now)

    def _keep_cancel(self, cancel: Request, now: float) -> None:  # noqa: ARG002
        self._cancel = cancel

    def _send_cancel(self, cancel: Request, now: float) -> None:
        self._cancel = cancel
        self._is_cancel_due = True
        self.expires_at = now + self.timers.timeout

    def _accept(self, response: Response, now: float) -> None:
        self._pass_up(response, now)
        self._data = b""
        # Timer M, like L, lasts 64·T1 on every transport (RFC 6026 §7.2).
        self._linger(Input.TIMER_M, self.timers.timeout, now)

    def _acknowledge(self, response: Response, now: float) -> None:
        ack = within_transaction(self.request, "ACK")
        # To with the tag of this very response (RFC 3261 §17.1.1.3).
        ack.headers.set("To", response.headers.get("To") or str(self.request.to))
        self._ack = bytes(ack)
        self._send_bytes(self._ack)
        self._pass_up(response, now)
        self._linger(Input.TIMER_D, 0.0 if self.flow.transport.is_reliable else self.timers.timeout, now)

    def _acknowledge_again(self, response: Response, now: float) -> None:  # noqa: ARG002
        self._send_bytes(self._ack)

    TABLE: ClassVar[Table] = {
        State.CALLING: {
            Input.TIMER_A: (State.CALLING, _repeat),
            Input.TIMER_B: (State.TERMINATED, ClientTransaction._time_out),
            Input.CANCEL: (State.CALLING, _keep_cancel),
            Input.PROVISIONAL: (State.PROCEEDING, _proceed),
            Input.SUCCESS: (State.ACCEPTED, _accept),
            Input.FAILURE: (State.COMPLETED, _acknowledge),
            Input.TRANSPORT_ERROR: (State.TERMINATED, ClientTransaction._report_failure),
            Input.FLOW_LOST: (State.TERMINATED, ClientTransaction._report_failure),
        },
        State.PROCEEDING: {
            Input.TIMER_B: (State.TERMINATED, ClientTransaction._time_out),
            Input.CANCEL: (State.PROCEEDING, _send_cancel),
            Input.PROVISIONAL: (State.PROCEEDING, _pass_up),
            Input.SUCCESS: (State.ACCEPTED, _accept),
            Input.FAILURE: (State.COMPLETED, _acknowledge),
            Input.FLOW_LOST: (State.TERMINATED, ClientTransaction._report_failure),
        },
        State.COMPLETED: {
            Input.FAILURE: (State.COMPLETED, _acknowledge_again),
            Input.TIMER_D: (State.TERMINATED, None),
            Input.TRANSPORT_ERROR: (State.TERMINATED, ClientTransaction._report_failure),
            Input.FLOW_LOST: (State.TERMINATED, None),
        },
        State.ACCEPTED: {
            Input.SUCCESS: (State.ACCEPTED, _pass_up),
            Input.TIMER_M: (State.TERMINATED, None),
            Input.FLOW_LOST: (State.TERMINATED, None),
        },
        State.TERMINATED: {},
    }

    CLOCKS: ClassVar[Clocks] = {
        State.CALLING: (Input.TIMER_A, Input.TIMER_B),
        State.PROCEEDING: (None, Input.TIMER_B),
        State.COMPLETED: (None, Input.TIMER_D),
        State.ACCEPTED: (None, Input.TIMER_M),
    }
