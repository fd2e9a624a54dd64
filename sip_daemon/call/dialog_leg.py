"""What a leg does in its dialog, whatever the media are about: BYE, OPTIONS, being there, finding its phone.

Theory of operation. A leg turns SIP into `CallEvent` values and back. It answers at once what concerns only itself and
tells the call the rest; it never sees the other leg. This part knows the dialog; `leg` adds what is offered and
answered, `caller_leg` and `callee_leg` how the dialog comes to stand.

    PROCEEDING   an INVITE has no final answer: theirs (caller's leg) or ours (callee's leg)
    ANSWERED     our 200 waits for its ACK (caller's leg only): no BYE may go out yet (RFC 3261 §15)
    TALKING      the dialog is confirmed
    ENDING       our BYE or CANCEL waits for its answer
    OVER         nothing is left of it
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sip_daemon.call import cause as causes
from sip_daemon.call.capabilities import ALLOW, capability_headers
from sip_daemon.call.cause import Cause
from sip_daemon.call.events import CallEvent, Ended
from sip_daemon.call.invite_server import HeaderFields
from sip_daemon.call.reason import read_reason
from sip_daemon.dialog import Dialog
from sip_daemon.endpoint import ClientEvent, Endpoint, Handle
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.transaction import ResponseReceived, ServerTransaction, TimerValues

PROBE_AGAIN: Final = 60.0
"""Seconds between questions to a phone that was silent once, which is reported only once, or that holds the call."""

BYE_WITHIN: Final = 60.0
"""Seconds in which a phone that lost its connection has to be back to be told of the end: RFC 5626 §4.5 has it try
again within 30 to 60."""
BYE_AGAIN: Final = 2.0

GONE: Final = frozenset({408, 481})
"""Answers to a request inside a dialog that end the dialog (RFC 3261 §12.2.1.2)."""


class LegState(StrEnum):
    PROCEEDING = "proceeding"
    ANSWERED = "answered"
    TALKING = "talking"
    ENDING = "ending"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Party:
    """Who is at the phone."""

    device: str
    """Username."""
    extension: str
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class LegContext:
    """What every leg needs of the world around it."""

    endpoint: Endpoint
    timers: TimerValues
    register: Callable[[Dialog, DialogLeg], None]
    """From now on requests of that dialog are the leg's."""
    unregister: Callable[[Dialog], None]
    find_flow: Callable[[DialogLeg], Flow | None]
    """Another way to the leg's phone, after the one it used is gone."""
    branches: set[str | None]
    """Via branches of our INVITEs that have no final answer: they must not come back to us."""


