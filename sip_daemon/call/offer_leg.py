"""What is offered and answered on one leg (RFC 3264), by whatever request it comes.

The phone's offer is told to the call, which says what to answer; the call's is sent with `propose`, and what comes back
is told. An offer travels in an INVITE, in an UPDATE (RFC 3311) or in a PRACK (RFC 3262 §5). One at a time may be under
way; what happens when both sides begin at once is answered here (RFC 3261 §14, RFC 3311 §5.2).
"""

from __future__ import annotations

import random
from abc import abstractmethod
from typing import Final

from sip_daemon.call import cause as causes
from sip_daemon.call.admission import Refusal, check_body, check_extensions
from sip_daemon.call.capabilities import ACCEPT, ALLOW
from sip_daemon.call.dialog_leg import GONE, DialogLeg, LegContext, LegState, Party
from sip_daemon.call.events import (
    AnsweredLate,
    Ended,
    OfferWanted,
    Reanswered,
    Reoffered,
    ReofferRefused,
    ReofferWithdrawn,
)
from sip_daemon.call.invite_client import InviteClient
from sip_daemon.call.invite_server import HeaderFields, InviteServer, ServerState
from sip_daemon.call.offer_server import OfferServer, make_success
from sip_daemon.dialog import Dialog
from sip_daemon.endpoint import ClientEvent, Handle
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.sdp import AudioDescription, LocalSession, MediaOffer, offer_answer
from sip_daemon.transaction import ResponseReceived, ServerTransaction

MAX_ATTEMPTS: Final = 5
"""Of a proposal on which we insist: two peers that always begin at the same moment must end some time."""


