"""What both server transactions share: answering a request once and repeating the answer when asked again.

The rule: the bytes of the last response are kept, not the response, because only repeating them is left to do.
"""

from __future__ import annotations

from typing import ClassVar

from sip_daemon.errors import LocalProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.transaction.events import Outbox, TimedOut, TransportFailed
from sip_daemon.transaction.tables import Input, Machine, State
from sip_daemon.transaction.timers import TimerValues


class ServerTransaction(Machine):
    """A request that came in (RFC 3261 §17.2). The transaction user sees `request`, `flow`, `state`."""

    __slots__ = ("_last_response", "_request", "is_half_open", "merge_key")

    HALF_OPEN: ClassVar[frozenset[State]]
    """The states in which the peer may still be a forged address: see `TransactionLimits`."""

    def __init__(self, request: Request, flow: Flow, timers: TimerValues, outbox: Outbox | None, key: str) -> None:
        super().__init__(flow, timers, outbox, key)
        self._request: Request | None = request
        self._last_response: bytes | None = None
        self.is_half_open = True
        """Whether `Admission` counts it so."""
        self.merge_key: str | None = None

    @property
    def is_answered(self) -> bool:
        """Whether it had its final response: what the user says afterwards is dropped, but for a repeated 2xx."""
        return self.state not in (State.TRYING, State.PROCEEDING)

    @property
    def has_spoken(self) -> bool:
        """Whether any response was sent, so that the peer may have stopped repeating its request."""
        return self._last_response is not None

    @property
    def request(self) -> Request:
        """The request, until nothing more is to be said to it: an INVITE until it had a 2xx, any other until it had its
        final response, and both until they were refused and forgotten.

        Raises `LocalProtocolError` afterwards: `RequestReceived.request` is the one to hold on to.
        """
        if self._request is None:
            raise LocalProtocolError("the transaction has let its request go")
        return self._request

    @property
    def is_invite(self) -> bool:
        raise NotImplementedError

    def receive(self, request: Request, now: float) -> None:
        """A message that the layer matched to this transaction: the request again, or the ACK of an INVITE."""
        raise NotImplementedError

    def respond(self, response: Response, now: float) -> None:
        """Answer. What comes after a final response is dropped, as RFC 3261 §17.2.2 says."""
        raise NotImplementedError

    def refuse(self, response: Response, now: float) -> None:
        """Answer once and forget (RFC 3261 §8.2.7): a repeated request is a new one, nothing is retransmitted."""
        self._feed(Input.REFUSAL, response, now)

    def _send_once(self, response: Response, now: float) -> None:  # noqa: ARG002
        self._send_bytes(bytes(response))
        self._request = self._last_response = None  # the heap may know us until timer F or H would have been due

    def _send(self, response: Response, now: float) -> None:  # noqa: ARG002
        self._last_response = data = bytes(response)
        self._send_bytes(data)

    def _send_again(self, message: object, now: float) -> None:  # noqa: ARG002
        if self._last_response is not None:
            self._send_bytes(self._last_response)

    def _time_out(self, message: object, now: float) -> None:  # noqa: ARG002
        self._outbox.events.append(TimedOut(self))

    def _report_failure(self, message: object, now: float) -> None:  # noqa: ARG002
        self._outbox.events.append(TransportFailed(self))
