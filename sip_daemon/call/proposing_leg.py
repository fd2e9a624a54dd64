"""Our own offers on one leg (RFC 3264): sent, answered, refused, and sent again where that is of use (RFC 3261 §14.1).

An offer of ours travels in a re-INVITE or in an UPDATE (RFC 3311). One at a time may be under way.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Final

from sip_daemon.call import cause as causes
from sip_daemon.call.dialog_leg import GONE, LegContext, LegState, Party
from sip_daemon.call.events import Ended, Reanswered, ReofferRefused
from sip_daemon.call.invite_client import InviteClient
from sip_daemon.call.refreshing_leg import RefreshingLeg, retry_after_of
from sip_daemon.dialog import Dialog
from sip_daemon.endpoint import ClientEvent, Handle
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.sdp import AudioDescription, LocalSession, offer_answer
from sip_daemon.transaction import ResponseReceived

MAX_ATTEMPTS: Final = 5
"""Of a proposal on which we insist: two peers that always begin at the same moment must end some time."""


class ProposingLeg(RefreshingLeg):
    """The part of a leg that proposes media to its phone."""

    __slots__ = (
        "_attempts",
        "_client",
        "_insists",
        "_is_refreshing",
        "_next_attempt",
        "_proposed",
        "_sdp",
        "local",
        "remote",
    )

    def __init__(self, context: LegContext, party: Party, flow: Flow) -> None:
        super().__init__(context, party, flow)
        self.local: AudioDescription | None = None
        """Our side as last agreed; `remote` is the phone's."""
        self.remote: AudioDescription | None = None
        self._sdp = LocalSession()
        self._client: InviteClient | None = None
        self._proposed: AudioDescription | None = None
        """What our own request offers, while it has no answer."""
        self._is_refreshing = False
        """Whether that changes nothing."""
        self._insists = False
        self._attempts = 0
        self._next_attempt: Handle | None = None

    @property
    @abstractmethod
    def can_propose(self) -> bool:
        """Whether `propose` would be sent."""

    @property
    def _dialog_in_use(self) -> Dialog | None:
        """The dialog that what is proposed belongs to."""
        return self.dialog

    def dump_local_session(self) -> dict[str, object]:
        """What was announced here so far: part of the call's lasting state."""
        return self._sdp.dump()

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

    def _refresh_by_invite(self) -> bool:
        if self.local is None or not self.can_propose:
            return False
        self._insists, self._is_refreshing = False, True
        self._send_offer(self.local, is_urgent=False)
        return True

    def _send_offer(self, audio: AudioDescription, is_urgent: bool) -> None:
        dialog = self._dialog_in_use
        if dialog is None or not self.can_propose:
            self._refused_offer(audio, 491, None)
            return
        flow = self._way()
        if flow is None:
            # Its connection is gone and it has not come back yet: whoever asked may ask again soon (RFC 3261 §14.1).
            self._is_refreshing = False
            self._refused_offer(audio, 491, None)
            return
        self._proposed = audio
        if self.state is LegState.PROCEEDING or (is_urgent and self.allows("UPDATE")):
            request = self._make_refresh(dialog, "UPDATE", self._sdp.make_offer(audio))
            self._endpoint.send_request_to(request, lambda event: self._update_answered(event, request), flow)
        else:
            request = self._make_refresh(dialog, "INVITE", self._sdp.make_offer(audio))
            self._client = InviteClient(self._endpoint, request, flow, self, dialog)
            self._client.start()

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
        self._client = None  # its transaction keeps it for as long as the answer may be repeated
        if dialog is self.dialog:
            self._read_reanswer(response)

    def _end_proposal(self) -> tuple[AudioDescription | None, bool]:
        """What we had proposed, and whether it was a refresh; from now on nothing is."""
        ended = self._proposed, self._is_refreshing
        self._proposed, self._is_refreshing = None, False
        return ended

    def _read_reanswer(self, response: Response) -> None:
        proposed, is_refresh = self._end_proposal()
        if proposed is None or self.is_over:
            return
        self._session_accepted(response)
        try:
            answer = offer_answer.read_answer(response.body, proposed)
        except RemoteProtocolError:
            self.tell(Ended(causes.BAD_ANSWER))
            return
        before, self.local, self.remote = self.remote, proposed, answer.audio
        if not is_refresh or answer.audio != before:
            self.tell(Reanswered(answer))

    def invite_refused(self, status: int, response: Response | None) -> None:
        """The phone did not agree to our offer, or is gone."""
        self._client = None
        proposed, is_refresh = self._end_proposal()
        if self.is_over or proposed is None:
            return
        if is_refresh:
            self._refresh_refused(status, response)
        elif status in GONE or response is None:
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

    def _drop_invites(self) -> None:
        if self._next_attempt is not None:
            self._next_attempt.cancel()
            self._next_attempt = None
        self._stop_keeping()
        self.withdraw()
        self._client = None