class OfferLeg(DialogLeg):
    """The part of a leg that knows of offers and answers, but not of media sessions."""

    def __init__(self, context: LegContext, party: Party, flow: Flow) -> None:
        super().__init__(context, party, flow)
        self.local: AudioDescription | None = None
        """Our side as last agreed; `remote` is the phone's."""
        self.remote: AudioDescription | None = None
        self._sdp = LocalSession()
        self._server: InviteServer | None = None
        self._asking: InviteServer | OfferServer | None = None
        """The request of the phone that waits for our answer; kept when it has one."""
        self._client: InviteClient | None = None
        self._offer: MediaOffer | None = None
        """The phone's last offer; None when our 200 makes the offer."""
        self._proposed: AudioDescription | None = None
        """What our own request offers, while it has no answer."""
        self._insists = False
        self._attempts = 0
        self._next_attempt: Handle | None = None
        self._allow = ""
        """The phone's Allow header."""

    @property
    def is_negotiating(self) -> bool:
        """Whether an offer or an INVITE is under way in either direction (RFC 3261 §14.1 allows one at a time)."""
        if self.state is not LegState.TALKING:
            return True
        return self._is_asked or self._has_offered or (self._server is not None and not self._server.is_settled)

    @property
    def can_propose(self) -> bool:
        """Whether `propose` would be sent: between answer and BYE, or while it is early, where UPDATE may do it."""
        if self.state is LegState.PROCEEDING:
            is_free = not (self._is_asked or self._has_offered)
            return is_free and self._dialog_in_use is not None and self.allows("UPDATE")
        return not self.is_negotiating

    @property
    def _is_asked(self) -> bool:
        """Whether the phone's offer waits for our answer."""
        return self._asking is not None and not self._asking.is_decided

    @property
    def _has_offered(self) -> bool:
        """Whether our offer waits for the phone's answer."""
        if self._proposed is not None:
            return True
        server = self._server
        return server is not None and server.state is ServerState.ACCEPTED and not server.request.body

    @property
    def _dialog_in_use(self) -> Dialog | None:
        """The dialog that what is proposed belongs to."""
        return self.dialog

    def allows(self, method: str) -> bool:
        """Whether the phone says that it does such a thing (RFC 3261 §20.5)."""
        return method in [one.strip() for one in self._allow.split(",")]

    # The phone's INVITE

    def receive_ack(self, ack: Request) -> None:
        """The ACK for a 2xx of ours."""
        if self._server is not None:
            self._server.acknowledge(ack)

    def receive_cancel(self, transaction: ServerTransaction) -> None:
        """The phone takes back an INVITE that has no final answer yet (RFC 3261 §9.2)."""
        if self._server is None or self._server.transaction is not transaction or self._server.is_final:
            return
        self._server.refuse(487)
        self._withdrawn()

    def _withdrawn(self) -> None:
        self._tell_withdrawn()

    def _tell_withdrawn(self) -> None:
        self.tell(ReofferWithdrawn())

    def _receive_invite(self, transaction: ServerTransaction, request: Request) -> None:
        self._check_request(request)
        if self._proposed is not None:
            raise RemoteProtocolError("both sides propose media at once", status=491)
        if self.is_negotiating:
            raise not_yet()  # RFC 3261 §14.2: an INVITE on top of an unfinished one
        self._offer = offer_answer.read_offer(request.body) if request.body else None
        self._server = self._asking = self._make_server(transaction, self._local_tag)
        self.tell(Reoffered(self._offer) if self._offer is not None else OfferWanted())

    def _check_request(self, request: Request) -> None:
        if self.is_over:
            raise RemoteProtocolError("the dialog is ending", status=481)
        check_extensions(request)
        check_body(request)

    def _make_server(self, transaction: ServerTransaction, tag: str) -> InviteServer:
        return InviteServer(
            self._endpoint,
            self._context.timers,
            transaction,
            tag=tag,
            contact=self._endpoint.contact(self.flow),
            confirmed=self._confirmed,
            unacknowledged=self._unacknowledged,
        )

    @property
    def _local_tag(self) -> str:
        if self.dialog is None:
            raise RemoteProtocolError("there is no dialog any more", status=481)
        return self.dialog.id.local_tag

    def _confirmed(self, ack: Request | None) -> None:
        """Our 200 was acknowledged, or (None) was not."""
        if self.state is LegState.ANSWERED:
            self.state = LegState.TALKING
        if self._farewell is not None:
            self._send_bye(self._farewell)
        elif ack is None:
            self.tell(Ended(causes.NO_ACK))
        elif self._server is not None and not self._server.request.body and self.local is not None:
            self._read_late_answer(ack, self.local)

    def _unacknowledged(self) -> None:
        """A reliable provisional response got no PRACK. Those of a re-INVITE are never reliable, for there are none."""

    def _read_late_answer(self, ack: Request, ours: AudioDescription) -> None:
        try:
            answer = offer_answer.read_answer(ack.body, ours)
        except RemoteProtocolError:
            self.tell(Ended(causes.BAD_ANSWER))
        else:
            self.remote = answer.audio
            self.tell(AnsweredLate(answer))

    # The phone's UPDATE and PRACK

    def _receive_update(self, transaction: ServerTransaction, request: Request) -> None:
        """RFC 3311 §5.2. Without an offer it refreshes the target, and the session timer, and no more."""
        self._check_request(request)
        if request.body:
            self._take_offer(transaction, request)
        else:
            self._endpoint.respond(transaction, make_success(request, self._endpoint.contact(self.flow)))

    def _receive_prack(self, transaction: ServerTransaction, request: Request) -> None:
        """RFC 3262 §3. It may bring the next offer (§5)."""
        self._check_request(request)

        def answer() -> None:
            if request.body:
                self._take_offer(transaction, request)
            else:
                self._endpoint.respond(transaction, make_success(request, self._endpoint.contact(self.flow)))

        if self._server is None or not self._server.receive_prack(request, answer):
            raise RemoteProtocolError("nothing waits for this PRACK", status=481)

    def _take_offer(self, transaction: ServerTransaction, request: Request) -> None:
        """Tell the call of an offer that is no INVITE's, unless another one is under way (RFC 3311 §5.2)."""
        if self._has_offered:
            raise RemoteProtocolError("both sides propose media at once", status=491)
        if self._is_asked:
            raise not_yet()
        self._offer = offer_answer.read_offer(request.body)
        self._asking = OfferServer(
            self._endpoint,
            transaction,
            request,
            contact=self._endpoint.contact(self.flow),
            gave_up=self._tell_withdrawn,
        )
        self.tell(Reoffered(self._offer, is_urgent=True))

    # Answers to the phone's offer

    def dump_local_session(self) -> dict[str, object]:
        """What was announced here so far: part of the call's lasting state."""
        return self._sdp.dump()

    def write_answer(self, audio: AudioDescription) -> None:
        """Write the 200: with the answer to the offer, or with our offer if there was none. `agree` sends it."""
        asking = self._asking
        if asking is None or asking.is_decided:
            return
        if self._offer is not None:
            self.remote = self._offer.audio
        self.local = audio
        asking.write_success(self._describe(audio))

    def agree(self) -> None:
        """Send the 200 that was written, unless the request was withdrawn meanwhile."""
        if self._asking is not None:
            self._asking.accept()

    @property
    def pending_answer(self) -> Response | None:
        """The final answer that the phone still needs to an INVITE, or to an UPDATE."""
        if self._asking is None or self._asking.is_decided:
            return self._server.pending_answer if self._server is not None else None
        return self._asking.pending_answer

    def disagree(self, status: int, headers: HeaderFields = ()) -> None:
        """Refuse it; what was agreed before still holds."""
        if self._asking is not None:
            self._asking.refuse(status, headers)

    def _describe(self, audio: AudioDescription) -> bytes:
        return self._sdp.make_offer(audio) if self._offer is None else self._sdp.make_answer(self._offer, audio)

    # Our own offer

    def propose(self, audio: AudioDescription, *, is_urgent: bool = False) -> None:
        """Send this offer; `Reanswered` or `ReofferRefused` follows.

        By re-INVITE, for which the phone may take its time; by UPDATE when it is urgent and the phone does that, and
        always in an early dialog (RFC 3311 §5.1).
        """
        self._insists = False
        self._send_offer(audio, is_urgent)

    def insist(self, audio: AudioDescription) -> None:
        """Send this offer, and again when the phone began at the same moment or is not ready (RFC 3261 §14.1)."""
        self._insists, self._attempts = True, 0
        self._send_offer(audio, is_urgent=False)

    def _send_offer(self, audio: AudioDescription, is_urgent: bool) -> None:
        dialog = self._dialog_in_use
        if dialog is None or not self.can_propose:
            self._refused_offer(audio, 491, None)
            return
        self._proposed = audio
        flow = self._way()
        if flow is None:
            self.invite_refused(408, None)
        elif self.state is LegState.PROCEEDING or (is_urgent and self.allows("UPDATE")):
            request = self._make_refresh(dialog, "UPDATE", self._sdp.make_offer(audio))
            self._endpoint.send_request(request, flow, lambda event: self._update_answered(event, request))
        else:
            request = self._make_refresh(dialog, "INVITE", self._sdp.make_offer(audio))
            self._client = InviteClient(self._endpoint, request, flow, self, dialog)
            self._client.start()

    def _make_refresh(self, dialog: Dialog, method: str, body: bytes = b"") -> Request:
        """A request within the dialog that tells the phone where we are (RFC 3261 §12.2.1)."""
        request = dialog.request(method)
        request.headers.set("Contact", str(self._endpoint.contact(self.flow)))
        request.headers.set("Allow", ", ".join(ALLOW))
        if body:
            request.headers.set("Content-Type", ACCEPT)
            request.body = body
        return request

    def withdraw(self) -> None:
        """Cancel our re-INVITE, if one is under way: nobody wants it any more. An UPDATE cannot be cancelled."""
        if self._client is not None and self._proposed is not None:
            self._client.cancel()

    def _update_answered(self, event: ClientEvent, request: Request) -> None:
        if not isinstance(event, ResponseReceived):
            self.invite_refused(408, None)
        elif event.response.status >= 200:
            dialog = self._dialog_in_use
            if dialog is not None:
                dialog.receive_response(request, event.response)
            if event.response.status < 300:
                self._read_reanswer(event.response)
            else:
                self.invite_refused(event.response.status, event.response)

    def invite_progressed(self, response: Response) -> None:
        """A re-INVITE's provisional responses mean nothing to the call."""

    def invite_forked(self, dialog: Dialog) -> None:
        """A re-INVITE has its dialog."""

    def invite_accepted(self, response: Response, dialog: Dialog) -> None:
        """The phone agreed to our re-INVITE."""
        if dialog is self.dialog:
            self._read_reanswer(response)

    def _read_reanswer(self, response: Response) -> None:
        proposed, self._proposed = self._proposed, None
        if proposed is None or self.is_over:
            return
        try:
            answer = offer_answer.read_answer(response.body, proposed)
        except RemoteProtocolError:
            self.tell(Ended(causes.BAD_ANSWER))
            return
        self.local, self.remote = proposed, answer.audio
        self.tell(Reanswered(answer))

    def invite_refused(self, status: int, response: Response | None) -> None:
        """The phone did not agree to our offer, or is gone."""
        proposed, self._proposed = self._proposed, None
        if self.is_over or proposed is None:
            return
        if status in GONE or response is None:
            self.tell(Ended(causes.VANISHED))
        else:
            self._refused_offer(proposed, status, retry_after_of(response))

    def _refused_offer(self, audio: AudioDescription, status: int, retry_after: int | None) -> None:
        self._attempts += 1
        pause = self._pause_after(status, retry_after) if self._insists and self._attempts < MAX_ATTEMPTS else None
        if pause is None:
            self.tell(ReofferRefused(status, retry_after))
        else:
            self._next_attempt = self._endpoint.call_later(pause, lambda: self._send_offer(audio, is_urgent=False))

    def _pause_after(self, status: int, retry_after: int | None) -> float | None:
        """Seconds until we try again (RFC 3261 §14.1); None when it is of no use."""
        if status == 491:
            owns_call_id = self.dialog is not None and self.dialog.is_uac
            ticks = random.randint(210, 400) if owns_call_id else random.randint(0, 200)  # noqa: S311
            return ticks / 100
        return retry_after if status == 500 else None

    def _drop_invites(self) -> None:
        if self._next_attempt is not None:
            self._next_attempt.cancel()
            self._next_attempt = None
        if self._asking is not None:
            self._asking.refuse(487)  # RFC 3261 §15.1.2: what is pending in a dialog ends with it
        if self._server is not None:
            self._server.refuse(487)
            self._server.abandon()
        self.withdraw()

    @abstractmethod
    def _give_up(self, cause: causes.Cause) -> None:
        """End it before the first INVITE has a final answer."""


def not_yet() -> Refusal:
    """For an offer on top of an unfinished one; the pause spreads the attempts (RFC 3261 §14.2, RFC 3311 §5.2)."""
    retry = [("Retry-After", str(random.randint(0, 10)))]  # noqa: S311
    return Refusal("another offer is under way", status=500, headers=retry)


def retry_after_of(response: Response) -> int | None:
    """Seconds in Retry-After (RFC 3261 §20.33), without its comment and parameters; None where there are none."""
    value = (response.headers.get("Retry-After") or "").split("(")[0].split(";")[0].strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
