"""A leg that an earlier process established: taken up from what was kept of it.

What that process left unfinished is finished here. A 200 whose ACK had not been seen is repeated until it comes
(RFC 3261 §13.3.1.4): the phone may never have got it, and one that has sends its ACK again. A re-INVITE that was
undecided is refused with 500, so that the phone may try again. And a 2xx to a re-INVITE that the earlier process sent
is acknowledged; what it agreed to nobody knows any more, so what was agreed before is proposed again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sip_daemon.call.cause import Cause
from sip_daemon.call.dialog_leg import LegContext, LegState, Party
from sip_daemon.call.events import CallEvent
from sip_daemon.call.leg import Leg
from sip_daemon.call.negotiation import settle
from sip_daemon.call.repetition import Repetition
from sip_daemon.call.state import KeptLeg
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.transaction import ServerTransaction

CSEQ_JUMP: Final = 10_000
"""Requests that may have been sent since the state was kept: one OPTIONS a minute for a week. Gaps are no error
(RFC 3261 §12.2.2), and two hundred thousand restarts fit into the numbers that there are."""


class AdoptedLeg(Leg):
    """`resume` is called once, when messages can be sent. `is_recent`: an answer that was pending may still be due."""

    __slots__ = (
        "_first_own_cseq",
        "_kept_session_timer",
        "_pending",
        "_repetition",
        "_strays",
        "side",
    )

    def __init__(
        self, context: LegContext, kept: KeptLeg, post: Callable[[Leg, CallEvent], None], *, is_recent: bool
    ) -> None:
        """Raises `LocalProtocolError` and `ValueError` where `kept` is not what `KeptLeg.of` made."""
        dialog = kept.load_dialog(CSEQ_JUMP)
        is_connected = dialog.flow.transport.is_reliable
        if is_connected:
            # Its number may be that of another connection by now.
            dialog.flow = replace(dialog.flow, connection=0)
        super().__init__(context, Party(kept.device, kept.extension, kept.number, kept.name), dialog.flow, post)
        dialog.confirm()
        self.side = kept.side
        self.instance, self.contact = kept.instance, kept.contact
        self.user_agent, self.sip_call_id = kept.user_agent, dialog.id.call_id
        self.outcome = "answered"
        self.local, self.remote = kept.load_media()
        self._sdp = kept.load_local_session()
        self._flow_is_lost = is_connected
        self._pending = kept.load_pending_answer() if is_recent else None
        self._repetition: Repetition | None = None
        self._allow = kept.allow
        self._kept_session_timer = kept.session_timer
        self._first_own_cseq = dialog.local_cseq + 1
        self._strays: set[int] = set()
        self.state = LegState.TALKING
        if self._pending is not None and self._is_success_of_invite(self._pending):
            self.state = LegState.ANSWERED
        self._establish(dialog)

    def resume(self) -> None:
        """Go on where the earlier process stopped."""
        self.load_session_timer(self._kept_session_timer)
        if self._pending is not None:
            self._send_pending()
            if self._pending.cseq.method == "INVITE":
                timers = self._context.timers
                self._repetition = Repetition(self._endpoint, timers, self._send_pending, lambda: self._settle(None))
            else:
                self._pending = None  # the phone repeats an UPDATE itself
        if self.remote is None or self.local is None:
            return
        if not settle(self.remote, self.local, self.flow.remote.host).direction.sends:
            self.watch()

    @property
    def pending_answer(self) -> Response | None:
        return self._pending or super().pending_answer

    # An INVITE that the earlier process answered, or did not

    @staticmethod
    def _is_success_of_invite(response: Response) -> bool:
        return response.status < 300 and response.cseq.method == "INVITE"

    def _send_pending(self) -> None:
        flow = self._way()
        if self._pending is not None and flow is not None:
            self._endpoint.send_again(self._pending, flow)

    def receive_ack(self, ack: Request) -> None:
        if self._pending is not None and ack.cseq.number == self._pending.cseq.number:
            self._settle(ack)
        else:
            super().receive_ack(ack)

    def _settle(self, ack: Request | None) -> None:
        """The pending answer has arrived. Without an ACK it may be that the phone sent it to the earlier process and
        does not repeat it: whether the phone is there is asked instead."""
        self._forget_pending()
        if self.state is not LegState.ANSWERED:
            return
        self.state = LegState.TALKING
        if self._farewell is not None:
            self._send_bye(self._farewell)
        elif ack is None:
            self.probe()
        elif self.remote is None and self.local is not None:
            self._read_late_answer(ack, self.local)

    def _receive_invite(self, transaction: ServerTransaction, request: Request) -> None:
        if self._pending is not None:
            if request.cseq.number == self._pending.cseq.number:
                self._endpoint.respond(transaction, self._pending)  # it is repeated: the answer got lost
                return
            # RFC 3261 §14.1: no other INVITE before the first one is over, so the answer has arrived.
            self._settle_unseen()
        super()._receive_invite(transaction, request)

    def _settle_unseen(self) -> None:
        self._forget_pending()
        if self.state is LegState.ANSWERED:
            self.state = LegState.TALKING
            if self._farewell is not None:
                self._send_bye(self._farewell)

    def _forget_pending(self) -> None:
        self._pending = None
        if self._repetition is not None:
            self._repetition.stop()

    # A re-INVITE of the earlier process

    def receive_stray_answer(self, response: Response, flow: Flow) -> None:
        """A 2xx to an INVITE within the dialog that no transaction of ours knows."""
        number = response.cseq.number
        if self.dialog is None or number >= self._first_own_cseq:
            return
        invite = Request("INVITE", self.dialog.remote_target)
        invite.headers.set("CSeq", f"{number} INVITE")
        self._endpoint.send_ack_to(self.dialog.ack(invite), flow)
        if number not in self._strays:
            self._strays.add(number)
            if self.local is not None and not self.is_over:
                self.insist(self.local)

    # The end

    def _give_up(self, cause: Cause) -> None:
        """Never proceeding, it has nothing to give up."""

    def _drop_invites(self) -> None:
        self._forget_pending()
        super()._drop_invites()
