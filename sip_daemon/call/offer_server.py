"""A request other than INVITE that brought an offer, until it has its answer: UPDATE (RFC 3311), PRACK (RFC 3262 §5).

Unlike an INVITE such a request must be answered soon, or its transaction times out at the peer: whoever has not
decided after `PATIENCE` has said no.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sip_daemon.call.capabilities import ACCEPT, ALLOW, SUPPORTED
from sip_daemon.endpoint import Endpoint, Handle
from sip_daemon.message import NameAddress, Request, Response
from sip_daemon.transaction import ServerTransaction

PATIENCE: Final = 20.0
"""Seconds in which the other phone may decide; timer F of the asking one runs for 32."""


class OfferServer:
    """The answering end. `gave_up` is called when time has run out: the request was answered 504 (RFC 3311 §5.2)."""

    __slots__ = ("_contact", "_endpoint", "_gave_up", "_success", "_timer", "is_decided", "request", "transaction")

    def __init__(
        self,
        endpoint: Endpoint,
        transaction: ServerTransaction,
        request: Request,
        *,
        contact: NameAddress,
        gave_up: Callable[[], None],
    ) -> None:
        self.transaction = transaction
        self.request = request
        """Kept here, for the transaction lets go of it with its final response."""
        self.is_decided = False
        self._endpoint = endpoint
        self._contact = contact
        self._gave_up = gave_up
        self._success: Response | None = None
        self._timer: Handle | None = endpoint.call_later(PATIENCE, self._time_out)

    def write_success(self, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Write the 200 with the answer, to be sent by `accept`: what must outlive us is kept in between."""
        self._success = make_success(self.request, self._contact, headers)
        self._success.headers.set("Content-Type", ACCEPT)
        self._success.body = body

    def accept(self) -> None:
        """Send the 200 that was written; nothing if there was a final response already."""
        if self._success is not None and not self.is_decided:
            self._respond(self._success)

    @property
    def pending_answer(self) -> Response | None:
        """The final answer that the peer still needs, should another process have to give it."""
        if self.is_decided:
            return None
        if self._success is not None:
            return self._success
        response = Response.to_request(self.request, 500)
        response.headers.set("Retry-After", "1")
        return response

    def refuse(self, status: int, headers: Sequence[tuple[str, str]] = (), reason: str | None = None) -> None:
        """Any other final response; nothing if there was one already."""
        if self.is_decided:
            return
        response = Response.to_request(self.request, status, reason)
        for name, value in headers:
            response.headers.add(name, value)
        self._respond(response)

    def _respond(self, response: Response) -> None:
        self.is_decided = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._gave_up = nobody_waits  # who did has us: no circle of references is left behind
        self._endpoint.respond(self.transaction, response)

    def _time_out(self) -> None:
        gave_up = self._gave_up
        self.refuse(504)
        gave_up()


def nobody_waits() -> None:
    """Who is told that time has run out after there was an answer."""


def make_success(request: Request, contact: NameAddress, headers: Sequence[tuple[str, str]] = ()) -> Response:
    """A 200 to a request that refreshes the target (RFC 3311 §5.2), without a body."""
    response = Response.to_request(request, 200)
    if request.method != "PRACK":
        response.headers.set("Contact", str(contact))
    response.headers.set("Allow", ", ".join(ALLOW))
    response.headers.set("Supported", ", ".join(sorted(SUPPORTED)))
    for name, value in headers:
        response.headers.set(name, value)
    return response
