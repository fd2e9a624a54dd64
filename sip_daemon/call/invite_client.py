"""The end of an INVITE that asks, the first of a call or a later one (RFC 3261 §13.2, §14.1; RFC 3262 §4).

Theory of operation. `InviteClient` acknowledges each 2xx itself, at once and as often as it is repeated, and each
reliable provisional response in its turn. Behind a forking proxy several user agents may answer: each To tag is a
dialog of its own, early ones included. Transactions below repeat everything else.

    CALLING      nothing came back but a 100
    PROCEEDING   a provisional response came
    ACCEPTED     a 2xx came; further ones are acknowledged too
    REFUSED      a final refusal, silence or no way to the peer

Tried at several places, or given up for want of an answer, it may be answered yet where it was given up: a 2xx after a
refusal is acknowledged and told too, for a dialog has begun.

What the table leaves out is ignored: what else comes after a refusal, a provisional or refusing response after a 2xx.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Final, Protocol

from sip_daemon.dialog import Dialog, ProvisionalOrder, RAck, rseq_of
from sip_daemon.dialog.machine import Machine, Table
from sip_daemon.endpoint import ClientEvent, Endpoint, SentRequest
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.transaction import ClientTransaction, ResponseReceived, TimedOut, TransportFailed

MAX_ANSWERS: Final = 8
"""To tags whose responses to one INVITE are acknowledged: more branches than any forking proxy in front of a phone
has."""


class ClientState(StrEnum):
    """How far the asking end is."""

    CALLING = "calling"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class ClientInput(StrEnum):
    """What can move it."""

    PROVISIONAL = "101-199"
    SUCCESS = "2xx"
    FAILURE = "300-699, or nothing"


class InviteListener(Protocol):
    """Whoever sent the INVITE."""

    def invite_progressed(self, response: Response) -> None:
        """A provisional response other than 100; each reliable one once and in order."""

    def invite_forked(self, dialog: Dialog) -> None:
        """A reliable provisional response made an early dialog, in which the peer may now send requests."""

    def invite_accepted(self, response: Response, dialog: Dialog) -> None:
        """A 2xx from a To tag that sent none before; it is acknowledged."""

    def invite_refused(self, status: int, response: Response | None) -> None:
        """It failed: a final response, 408 for silence, 503 for no way to the peer, 500 for nonsense."""


class InviteClient(Machine):
    """The asking end. Inside `dialog`, if there is one; without, each response from another To tag makes one."""

    __slots__ = (
        "_acknowledgements",
        "_dialog",
        "_early",
        "_endpoint",
        "_is_forsaken",
        "_listener",
        "_orders",
        "_patience",
        "_sent",
        "flow",
        "request",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        request: Request,
        flow: Flow,
        listener: InviteListener,
        dialog: Dialog | None = None,
        *,
        patience: float | None = None,
    ) -> None:
        """`patience`: seconds of utter silence after which it counts as timed out; None leaves it to timer B."""
        self.state = ClientState.CALLING
        self.request = request
        self.flow = flow
        self._sent: SentRequest | None = None
        self._patience = patience
        self._is_forsaken = False
        self._endpoint = endpoint
        self._listener = listener
        self._dialog = dialog
        self._acknowledgements: dict[str | None, Request] = {}
        self._early: dict[str | None, Dialog] = {}
        self._orders: dict[str | None, ProvisionalOrder] = {}

    @property
    def is_final(self) -> bool:
        return self.state in (ClientState.ACCEPTED, ClientState.REFUSED)

    def start(self) -> None:
        """Send it. A way that is known to be broken is reported like one that breaks later."""
        self._sent = self._endpoint.send_request_to(self.request, self._receive, self.flow, patience=self._patience)

    @property
    def transaction(self) -> ClientTransaction | None:
        """The present one; None before it is sent, and after it had its final answer."""
        return self._sent.transaction if self._sent is not None else None

    def cancel(self, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Ask for a 487. The transaction waits for a provisional response first (RFC 3261 §9.1)."""
        if self._sent is not None and not self.is_final:
            self._sent.cancel(headers)

    def forsake(self) -> None:
        """Another INVITE was answered instead: of this one only a 2xx that crosses still interests anybody."""
        self.cancel()
        self._is_forsaken = True

    def _receive(self, event: ClientEvent) -> None:
        match event:
            case ResponseReceived(response=response):
                if response.status >= 300:
                    self._feed(ClientInput.FAILURE, response)
                elif response.status >= 200:
                    self._feed(ClientInput.SUCCESS, event)
                elif response.status > 100:
                    self._feed(ClientInput.PROVISIONAL, event)
            case TimedOut() | TransportFailed():
                self._feed(ClientInput.FAILURE, event)
        if self.is_final:
            self._sent = None  # it has us as its listener, and lives for as long as something may still come

    def _progress(self, event: ResponseReceived, now: float) -> None:  # noqa: ARG002
        response = event.response
        try:
            rseq = rseq_of(response)
            if rseq is not None and not self._acknowledge(response, rseq, event.flow):
                return
        except RemoteProtocolError:
            return  # nothing can be made of it; the final response will tell
        self._listener.invite_progressed(response)

    def _acknowledge(self, response: Response, rseq: int, flow: Flow) -> bool:
        """Send the PRACK for a response whose turn it is (RFC 3262 §4); False for any other."""
        tag = response.to.tag
        order = self._orders.get(tag)
        if order is None:
            if len(self._orders) >= MAX_ANSWERS:
                return False
            order = self._orders[tag] = ProvisionalOrder()
        if not order.admit(rseq):
            return False
        prack = self._early_dialog(response, flow).request("PRACK")
        prack.headers.add("RAck", str(RAck(rseq, self.request.cseq.number)))
        # Whatever comes of it: the peer repeats its response while the PRACK has not reached it.
        self._endpoint.send_request_to(prack, ignore, flow)
        return True

    def _early_dialog(self, response: Response, flow: Flow) -> Dialog:
        if self._dialog is not None:
            return self._dialog
        tag = response.to.tag
        dialog = self._early.get(tag)
        if dialog is None:
            dialog = self._early[tag] = Dialog.as_uac(self.request, response, flow)
            self._listener.invite_forked(dialog)
        else:
            dialog.receive_response(self.request, response)
        return dialog

    def _accept(self, event: ResponseReceived, now: float) -> None:  # noqa: ARG002
        response, flow = event.response, event.flow
        try:
            tag = response.to.tag
            ack = self._acknowledgements.get(tag)
            if ack is not None:
                self._endpoint.send_ack_to(ack, flow)
                return
            if len(self._acknowledgements) >= MAX_ANSWERS:
                return
            dialog = self._dialog_of(response, tag, flow)
        except RemoteProtocolError:
            # With a Contact that cannot be read there is no place to send an ACK or a BYE to.
            if not self._acknowledgements:
                self._set_state(ClientState.REFUSED)
                self._listener.invite_refused(500, response)
            return
        ack = self._acknowledgements[tag] = dialog.ack(self.request)
        self._endpoint.send_ack_to(ack, flow)
        self._listener.invite_accepted(response, dialog)

    def _dialog_of(self, response: Response, tag: str | None, flow: Flow) -> Dialog:
        """Where the 2xx belongs. It is acknowledged even if a BYE has ended the dialog meanwhile."""
        dialog = self._dialog or self._early.get(tag)
        if dialog is None:
            return Dialog.as_uac(self.request, response, flow)
        dialog.receive_response(self.request, response)
        return dialog

    def _fail(self, cause: Response | TimedOut | TransportFailed, now: float) -> None:  # noqa: ARG002
        if self._is_forsaken:
            return
        match cause:
            case Response():
                self._listener.invite_refused(cause.status, cause)
            case TimedOut():
                self._listener.invite_refused(408, None)
            case TransportFailed():
                self._listener.invite_refused(503, None)

    TABLE: ClassVar[Table] = {
        ClientState.CALLING: {
            ClientInput.PROVISIONAL: (ClientState.PROCEEDING, _progress),
            ClientInput.SUCCESS: (ClientState.ACCEPTED, _accept),
            ClientInput.FAILURE: (ClientState.REFUSED, _fail),
        },
        ClientState.PROCEEDING: {
            ClientInput.PROVISIONAL: (ClientState.PROCEEDING, _progress),
            ClientInput.SUCCESS: (ClientState.ACCEPTED, _accept),
            ClientInput.FAILURE: (ClientState.REFUSED, _fail),
        },
        ClientState.ACCEPTED: {
            ClientInput.SUCCESS: (ClientState.ACCEPTED, _accept),
        },
        ClientState.REFUSED: {
            ClientInput.SUCCESS: (ClientState.ACCEPTED, _accept),
        },
    }


def ignore(event: ClientEvent) -> None:
    """For a request whose answer changes nothing."""
