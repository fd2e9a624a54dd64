"""The leg of one phone that is called: we are the UAC of the INVITE to its contact (RFC 3261 §13.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sip_daemon.call import cause as causes
from sip_daemon.call.capabilities import ACCEPT, ALLOW, SUPPORTED
from sip_daemon.call.cause import Cause
from sip_daemon.call.dialog_leg import LegContext, LegState, Party, farewell
from sip_daemon.call.events import Answered, CallEvent, Progressed, Refused, Ringing
from sip_daemon.call.invite_client import InviteClient, ignore
from sip_daemon.call.leg import Leg
from sip_daemon.call.reason import NO_REASON, read_reason
from sip_daemon.call.record import Side
from sip_daemon.call.refreshing_leg import INITIAL_SESSION
from sip_daemon.dialog import Dialog
from sip_daemon.dialog.session_expires import SESSION_EXPIRES, Refresher, SessionExpires, min_se_of
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import NameAddress, Request, Response, Uri, new_call_id, new_tag
from sip_daemon.registrar import Binding
from sip_daemon.sdp import AudioDescription, MediaAnswer, offer_answer
from sip_daemon.transaction import ServerTransaction

FLOW_PATIENCE: Final = 5.0
"""Without any answer, before the next flow of the same phone is tried (RFC 5626 §7)."""

FLOW_FAILED: Final = frozenset({408, 430, 503})
"""What an INVITE ends with when its flow is dead: silence, the edge proxy's word, no way to send."""


@dataclass(slots=True)
class Fork:
    """What one of the user agents behind the contact has said before the call was answered; most phones are one."""

    answer: MediaAnswer | None = None
    """Its early media."""
    dialog: Dialog | None = None
    """Early, made by a reliable provisional response: only then may the peer send requests (RFC 3311 §5.1)."""

    @property
    def is_settled(self) -> bool:
        """Whether offer and answer are exchanged for good: the answer came reliably (RFC 3262 §5)."""
        return self.answer is not None and self.dialog is not None


