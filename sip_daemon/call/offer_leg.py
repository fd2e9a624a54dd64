"""What the phone offers on one leg (RFC 3264), by whatever request it comes.

Its offer is told to the call, which says what to answer. It travels in an INVITE, in an UPDATE (RFC 3311) or in a PRACK
(RFC 3262 §5). One at a time may be under way in either direction; what happens when both sides begin at once is
answered here (RFC 3261 §14, RFC 3311 §5.2).
"""

from __future__ import annotations

import random

from sip_daemon.call import cause as causes
from sip_daemon.call.admission import Refusal, check_body, check_extensions, check_interval
from sip_daemon.call.cause import Cause
from sip_daemon.call.dialog_leg import LegContext, LegState, Party
from sip_daemon.call.events import AnsweredLate, Ended, OfferWanted, Reoffered, ReofferWithdrawn
from sip_daemon.call.invite_server import HeaderFields, InviteServer, ServerState
from sip_daemon.call.offer_server import OfferServer, make_success
from sip_daemon.call.proposing_leg import ProposingLeg
from sip_daemon.call.reason import read_reason
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.sdp import AudioDescription, MediaOffer, offer_answer
from sip_daemon.transaction import ServerTransaction


class OfferLeg(ProposingLeg):
    """The part of a leg that knows of offers and answers, but not of media sessions."""

    __slots__ = (
        "_asking",
        "_offer",
        "_server",
    )

    def __init__(self, context: LegContext, party: Party, flow: Flow) -> None:
        super().__init__(context, party, flow)
        self._server: InviteServer | None = None
        self._asking: InviteServer | OfferServer | None = None
        """The request of the phone that waits for our answer; kept when it has one."""
        self._offer: MediaOffer | None = None
        """The phone's last offer; None when our 200 makes the offer."""

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

    # The phone's INVITE

    def receive_ack(self, ack: Request) -> None:
        """The ACK for a 2xx of ours."""
        if self._server is not None:
            self._server.acknowledge(ack)

    def receive_cancel(self, transaction: ServerTransaction, cancel: Request) -> None:
        """The phone takes back an INVITE that has no final answer yet (RFC 3261 §9.2)."""
        if self._server is None or not self._server.answers(transaction):
            return
        self._server.refuse(487)
        self._withdrawn(causes.of_cancel(read_reason(cancel)))

    def _withdrawn(self, cause: Cause) -> None:  # noqa: ARG002
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
        check_interval(request)

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
            response = make_success(request, self._endpoint.contact(self.flow), self._session_answer(request))
            self._endpoint.respond(transaction, response)

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

    def write_answer(self, audio: AudioDescription) -> None:
        """Write the 200: with the answer to the offer, or with our offer if there was none. `agree` sends it."""
        asking = self._asking
        if asking is None or asking.is_decided:
            return
        if self._offer is not None:
            self.remote = self._offer.audio
        self.local = audio
        asking.write_success(self._describe(audio), self._session_answer(asking.request))

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

    def _drop_invites(self) -> None:
        if self._asking is not None:
            self._asking.refuse(487)  # RFC 3261 §15.1.2: what is pending in a dialog ends with it
        if self._server is not None:
            self._server.refuse(487)
            self._server.abandon()
        super()._drop_invites()


def not_yet() -> Refusal:
    """For an offer on top of an unfinished one; the pause spreads the attempts (RFC 3261 §14.2, RFC 3311 §5.2)."""
    retry = [("Retry-After", str(random.randint(0, 10)))]  # noqa: S311
    return Refusal("another offer is under way", status=500, headers=retry)
