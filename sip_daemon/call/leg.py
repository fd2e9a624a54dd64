"""One side of a call: its dialog, what was offered and answered on it, its media session.

A re-INVITE in either direction is one offer and one answer (RFC 3261 §14, RFC 3264): the phone's is told to the call,
which says what to answer; the call's is sent with `propose`, and what comes back is told. One at a time may be under
way; what happens when both sides begin at once is answered here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from sip_daemon.call import cause as causes
from sip_daemon.call.admission import check_body, check_extensions
from sip_daemon.call.capabilities import ACCEPT, ALLOW
from sip_daemon.call.dialog_leg import GONE, DialogLeg, LegContext, LegState, Party
from sip_daemon.call.events import (
    AnsweredLate,
    CallEvent,
    Ended,
    OfferWanted,
    Reanswered,
    Reoffered,
    ReofferRefused,
    ReofferWithdrawn,
)
from sip_daemon.call.invite import InviteClient, InviteServer
from sip_daemon.call.record import LegRecord, Side
from sip_daemon.dialog import Dialog
from sip_daemon.errors import MediaError, RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.media_plane import MediaSession, MediaStatistics
from sip_daemon.message import Request, Response
from sip_daemon.sdp import AudioDescription, LocalSession, MediaOffer, offer_answer
from sip_daemon.transaction import ServerTransaction


class Leg(DialogLeg):
    """The part that both sides have in common. `post` hands an event to the call."""

    side: Side

    def __init__(self, context: LegContext, party: Party, flow: Flow, post: Callable[[Leg, CallEvent], None]) -> None:
        super().__init__(context, party, flow)
        self.outcome = ""
        """What became of it, for the record."""
        self.user_agent = ""
        self.sip_call_id = ""
        self.session: MediaSession | None = None
        self.local: AudioDescription | None = None
        """Our side as last agreed; `remote` is the phone's."""
        self.remote: AudioDescription | None = None
        self._post = post
        self._sdp = LocalSession()
        self._server: InviteServer | None = None
        self._client: InviteClient | None = None
        self._offer: MediaOffer | None = None
        """The offer in the INVITE that we answer; None when our 200 makes the offer."""
        self._proposed: AudioDescription | None = None
        """What our own re-INVITE offers."""

    def __str__(self) -> str:
        return f"{self.side} {self.party.device}"

    @property
    def is_negotiating(self) -> bool:
        """Whether an INVITE is under way in either direction (RFC 3261 §14.1 allows one at a time)."""
        if self.state is not LegState.TALKING:
            return True
        server_busy = self._server is not None and not self._server.is_settled
        return server_busy or self._proposed is not None

    def tell(self, event: CallEvent) -> None:
        self._post(self, event)

    def detach(self) -> None:
        """The call is over: nobody listens any more. The leg ends its own dialog by itself."""
        self._post = nobody_listens

    def use(self, session: MediaSession) -> None:
        """Take a media session into use; what it reports becomes the call's events."""
        self.session = session
        session.listener = self.tell

    @property
    def media(self) -> MediaSession:
        """The session of a leg that has one. Raises `MediaError` when it is closed or was never opened."""
        if self.session is None:
            raise MediaError("the leg has no media session")
        return self.session

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
        self.tell(ReofferWithdrawn())

    def _receive_invite(self, transaction: ServerTransaction, request: Request) -> None:
        if self.is_over:
            raise RemoteProtocolError("the dialog is ending", status=481)
        if self._proposed is not None:
            raise RemoteProtocolError("both sides propose media at once", status=491)
        check_extensions(request)
        check_body(request)
        if self.is_negotiating:
            # RFC 3261 §14.2: an INVITE on top of an unfinished one; the pause spreads the attempts.
            retry = [("Retry-After", str(random.randint(0, 10)))]  # noqa: S311
            self._respond(transaction, request, 500, retry)
            return
        self._offer = offer_answer.read_offer(request.body) if request.body else None
        self._server = self._make_server(transaction, self._local_tag)
        self.tell(Reoffered(self._offer) if self._offer is not None else OfferWanted())

    def _make_server(self, transaction: ServerTransaction, tag: str) -> InviteServer:
        return InviteServer(
            self._endpoint,
            self._context.timers,
            transaction,
            tag=tag,
            contact=self._endpoint.contact(self.flow),
            confirmed=self._confirmed,
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
        elif self._offer is None and self.local is not None:
            self._read_late_answer(ack, self.local)

    def _read_late_answer(self, ack: Request, ours: AudioDescription) -> None:
        try:
            answer = offer_answer.read_answer(ack.body, ours)
        except RemoteProtocolError:
            self.tell(Ended(causes.BAD_ANSWER))
        else:
            self.remote = answer.audio
            self.tell(AnsweredLate(answer))

    # Answers to the phone's re-INVITE

    def offer_for(self, other: AudioDescription) -> AudioDescription:
        """What we offer on this leg for the stream of the other phone; numbers keep their meaning (RFC 3264 §8.3.2)."""
        return offer_answer.offer_for(other, self.media.address, self._sdp.used_codecs)

    def dump_local_session(self) -> dict[str, object]:
        """What was announced here so far: part of the call's lasting state."""
        return self._sdp.dump()

    def write_answer(self, audio: AudioDescription) -> None:
        """Write the 200: with the answer to the offer, or with our offer if there was none. `agree` sends it."""
        if self._server is None or self._server.is_final:
            return
        if self._offer is not None:
            self.remote = self._offer.audio
        self.local = audio
        self._server.write_success(self._describe(audio))

    def agree(self) -> None:
        """Send the 200 that was written, unless the INVITE was withdrawn meanwhile."""
        if self._server is not None:
            self._server.accept()

    @property
    def pending_answer(self) -> Response | None:
        """The final answer to an INVITE that the phone still needs."""
        return self._server.pending_answer if self._server is not None else None

    def disagree(self, status: int) -> None:
        """Refuse the re-INVITE; what was agreed before still holds."""
        if self._server is not None:
            self._server.refuse(status)

    def _describe(self, audio: AudioDescription) -> bytes:
        return self._sdp.make_offer(audio) if self._offer is None else self._sdp.make_answer(self._offer, audio)

    # Our own re-INVITE

    def propose(self, audio: AudioDescription) -> None:
        """Send a re-INVITE with this offer; `Reanswered` or `ReofferRefused` follows."""
        if self.dialog is None or self.is_negotiating:
            self.tell(ReofferRefused(491))
            return
        request = self.dialog.request("INVITE")
        request.headers.set("Contact", str(self._endpoint.contact(self.flow)))
        request.headers.set("Allow", ", ".join(ALLOW))
        request.headers.set("Content-Type", ACCEPT)
        request.body = self._sdp.make_offer(audio)
        self._proposed = audio
        flow = self._way()
        if flow is None:
            self.invite_refused(408)
            return
        self._client = InviteClient(self._endpoint, request, flow, self, self.dialog)
        self._client.start()

    def withdraw(self) -> None:
        """Cancel our re-INVITE, if one is under way: nobody wants it any more."""
        if self._client is not None and self._proposed is not None:
            self._client.cancel()

    def invite_progressed(self, response: Response) -> None:
        """A re-INVITE's provisional responses mean nothing to the call."""

    def invite_accepted(self, response: Response, dialog: Dialog) -> None:
        """The phone agreed to our re-INVITE."""
        proposed, self._proposed = self._proposed, None
        if proposed is None or dialog is not self.dialog or self.is_over:
            return
        try:
            answer = offer_answer.read_answer(response.body, proposed)
        except RemoteProtocolError:
            self.tell(Ended(causes.BAD_ANSWER))
            return
        self.local, self.remote = proposed, answer.audio
        self.tell(Reanswered(answer))

    def invite_refused(self, status: int) -> None:
        """The phone did not agree to our re-INVITE, or is gone."""
        self._proposed = None
        if self.is_over:
            return
        self.tell(Ended(causes.VANISHED) if status in GONE or status == 503 else ReofferRefused(status))

    def _drop_invites(self) -> None:
        if self._server is not None:
            self._server.refuse(487)  # RFC 3261 §15.1.2: what is pending in a dialog ends with it
            self._server.abandon()
        self.withdraw()

    # For people and for the record

    def record(self, statistics: MediaStatistics) -> LegRecord:
        """What remains of it."""
        return LegRecord(
            side=self.side,
            device=self.party.device,
            extension=self.party.extension,
            transport=self.flow.transport.value,
            remote=str(self.flow.remote),
            user_agent=self.user_agent,
            sip_call_id=self.sip_call_id,
            state=self.outcome or self.state.value,
            codec=statistics.codec or self.codec,
            media_profile=self.remote.profile if self.remote is not None else "",
            signalling_secure=self.flow.transport.is_secure,
            packets_received=statistics.packets_received,
            packets_sent=statistics.packets_sent,
            packets_lost=statistics.packets_lost,
            jitter_ms=statistics.jitter_ms,
            detail=statistics_detail(statistics),
        )

    @property
    def codec(self) -> str:
        """What we told the phone to speak; empty before anything was agreed."""
        speech = self.local.speech_codecs if self.local is not None and self.remote is not None else ()
        return str(speech[0]) if speech else ""


def nobody_listens(leg: Leg, event: CallEvent) -> None:
    """Where the events of a leg go after its call."""


def statistics_detail(statistics: MediaStatistics) -> Mapping[str, object]:
    """The counters that have no column of their own."""
    return {
        "bytes_received": statistics.bytes_received,
        "bytes_sent": statistics.bytes_sent,
        "dropped_source": statistics.dropped_source,
        "dropped_malformed": statistics.dropped_malformed,
        "rtt_ms": statistics.rtt_ms,
        "media_remote": str(statistics.remote) if statistics.remote is not None else None,
        "remote_packets_lost": statistics.remote_packets_lost,
        "remote_jitter_ms": statistics.remote_jitter_ms,
    }
