"""The two ends of one INVITE, the first of a call or a later one (RFC 3261 §13, §14).

`InviteServer` is the end that answers: it says how things stand, and repeats its 200 until the ACK comes.
`InviteClient` is the end that asks: it acknowledges each 2xx itself, at once and as often as it is repeated. Neither
knows what the media are about; transactions below them repeat everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, Protocol

from sip_daemon.call.capabilities import ACCEPT, ALLOW, SUPPORTED
from sip_daemon.call.repetition import Repetition
from sip_daemon.dialog import Dialog
from sip_daemon.endpoint import ClientEvent, Endpoint
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import NameAddress, Request, Response, new_tag
from sip_daemon.transaction import (
    ClientTransaction,
    ResponseReceived,
    ServerTransaction,
    TimedOut,
    TimerValues,
    TransportFailed,
)

HeaderFields = Sequence[tuple[str, str]]

MAX_ANSWERS: Final = 8
"""To tags whose 2xx to one INVITE are acknowledged: more branches than any forking proxy in front of a phone has."""


class ServerState(StrEnum):
    """How far the answering end is."""

    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    """Our 200 waits for its ACK."""
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNCONFIRMED = "unconfirmed"
    """No ACK came for 64*T1."""


class InviteServer:
    """The answering end. `confirmed` is called with the ACK, or with None when none came in time."""

    def __init__(
        self,
        endpoint: Endpoint,
        timers: TimerValues,
        transaction: ServerTransaction,
        *,
        tag: str,
        contact: NameAddress,
        confirmed: Callable[[Request | None], None],
    ) -> None:
        self.transaction = transaction
        self.request = transaction.request
        self.state = ServerState.PROCEEDING
        self.last_response: Response | None = None
        """The last one that carried our tag: a dialog is made of it."""
        self._endpoint = endpoint
        self._timers = timers
        self._tag = tag
        self._contact = contact
        self._confirmed = confirmed
        self._success: Response | None = None
        """Our 200, from when it is written."""
        self._repetition: Repetition | None = None

    @property
    def is_final(self) -> bool:
        return self.state is not ServerState.PROCEEDING

    @property
    def is_settled(self) -> bool:
        """Whether another INVITE may follow: refused, or acknowledged, or given up."""
        return self.state not in (ServerState.PROCEEDING, ServerState.ACCEPTED)

    def trying(self) -> None:
        """Answer 100: it has no tag and makes no dialog (RFC 3261 §8.2.6.1)."""
        self._endpoint.respond(self.transaction, Response.to_request(self.request, 100))

    def progress(self, status: int, body: bytes = b"") -> None:
        """A provisional response of the early dialog; nothing once there was a final one."""
        if not self.is_final:
            self._endpoint.respond(self.transaction, self._make_response(status, body))

    def write_success(self, body: bytes) -> None:
        """Write the 200, to be sent by `accept`: what must outlive us is kept in between."""
        response = self._make_response(200, body)
        response.headers.set("Allow", ", ".join(ALLOW))
        response.headers.set("Supported", ", ".join(sorted(SUPPORTED)))
        response.headers.set("Accept", ACCEPT)
        self._success = response

    def accept(self) -> None:
        """Send the 200 that was written, and repeat it until it is acknowledged (RFC 3261 §13.3.1.4)."""
        if self._success is None or self.is_final:
            return
        self.state = ServerState.ACCEPTED
        self._endpoint.respond(self.transaction, self._success)
        self._repetition = Repetition(self._endpoint, self._timers, self._send_again, self._expired)

    @property
    def pending_answer(self) -> Response | None:
        """The final answer that the peer still needs, should another process have to give it.

        That is a 200 whose ACK has not come, or a 500 to an INVITE that is undecided: whoever decides it dies with us.
        """
        match self.state:
            case ServerState.PROCEEDING if self._success is None:
                response = Response.to_request(self.request, 500, to_tag=self._tag)
                response.headers.set("Retry-After", "1")
                return response
            case ServerState.PROCEEDING | ServerState.ACCEPTED:
                return self._success
            case _:
                return None

    def branch_off(self) -> None:
        """Answer as another user agent from now on: what follows belongs to a dialog of its own (RFC 3261 §12.1).

        A forking proxy would look the same to the phone, which takes the answer in the new dialog for the first one.
        """
        self._tag = new_tag()

    def refuse(self, status: int, headers: HeaderFields = (), reason: str | None = None) -> None:
        """A final response other than 200; nothing if there was one already."""
        if self.is_final:
            return
        self.state = ServerState.REFUSED
        response = Response.to_request(self.request, status, reason, to_tag=self._tag)
        for name, value in headers:
            response.headers.add(name, value)
        self._endpoint.respond(self.transaction, response)

    def acknowledge(self, ack: Request) -> bool:
        """Take an ACK, if it is for our 200."""
        if ack.cseq.number != self.request.cseq.number:
            return False
        if self.state is ServerState.ACCEPTED:
            self.state = ServerState.CONFIRMED
            self._stop_repeating()
            self._confirmed(ack)
        return True

    def abandon(self) -> None:
        """Stop repeating: the dialog is gone."""
        self._stop_repeating()

    def _make_response(self, status: int, body: bytes) -> Response:
        response = Response.to_request(self.request, status, to_tag=self._tag)
        # A response that makes a dialog mirrors the route that it came by (RFC 3261 §12.1.1).
        for value in self.request.headers.get_all("Record-Route"):
            response.headers.add("Record-Route", value)
        response.headers.set("Contact", str(self._contact))
        if body:
            response.headers.set("Content-Type", ACCEPT)
            response.body = body
        self.last_response = response
        return response

    def _send_again(self) -> None:
        if self._success is not None:
            self._endpoint.send_again(self._success, self.transaction.flow)

    def _expired(self) -> None:
        self.state = ServerState.UNCONFIRMED
        self._confirmed(None)

    def _stop_repeating(self) -> None:
        if self._repetition is not None:
            self._repetition.stop()


class InviteListener(Protocol):
    """Whoever sent the INVITE."""

    def invite_progressed(self, response: Response) -> None:
        """A provisional response other than 100."""

    def invite_accepted(self, response: Response, dialog: Dialog) -> None:
        """A 2xx from a To tag that sent none before; it is acknowledged."""

    def invite_refused(self, status: int) -> None:
        """It failed: a final response, 408 for silence, 503 for no way to the peer, 500 for nonsense."""


class InviteClient:
    """The asking end. Inside `dialog`, if there is one; without, each 2xx from another To tag makes one."""

    def __init__(
        self, endpoint: Endpoint, request: Request, flow: Flow, listener: InviteListener, dialog: Dialog | None = None
    ) -> None:
        self.request = request
        self.flow = flow
        self.transaction: ClientTransaction | None = None
        self.is_final = False
        self._endpoint = endpoint
        self._listener = listener
        self._dialog = dialog
        self._acknowledgements: dict[str | None, Request] = {}

    def start(self) -> None:
        """Send it. A way that is known to be broken is reported like one that breaks later."""
        self.transaction = self._endpoint.send_request(self.request, self.flow, self._receive)

    def cancel(self, headers: HeaderFields = ()) -> None:
        """Ask for a 487. The transaction waits for a provisional response first (RFC 3261 §9.1)."""
        if self.transaction is not None and not self.is_final:
            self._endpoint.cancel(self.transaction, headers)

    def _receive(self, event: ClientEvent) -> None:
        match event:
            case ResponseReceived(response=response, flow=flow):
                self._receive_response(response, flow)
            case TimedOut():
                self._refused(408)
            case TransportFailed():
                self._refused(503)

    def _receive_response(self, response: Response, flow: Flow) -> None:
        if 200 <= response.status < 300:
            self._receive_success(response, flow)
        elif response.status >= 300:
            self._refused(response.status)
        elif response.status > 100 and not self.is_final:
            self._listener.invite_progressed(response)

    def _receive_success(self, response: Response, flow: Flow) -> None:
        try:
            tag = response.to.tag
            ack = self._acknowledgements.get(tag)
            if ack is not None:
                self._endpoint.send_ack(ack, flow)
                return
            if len(self._acknowledgements) >= MAX_ANSWERS:
                return
            dialog = self._dialog_of(response, flow)
        except RemoteProtocolError:
            # With a Contact that cannot be read there is no place to send an ACK or a BYE to.
            self._refused(500)
            return
        ack = self._acknowledgements[tag] = dialog.ack(self.request)
        self._endpoint.send_ack(ack, flow)
        self.is_final = True
        self._listener.invite_accepted(response, dialog)

    def _dialog_of(self, response: Response, flow: Flow) -> Dialog:
        """Where the 2xx belongs. It is acknowledged even if a BYE has ended the dialog meanwhile."""
        if self._dialog is None:
            return Dialog.as_uac(self.request, response, flow)
        self._dialog.receive_response(self.request, response)
        return self._dialog

    def _refused(self, status: int) -> None:
        if not self.is_final:
            self.is_final = True
            self._listener.invite_refused(status)
