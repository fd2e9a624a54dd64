"""What both client transactions share: sending a request, repeating it, and handing up what comes back.

The rule: the request goes out once, is repeated only over UDP, and always in the same bytes.
"""

from __future__ import annotations

from typing import ClassVar

from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.transaction.events import Outbox, TimedOut, TransportFailed
from sip_daemon.transaction.tables import Machine, State
from sip_daemon.transaction.timers import TimerValues

REPEATED_IN_ACK_AND_CANCEL = ("Route", "From", "To", "Call-ID")
"""Copied from the request to the ACK of a refusal and to a CANCEL (RFC 3261 §9.1, §17.1.1.3)."""


class ClientTransaction(Machine):
    """A request of ours (RFC 3261 §17.1). The transaction user sees `request`, `flow`, `state`."""

    __slots__ = ("_data", "_interval", "_response_flow", "request")

    INITIAL: ClassVar[State]

    def __init__(
        self,
        request: Request,
        flow: Flow,
        timers: TimerValues,
        outbox: Outbox | None = None,
        key: str = "",
    ) -> None:
        super().__init__(flow, timers, outbox, key)
        self.request = request
        self._data = bytes(request)
        self._interval = timers.t1
        self._response_flow = flow
        """On which the latest response came."""
        self.state = self.INITIAL

    @property
    def is_invite(self) -> bool:
        raise NotImplementedError

    def start(self, now: float) -> None:
        """Send the request. Timers A or E repeat it over UDP; B or F end the wait on every transport."""
        self._send_bytes(self._data)
        self.expires_at = now + self.timers.timeout
        if not self.flow.transport.is_reliable:
            self.retransmit_at = now + self._interval

    def receive(self, response: Response, flow: Flow, now: float) -> None:
        """A response that the layer matched to this transaction, and the flow on which it came."""
        raise NotImplementedError

    def _time_out(self, message: object, now: float) -> None:  # noqa: ARG002
        self._outbox.events.append(TimedOut(self))

    def _report_failure(self, message: object, now: float) -> None:  # noqa: ARG002
        self._outbox.events.append(TransportFailed(self))


def within_transaction(request: Request, method: str) -> Request:
    """An ACK or CANCEL for `request`: the same hop, branch, dialog and route, and the same CSeq number."""
    made = Request(method, request.uri)
    made.headers.add("Via", request.headers.values("Via")[0])
    made.headers.add("Max-Forwards", "70")
    for name in REPEATED_IN_ACK_AND_CANCEL:
        for value in request.headers.get_all(name):
            made.headers.add(name, value)
    made.headers.add("CSeq", f"{request.cseq.number} {method}")
    return made
