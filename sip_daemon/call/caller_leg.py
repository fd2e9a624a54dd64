"""The leg of the phone that calls: we are the UAS of its INVITE (RFC 3261 §13.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sip_daemon.call import cause as causes
from sip_daemon.call.cause import CallOver, Cause
from sip_daemon.call.dialog_leg import LegContext, LegState, Party
from sip_daemon.call.events import CallEvent, Ended
from sip_daemon.call.leg import Leg
from sip_daemon.call.record import CallStatus, Side
from sip_daemon.dialog import Dialog
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Request, new_tag
from sip_daemon.sdp import AudioDescription, MediaOffer, offer_answer
from sip_daemon.transaction import ServerTransaction


class CallerLeg(Leg):
    """From the INVITE on."""

    __slots__ = (
        "_has_rung",
        "_invite",
        "max_forwards",
    )

    side = Side.CALLER

    def __init__(
        self,
        context: LegContext,
        party: Party,
        transaction: ServerTransaction,
        flow: Flow,
        post: Callable[[Leg, CallEvent], None],
    ) -> None:
        super().__init__(context, party, flow, post)
        request = transaction.request
        self._invite = self._server = self._asking = self._make_server(transaction, new_tag())
        self._has_rung = False
        self.user_agent = request.user_agent or ""
        self._allow = request.headers.get("Allow") or ""
        self.sip_call_id = request.call_id
        contact = request.contact
        if contact is not None:
            self.contact = str(contact.uri)
            self.instance = contact.parameters.get("+sip.instance") or ""
        self.max_forwards = request.max_forwards if request.max_forwards is not None else 70

    @property
    def offer(self) -> MediaOffer | None:
        """What the phone proposed; None when it waits for our proposal."""
        return self._offer

    def read_offer(self) -> None:
        """Look at what the phone proposes. Raises `CallOver` when it is of no use."""
        body = self._invite.request.body
        try:
            self._offer = offer_answer.read_offer(body) if body else None
        except RemoteProtocolError as error:
            text = error.warning or "The session description is malformed"
            raise CallOver(Cause(error.status, text, CallStatus.FAILED, q850=88), "system") from error

    def is_asked_by(self, transaction: ServerTransaction) -> bool:
        """Whether that brought the call's INVITE, which is still to be answered."""
        return self._invite.answers(transaction)

    def trying(self) -> None:
        """100: the phone may stop repeating its INVITE."""
        self._invite.trying()

    def ring(self) -> None:
        """Let the phone play its ringback; said once."""
        if not self._has_rung and not self._invite.is_final and self._may_progress:
            self._has_rung = True
            self._invite.progress(180)
            self._make_dialog()

    @property
    def _may_progress(self) -> bool:
        """The first reliable answer to an INVITE without an offer would have to make one (RFC 3262 §5), before anybody
        knows what the called phone speaks: then nothing but 100 goes out before the 200."""
        return self._offer is not None or not self._invite.is_reliable

    def send_early_media(self, audio: AudioDescription) -> None:
        """183 with the answer: the called phone sends media before it is answered."""
        if not self._invite.is_final and self._offer is not None:
            self._invite.progress(183, self._sdp.make_answer(self._offer, audio))
            self._has_rung = True
            self._make_dialog()
            self.local, self.remote = audio, self._offer.audio

    def prepare_answer(self, audio: AudioDescription) -> None:
        """Write the 200 with the answer, or with our offer when the INVITE brought none, and make its dialog."""
        if self._invite.is_final:
            return
        if self.local not in (None, audio):
            self._branch_off()
        self._turn_to_invite()
        self.write_answer(audio)
        self._make_dialog()

    def answer(self) -> None:
        """Send the 200, unless the caller gave up while it was prepared."""
        if self._invite.is_final or self.dialog is None:
            return
        self._turn_to_invite()
        self.state = LegState.ANSWERED
        self.outcome = "answered"
        self.dialog.confirm()
        self.agree()

    def _turn_to_invite(self) -> None:
        """What is answered next is the INVITE: an UPDATE that was overtaken has to come again."""
        if self._asking is not self._invite:
            self.disagree(500, [("Retry-After", "0")])
            self._asking = self._invite

    def _branch_off(self) -> None:
        """Another phone answers than the one whose early media the caller heard, and speaks differently.

        An answer that was given in a dialog stands (RFC 3261 §13.2.1); another phone is another dialog.
        """
        self._invite.branch_off()
        if self.dialog is not None:
            self._context.unregister(self.dialog)
            self.dialog = None

    def refuse(self, cause: Cause) -> None:
        """The final response that says why not."""
        if self.state is LegState.PROCEEDING:
            self._end_invite(cause)

    def _end_invite(self, cause: Cause) -> None:
        self.outcome = cause.outcome.value
        self._invite.refuse(cause.status, cause.headers())
        self._close()

    @property
    def has_agreed(self) -> bool:
        """Whether offer and answer are exchanged for good before the 200: `local` and `remote` say what holds."""
        return self._invite.has_answered and self.local is not None and self.remote is not None

    @property
    def _is_asked(self) -> bool:
        # A reliable 183 answers the offer of the INVITE; its 200 is no matter of offers any more.
        return super()._is_asked and not (self._asking is self._invite and self._invite.has_answered)

    @property
    def can_propose(self) -> bool:
        return super().can_propose and (self.state is not LegState.PROCEEDING or self._invite.has_answered)

    def _unacknowledged(self) -> None:
        """RFC 3262 §3: the INVITE is to be refused with 5xx."""
        self._end_invite(causes.NO_PRACK)
        self.tell(Ended(causes.NO_PRACK))

    def hang_up(self, cause: Cause) -> None:
        if self.state is LegState.ANSWERED and not self._invite.is_final:
            # Our 200 was held back for a PRACK and is of no use any more.
            self._end_invite(cause if cause.status >= 300 else replace(cause, status=480))
        else:
            super().hang_up(cause)

    def lose_flow(self) -> None:
        super().lose_flow()
        if self.state is LegState.PROCEEDING:
            self._close()
            self.tell(Ended(causes.CANCELLED))

    def _make_dialog(self) -> None:
        """By the first response with our tag, so that a BYE in the early dialog is understood (RFC 3261 §15)."""
        response = self._invite.last_response
        if self.dialog is None and response is not None:
            self._establish(Dialog.as_uas(self._invite.request, response, self.flow))

    def _receive_bye(self, transaction: ServerTransaction, request: Request) -> None:
        if not self._invite.is_final:
            self._respond(transaction, request, 200)
            self._invite.refuse(487)
            self._withdrawn(causes.CANCELLED)
        else:
            super()._receive_bye(transaction, request)

    def _withdrawn(self, cause: Cause) -> None:
        if self._server is self._invite and self.state in (LegState.PROCEEDING, LegState.ANSWERED):
            self.outcome = cause.outcome.value
            self._close()
            self.tell(Ended(cause))
        else:
            super()._withdrawn(cause)

    def _give_up(self, cause: Cause) -> None:
        self.refuse(cause)