class DialogLeg(ABC):
    """The part of a leg that media do not concern."""

    __slots__ = (
        "_context",
        "_endpoint",
        "_farewell",
        "_flow_is_lost",
        "_is_probing",
        "_next_probe",
        "contact",
        "dialog",
        "flow",
        "instance",
        "party",
        "state",
    )

    def __init__(self, context: LegContext, party: Party, flow: Flow) -> None:
        self.party = party
        self.flow = flow
        self.state = LegState.PROCEEDING
        self.instance = ""
        """Instance id of the phone's binding (RFC 5626); empty when it told none."""
        self.contact = ""
        """The contact by which it is reached, as text."""
        self.dialog: Dialog | None = None
        self._context = context
        self._endpoint = context.endpoint
        self._flow_is_lost = False
        self._is_probing = False
        self._next_probe: Handle | None = None
        self._farewell: Cause | None = None
        """Why to hang up as soon as our 200 is acknowledged."""

    @property
    def is_over(self) -> bool:
        return self.state in (LegState.ENDING, LegState.OVER)

    @abstractmethod
    def tell(self, event: CallEvent) -> None:
        """Hand an event to the call."""

    @abstractmethod
    def receive_ack(self, ack: Request) -> None:
        """The ACK for a 2xx of ours."""

    @abstractmethod
    def receive_cancel(self, transaction: ServerTransaction, cancel: Request) -> None:
        """The phone takes back an INVITE."""

    @abstractmethod
    def _receive_invite(self, transaction: ServerTransaction, request: Request) -> None:
        """A re-INVITE."""

    @abstractmethod
    def _receive_update(self, transaction: ServerTransaction, request: Request) -> None:
        """An UPDATE (RFC 3311)."""

    @abstractmethod
    def _receive_prack(self, transaction: ServerTransaction, request: Request) -> None:
        """A PRACK (RFC 3262)."""

    @abstractmethod
    def _give_up(self, cause: Cause) -> None:
        """End it before the first INVITE has a final answer."""

    @abstractmethod
    def _drop_invites(self) -> None:
        """Refuse an INVITE that is pending, stop repeating an answer."""

    # Requests from the phone

    def receive_request(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        """A request inside the dialog. Raises `RemoteProtocolError` with the status to answer."""
        self._dialog_of(request).receive_request(request, flow)
        # The phone may have come back on a new connection or from behind another address of its router.
        self.flow, self._flow_is_lost = flow, False
        match request.method:
            case "BYE":
                self._receive_bye(transaction, request)
            case "INVITE":
                self._receive_invite(transaction, request)
            case "UPDATE":
                self._receive_update(transaction, request)
            case "PRACK":
                self._receive_prack(transaction, request)
            case "OPTIONS":
                self._respond(transaction, request, 200, capability_headers())
            case _:
                self._respond(transaction, request, 405, [("Allow", ", ".join(ALLOW))])

    def _dialog_of(self, request: Request) -> Dialog:  # noqa: ARG002
        """The dialog that a request belongs to; a leg may have several while it is early."""
        if self.dialog is None:
            raise RemoteProtocolError("the dialog is over", status=481)
        return self.dialog

    def _receive_bye(self, transaction: ServerTransaction, request: Request) -> None:
        self._respond(transaction, request, 200)
        was_over = self.is_over
        self._close()
        if not was_over:
            self.tell(Ended(causes.of_bye(read_reason(request))))

    def _respond(
        self, transaction: ServerTransaction, request: Request, status: int, headers: HeaderFields = ()
    ) -> None:
        response = Response.to_request(request, status)
        for name, value in headers:
            response.headers.add(name, value)
        self._endpoint.respond(transaction, response)

    # Whether the phone is there

    def watch(self) -> None:
        """Ask now and then, since nobody will miss the audio of a phone that is not due to send any."""
        if self._next_probe is None:
            self._next_probe = self._endpoint.call_later(PROBE_AGAIN, self.probe)

    def probe(self) -> None:
        """Ask whether the phone still knows of the call (OPTIONS inside the dialog); `Ended` follows if not."""
        self._stop_watching()
        if self.dialog is None or self._is_probing or self.state is not LegState.TALKING:
            return
        flow = self._way()
        if flow is None:
            self.tell(Ended(causes.VANISHED))
            return
        self._is_probing = True
        self._endpoint.send_request_to(self.dialog.request("OPTIONS"), self._probed, flow)

    def _probed(self, event: ClientEvent) -> None:
        if isinstance(event, ResponseReceived) and event.response.status < 200:
            return
        self._is_probing = False
        if self.is_over:
            return
        if isinstance(event, ResponseReceived) and event.response.status not in GONE:
            self.watch()
        else:
            self.tell(Ended(causes.VANISHED))

    def _stop_watching(self) -> None:
        if self._next_probe is not None:
            self._next_probe.cancel()
            self._next_probe = None

    def lose_flow(self) -> None:
        """The connection to the phone closed. A call outlives it: the phone may register again on a new one."""
        self._flow_is_lost = True

    def _way(self) -> Flow | None:
        """The flow that reaches the phone now (RFC 5626 §5.3: the binding's newest, after the old one broke).

        With proxies in between, the lost flow is as good as none: the endpoint finds the way to the first of them.
        """
        if self._flow_is_lost:
            flow = self._context.find_flow(self)
            if flow is None:
                return self.flow if self.dialog is not None and self.dialog.route_set else None
            self.flow, self._flow_is_lost = flow, False
        return self.flow

    # The end

    def hang_up(self, cause: Cause) -> None:
        """End the leg by whatever its state demands."""
        match self.state:
            case LegState.PROCEEDING:
                self._give_up(cause)
            case LegState.ANSWERED:
                self._farewell = cause
            case LegState.TALKING:
                self._send_bye(cause)
            case LegState.ENDING | LegState.OVER:
                pass

    def _send_bye(self, cause: Cause) -> None:
        self.state = LegState.ENDING
        self._drop_invites()
        self._stop_watching()
        self._try_bye(cause, self._endpoint.now() + BYE_WITHIN)

    def _try_bye(self, cause: Cause, deadline: float) -> None:
        """A phone whose connection is gone gets its BYE when it is back, if that is soon."""
        flow = self._way()
        if self.dialog is None or (flow is None and self._endpoint.now() >= deadline):
            self._close()
        elif flow is not None:
            self._endpoint.send_request_to(farewell(self.dialog, cause), self._bye_answered, flow)
        else:
            self._next_probe = self._endpoint.call_later(BYE_AGAIN, lambda: self._try_bye(cause, deadline))

    def _bye_answered(self, event: ClientEvent) -> None:
        if not isinstance(event, ResponseReceived) or event.response.status >= 200:
            self._close()

    def _establish(self, dialog: Dialog) -> None:
        self.dialog = dialog
        self._context.register(dialog, self)

    def _close(self) -> None:
        self.state = LegState.OVER
        self._drop_invites()
        self._stop_watching()
        if self.dialog is not None:
            self._context.unregister(self.dialog)
            self.dialog = None


def farewell(dialog: Dialog, cause: Cause) -> Request:
    """A BYE that says why (RFC 3326)."""
    request = dialog.request("BYE")
    request.headers.set("Reason", cause.reason)
    return request
