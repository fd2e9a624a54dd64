"""The INVITE server transaction: RFC 3261 §17.2.1, figure 7, as RFC 6026 redraws it.

Theory of operation. The transaction starts in Proceeding. If its user has not answered after 200 ms it sends
100 itself, so that the caller stops repeating the INVITE. Provisional responses are sent as they come; the last
one answers a repeated INVITE.

A refusal (300-699) leads to Completed: over UDP it is repeated (timer G, doubling up to T2) until the ACK
arrives or timer H ends the wait, which the user is told. The ACK leads to Confirmed, where timer I waits for
further copies of the ACK only to swallow them.

A 2xx leads to Accepted (RFC 6026). Nothing is repeated here, because the user repeats a 2xx until *its* ACK comes
(RFC 3261 §13.3.1.4); the state exists to recognise a late copy of the INVITE, which would otherwise ring again.
An ACK that carries the INVITE's branch, as those of RFC 2543 phones do, is passed to the user.

What the table leaves out is ignored: an ACK before any final response, a second final response, a repeated
INVITE in Accepted or Confirmed.
"""

from __future__ import annotations

from math import inf
from typing import ClassVar

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.transaction.events import AckReceived, Outbox
from sip_daemon.transaction.server import ServerTransaction
from sip_daemon.transaction.tables import Clocks, Input, State, Table
from sip_daemon.transaction.timers import TimerValues


class ServerInviteTransaction(ServerTransaction):
    """One incoming INVITE."""

    __slots__ = ("_interval", "is_cancelled", "to_tag")

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
        self._interval = timers.t1
        self.is_cancelled = False
        """Whether the user was told of a CANCEL, which may be repeated under another transaction."""
        self.to_tag: str | None = None
        """Of the responses so far: the answer to a CANCEL carries it too (RFC 3261 §9.2)."""
        self.state = State.PROCEEDING
        self.retransmit_at = now + timers.trying

    @property
    def is_invite(self) -> bool:
        return True

    def receive(self, request: Request, now: float) -> None:
        self._feed(Input.ACK if request.method == "ACK" else Input.REQUEST, request, now)

    def respond(self, response: Response, now: float) -> None:
        status = response.status
        if status < 200:
            self._feed(Input.PROVISIONAL, response, now)
        else:
            self._feed(Input.SUCCESS if status < 300 else Input.FAILURE, response, now)

    def _send(self, response: Response, now: float) -> None:
        self.to_tag = _tag_of(response) or self.to_tag
        super()._send(response, now)

    def _send_trying(self, message: object, now: float) -> None:  # noqa: ARG002
        super()._send(Response.to_request(self.request, 100), now)

    def _proceed(self, response: Response, now: float) -> None:
        self._send(response, now)
        self.retransmit_at = inf  # the user has spoken: no 100 of our own

    def _accept(self, response: Response, now: float) -> None:
        self._send(response, now)
        self._request = self._last_response = None  # the user repeats its 2xx, nobody anything else
        # Timer L lasts 64·T1 on every transport: it matches the caller's timer B, not the network (RFC 6026 §7.1).
        self._linger(Input.TIMER_L, self.timers.timeout, now)

    def _refuse(self, response: Response, now: float) -> None:
        self._send(response, now)
        self.expires_at = now + self.timers.timeout
        self.retransmit_at = inf if self.flow.transport.is_reliable else now + self._interval

    def _repeat(self, message: object, now: float) -> None:
        self._send_again(message, now)
        self._interval = min(2 * self._interval, self.timers.t2)
        self.retransmit_at = now + self._interval

    def _confirm(self, ack: Request, now: float) -> None:  # noqa: ARG002
        self._linger(Input.TIMER_I, 0.0 if self.flow.transport.is_reliable else self.timers.t4, now)

    def _pass_ack(self, ack: Request, now: float) -> None:  # noqa: ARG002
        self._outbox.events.append(AckReceived(ack, self.flow))

    TABLE: ClassVar[Table] = {
        State.PROCEEDING: {
            Input.REQUEST: (State.PROCEEDING, ServerTransaction._send_again),
            Input.TIMER_TRYING: (State.PROCEEDING, _send_trying),
            Input.PROVISIONAL: (State.PROCEEDING, _proceed),
            Input.SUCCESS: (State.ACCEPTED, _accept),
            Input.FAILURE: (State.COMPLETED, _refuse),
            Input.REFUSAL: (State.TERMINATED, ServerTransaction._send_once),
            Input.TRANSPORT_ERROR: (State.PROCEEDING, ServerTransaction._report_failure),
            Input.FLOW_LOST: (State.TERMINATED, ServerTransaction._report_failure),
        },
        State.COMPLETED: {
            Input.REQUEST: (State.COMPLETED, ServerTransaction._send_again),
            Input.TIMER_G: (State.COMPLETED, _repeat),
            Input.ACK: (State.CONFIRMED, _confirm),
            Input.TIMER_H: (State.TERMINATED, ServerTransaction._time_out),
            Input.TRANSPORT_ERROR: (State.COMPLETED, ServerTransaction._report_failure),
            Input.FLOW_LOST: (State.TERMINATED, ServerTransaction._report_failure),
        },
        State.CONFIRMED: {
            Input.ACK: (State.CONFIRMED, None),
            Input.TIMER_I: (State.TERMINATED, None),
            Input.FLOW_LOST: (State.TERMINATED, None),
        },
        State.ACCEPTED: {
            Input.SUCCESS: (State.ACCEPTED, _send),
            Input.ACK: (State.ACCEPTED, _pass_ack),
            Input.TIMER_L: (State.TERMINATED, None),
            Input.TRANSPORT_ERROR: (State.ACCEPTED, ServerTransaction._report_failure),
            Input.FLOW_LOST: (State.TERMINATED, ServerTransaction._report_failure),
        },
        State.TERMINATED: {},
    }

    HALF_OPEN = frozenset({State.PROCEEDING, State.COMPLETED})

    CLOCKS: ClassVar[Clocks] = {
        State.PROCEEDING: (Input.TIMER_TRYING, None),
        State.COMPLETED: (Input.TIMER_G, Input.TIMER_H),
        State.CONFIRMED: (None, Input.TIMER_I),
        State.ACCEPTED: (None, Input.TIMER_L),
    }


def _tag_of(response: Response) -> str | None:
    """The To tag of an answer of ours. To is otherwise the peer's, who may have written what nobody can read."""
    try:
        return response.to.tag
    except RemoteProtocolError:
        return None