class CalleeLeg(Leg):
    """One phone that is called, at one contact. `invite` is called once, after the media session is there.

    A phone may keep several flows (RFC 5626 §4.2): `spare` are its other bindings, the next best first. Only one rings
    at a time, and the next is tried when nothing comes back on the one before.
    """

    __slots__ = (
        "_forks",
        "_heard",
        "_invite",
        "_is_cancelled",
        "_is_heard",
        "_proposal",
        "_spare",
        "binding",
    )

    side = Side.CALLEE

    def __init__(
        self,
        context: LegContext,
        party: Party,
        binding: Binding,
        flow: Flow,
        post: Callable[[Leg, CallEvent], None],
        spare: Sequence[Binding] = (),
    ) -> None:
        super().__init__(context, party, flow, post)
        self.binding = binding
        self._spare = list(spare)
        self._proposal: tuple[Party, AudioDescription, int] | None = None
        """Who calls, with what offer and Max-Forwards, as long as the phone may have to be rung on another flow."""
        self._is_heard = False
        """Whether it rang, or said anything else."""
        self.instance = binding.instance or ""
        self.contact = binding.contact
        self.user_agent = binding.user_agent or ""
        self.sip_call_id = new_call_id()
        self._invite: InviteClient | None = None
        """The present one, until it has its final answer."""
        self._is_cancelled = False
        self._forks: dict[str, Fork] = {}
        """By To tag."""
        self._heard: Fork | None = None
        """The one whose early media are relayed."""

    def invite(self, caller: Party, audio: AudioDescription, max_forwards: int) -> None:
        """Ring the phone with this offer."""
        self.local = audio
        self._ring(caller, audio, max_forwards)

    def _ring(self, caller: Party, audio: AudioDescription, max_forwards: int) -> None:
        self._proposal = caller, audio, max_forwards
        request = self._make_invite(caller, max_forwards)
        request.body = self._sdp.make_offer(audio)
        self._start(request)

    def _start(self, request: Request) -> None:
        patience = FLOW_PATIENCE if self._spare else None
        self._invite = InviteClient(self._endpoint, request, self.flow, self, patience=patience)
        self._invite.start()
        self._context.branches.add(self._branch)

    def _try_spare(self) -> bool:
        """Ring on the phone's next flow, if there is one and the phone said nothing on this one."""
        if self._is_heard or not self._spare or self._proposal is None:
            return False
        self.binding = self._spare.pop(0)
        self.contact, self.flow = self.binding.contact, self.binding.flow
        self.sip_call_id = new_call_id()  # the phone may have got the first INVITE: this one is no copy of it
        self._ring(*self._proposal)
        return True

    def cancel(self, reason: str) -> None:
        """Let it stop ringing. A 200 that crosses the CANCEL gets its ACK and a BYE (RFC 3261 §9.1)."""
        if self.state is LegState.PROCEEDING and self._invite is not None:
            self.state = LegState.ENDING
            self.outcome = self.outcome or "cancelled"
            self._is_cancelled = True
            self._invite.cancel([("Reason", reason)])

    @property
    def _branch(self) -> str | None:
        transaction = self._invite.transaction if self._invite is not None else None
        return transaction.request.top_via.branch if transaction is not None else None

    def _make_invite(self, caller: Party, max_forwards: int) -> Request:
        """The caller's identity is ours to state: what its phone wrote into From is not looked at."""
        contact = self._endpoint.contact(self.flow)
        # A phone answers 404 unless the request-URI is its registered Contact to the letter.
        request = Request("INVITE", self.binding.contact)
        host = contact.uri.host
        from_ = NameAddress(caller.name, Uri("sip", user=caller.number, host=host))
        to = NameAddress("", Uri("sip", user=self.party.number, host=host))
        for name, value in (
            ("From", str(from_.with_tag(new_tag()))),
            ("To", str(to)),
            ("Call-ID", self.sip_call_id),
            ("CSeq", "1 INVITE"),
            ("Max-Forwards", str(max_forwards)),
            ("Contact", str(contact)),
            ("Allow", ", ".join(ALLOW)),
            ("Supported", ", ".join(sorted(SUPPORTED))),
            ("Session-Expires", INITIAL_SESSION),
            ("Accept", ACCEPT),
            ("Content-Type", ACCEPT),
        ):
            request.headers.add(name, value)
        for hop in self.binding.path:
            request.headers.add("Route", hop)  # RFC 3327 §5.4
        return request

    # What the phone answers to the first INVITE; later ones are the base's

    @property
    def _is_calling(self) -> bool:
        return self.state is LegState.PROCEEDING

    def invite_progressed(self, response: Response) -> None:
        if not self._is_calling:
            return
        self._allow = response.headers.get("Allow") or self._allow
        self._is_heard = True
        if response.status == 180:
            self.tell(Ringing())
        if response.body:
            self._take_early_answer(response)

    def invite_forked(self, dialog: Dialog) -> None:
        if self._is_calling:
            self._fork(dialog.id.remote_tag).dialog = dialog
            self._context.register(dialog, self)

    def _fork(self, tag: str) -> Fork:
        return self._forks.setdefault(tag, Fork())

    def _take_early_answer(self, response: Response) -> None:
        """Early media. Nonsense in a provisional response is passed over: the 200 will tell."""
        fork = self._fork(response.to.tag or "")
        if self.local is None or fork.answer is not None:
            return
        try:
            fork.answer = offer_answer.read_answer(response.body, self.local)
        except RemoteProtocolError:
            return
        if self._heard is None:
            self._heard = fork
            self.remote = fork.answer.audio
            self.tell(Progressed(fork.answer))

    # Requests in an early dialog

    def _dialog_of(self, request: Request) -> Dialog:
        fork = self._forks.get(request.from_.tag or "")
        if self.dialog is None and fork is not None and fork.dialog is not None:
            if request.method == "BYE":
                raise RemoteProtocolError("no BYE from the called side before its answer", status=481)  # §15
            return fork.dialog
        return super()._dialog_of(request)

    def _take_offer(self, transaction: ServerTransaction, request: Request) -> None:
        fork = self._forks.get(request.from_.tag or "")
        if self._is_calling and self._heard is not None and fork is not self._heard:
            raise RemoteProtocolError("nobody hears this branch", status=488)
        super()._take_offer(transaction, request)

    @property
    def _has_offered(self) -> bool:
        if self._is_calling:
            return self._proposed is not None or self._heard is None or not self._heard.is_settled
        return super()._has_offered

    @property
    def _dialog_in_use(self) -> Dialog | None:
        if self._is_calling and self._heard is not None:
            return self._heard.dialog
        return super()._dialog_in_use

    def _drop_forks(self, but: Dialog | None = None) -> None:
        for fork in self._forks.values():
            if fork.dialog is not None and fork.dialog is not but:
                self._context.unregister(fork.dialog)
        self._forks.clear()
        self._heard = None

    def _close(self) -> None:
        self._drop_forks()
        super()._close()

    def _drop_invite(self) -> InviteClient | None:
        """It has its final answer. Its transaction keeps it for as long as that may be repeated, and we do not for as
        long as the call lasts."""
        self._context.branches.discard(self._branch)
        dropped, self._invite = self._invite, None
        return dropped

    def invite_accepted(self, response: Response, dialog: Dialog) -> None:
        invite = self._drop_invite()
        if self._is_calling:
            if invite is not None:
                invite.forsake()  # on another flow, when the answer came late on the one before
            self._take_answer(response, dialog)
        elif dialog is not self.dialog:
            # It crossed our CANCEL, or the phone's own forking brought a second answer: nobody wants it.
            self._endpoint.send_request_to(farewell(dialog, causes.NORMAL), ignore, self.flow)
            if self.dialog is None:
                self._close()
        else:
            super().invite_accepted(response, dialog)

    def _take_answer(self, response: Response, dialog: Dialog) -> None:
        self._establish(dialog)
        answer = self._read_answer(response)
        self._drop_forks(but=dialog)
        self.state = LegState.TALKING
        self._allow = response.headers.get("Allow") or self._allow
        self._session_accepted(response)
        self.user_agent = response.headers.get("User-Agent") or response.headers.get("Server") or self.user_agent
        if answer is None:
            self.outcome = "unusable answer"
            self._send_bye(causes.BAD_ANSWER)
            self.tell(Refused(causes.INCOMPATIBLE, 488))
            return
        self.outcome = "answered"
        self.remote = answer.audio
        self.tell(Answered(answer))

    def _read_answer(self, response: Response) -> MediaAnswer | None:
        """The answer in the 200, or what was agreed before it.

        An answer that came reliably stands, and an UPDATE may have changed it since; phones that gave theirs in a 183
        without 100rel sometimes leave it out of the 200.
        """
        fork = self._forks.get(response.to.tag or "")
        if fork is not None and fork.answer is not None and (fork.is_settled or not response.body):
            return MediaAnswer(self.remote) if fork is self._heard and self.remote is not None else fork.answer
        if not response.body or self.local is None:
            return None
        try:
            return offer_answer.read_answer(response.body, self.local)
        except RemoteProtocolError:
            return None

    def invite_refused(self, status: int, response: Response | None) -> None:
        invite = self._drop_invite()
        if self._is_calling and status in FLOW_FAILED and self._try_spare():
            return
        if self._is_calling and status == 422 and self._invite_again(invite, response):
            return
        if self._is_calling:
            self._close()
            self.outcome = f"refused {status}" if status not in (408, 503) else "unreachable"
            cause = (
                causes.UNREACHABLE
                if status in (408, 503)
                else causes.of_response(status, read_reason(response) if response is not None else NO_REASON)
            )
            self.tell(Refused(cause, status))
        elif self._is_cancelled and self.dialog is None:
            self._close()
        else:
            super().invite_refused(status, response)

    def _invite_again(self, before: InviteClient | None, response: Response | None) -> bool:
        """The phone wants fewer refreshes (RFC 4028 §7.3): the same INVITE again, with what it wants; once."""
        if before is None or response is None:
            return False
        try:
            min_se = min_se_of(response)
        except RemoteProtocolError:
            return False
        if min_se <= SESSION_EXPIRES or "Min-SE" in before.request.headers:
            return False
        request = before.request.copy()
        request.headers.set("CSeq", f"{before.request.cseq.number + 1} INVITE")
        request.headers.set("Session-Expires", str(SessionExpires(min_se, Refresher.UAC)))
        request.headers.set("Min-SE", str(min_se))
        self._start(request)
        return True

    def _give_up(self, cause: Cause) -> None:
        self.cancel(cause.cancel_reason)

    def lose_flow(self) -> None:
        super().lose_flow()
        if self._is_calling and not self._try_spare():
            # Its answer could not reach us any more (RFC 5626 §4.2.1: the phone will register anew).
            self._close()
            self.outcome = "unreachable"
            self.tell(Refused(causes.UNREACHABLE, 503))
