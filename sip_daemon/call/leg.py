"""One side of a call: its dialog, its descriptions, its media session.

Theory of operation. A leg turns SIP into `CallEvent` values and back. It answers at once what concerns only itself
(BYE, OPTIONS, glare, ACK) and posts what concerns the call; it never sees the other leg. This base holds what both
sides do once a dialog stands; `caller_leg` and `callee_leg` add how it comes to stand.

    PROCEEDING   an INVITE has no final answer: theirs (caller's leg) or ours (callee's leg)
    ANSWERED     our 200 waits for its ACK (caller's leg only): no BYE may go out yet (RFC 3261 §15)
    TALKING      the dialog is confirmed
    ENDING       our BYE or CANCEL waits for its answer
    OVER         nothing is left of it
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sip_daemon.call import cause as causes
from sip_daemon.call.capabilities import ALLOW, capability_headers
from sip_daemon.call.cause import Cause
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
from sip_daemon.endpoint import ClientEvent, Endpoint, Handle
from sip_daemon.errors import MediaError, RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.media_plane import MediaSession, MediaStatistics
from sip_daemon.message import Request, Response
from sip_daemon.sdp import AudioDescription, LocalSession, MediaOffer, offer_answer
from sip_daemon.transaction import ResponseReceived, ServerTransaction, TimerValues

log = logging.getLogger(__name__)

PROBE_AGAIN: Final = 60.0
"""Seconds after which a phone that was silent once, and answered, is asked again: the silence is reported only once."""

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
    register: Callable[[Dialog, Leg], None]
    """From now on requests of that dialog are the leg's."""
    unregister: Callable[[Dialog], None]
    find_flow: Callable[[Leg], Flow | None]
    """Another way to the leg's phone, after the one it used is gone."""
    branches: set[str | None]
    """Via branches of our INVITEs that have no final answer: they must not come back to us."""


class Leg:
    """The part that both sides have in common. `post` hands an event to the call."""

    side: Side

    def __init__(self, context: LegContext, party: Party, flow: Flow, post: Callable[[Leg, CallEvent], None]) -> None:
        self.party = party
        self.flow = flow
        self.state = LegState.PROCEEDING
        self.outcome = ""
        """What became of it, for the record."""
        self.user_agent = ""
        self.sip_call_id = ""
        self.instance = ""
        """Instance id of the phone's binding (RFC 5626); empty when it told none."""
        self.contact = ""
        """The contact by which it is reached, as text."""
        self.dialog: Dialog | None = None
        self.session: MediaSession | None = None
        self.local: AudioDescription | None = None
        """Our side as last agreed; `remote` is the phone's."""
        self.remote: AudioDescription | None = None
        self._context = context
        self._endpoint = context.endpoint
        self._post = post
        self._sdp = LocalSession()
        self._server: InviteServer | None = None
        self._client: InviteClient | None = None
        self._offer: MediaOffer | None = None
        """The offer in the INVITE that we answer; None when our 200 makes the offer."""
        self._proposed: AudioDescription | None = None
        """What our own re-INVITE offers."""
        self._farewell: Cause | None = None
        """Why to hang up as soon as our 200 is acknowledged."""
        self._flow_is_lost = False
        self._is_probing = False
        self._next_probe: Handle | None = None

    def __str__(self) -> str:
        return f"{self.side} {self.party.device}"

    @property
    def is_over(self) -> bool:
        return self.state in (LegState.ENDING, LegState.OVER)

    @property
    def is_negotiating(self) -> bool:
        """Whether an INVITE is under way in either direction (RFC 3261 §14.1 allows one at a time)."""
        if self.state is not LegState.TALKING:
            return True
        server_busy = self._server is not None and not self._server.is_settled
        return server_busy or self._proposed is not None

    def detach(self) -> None:
        """The call is over: nobody listens any more. The leg ends its own dialog by itself."""
        self._post = nobody_listens

    def use(self, session: MediaSession) -> None:
        """Take a media session into use; what it reports becomes the call's events."""
        self.session = session
        session.listener = lambda event: self._post(self, event)

    @property
    def media(self) -> MediaSession:
        """The session of a leg that has one. Raises `MediaError` when it is closed or was never opened."""
        if self.session is None:
            raise MediaError("the leg has no media session")
        return self.session

    # Requests from the phone

    def receive_request(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        """A request inside the dialog. Raises `RemoteProtocolError` with the status to answer."""
        if self.dialog is None:
            raise RemoteProtocolError("the dialog is over", status=481)
        self.dialog.receive_request(request, flow)
        # The phone may have come back on a new connection or from behind another address of its router.
        self.flow, self._flow_is_lost = flow, False
        match request.method:
            case "BYE":
                self._receive_bye(transaction, request)
            case "INVITE":
                self._receive_invite(transaction, request)
            case "OPTIONS":
                self._respond(transaction, request, 200, capability_headers())
            case _:
                self._respond(transaction, request, 405, [("Allow", ", ".join(ALLOW))])

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
        self._post(self, ReofferWithdrawn())

    def _receive_bye(self, transaction: ServerTransaction, request: Request) -> None:
        self._respond(transaction, request, 200)
        if self._server is not None:
            self._server.refuse(487)  # RFC 3261 §15.1.2: what is pending in the dialog ends with it
        if not self.is_over:
            self._close()
            self._post(self, Ended(causes.NORMAL))
        else:
            self._close()

    def _receive_invite(self, transaction: ServerTransaction, request: Request) -> None:
        if self.is_over:
            raise RemoteProtocolError("the dialog is ending", status=481)
        if self._proposed is not None:
            raise RemoteProtocolError("both sides propose media at once", status=491)
        if self.is_negotiating:
            # RFC 3261 §14.2: an INVITE on top of an unfinished one; the pause spreads the attempts.
            retry = [("Retry-After", str(random.randint(0, 10)))]  # noqa: S311
            self._respond(transaction, request, 500, retry)
            return
        self._offer = offer_answer.read_offer(request.body) if request.body else None
        self._server = self._make_server(transaction)
        self._post(self, Reoffered(self._offer) if self._offer is not None else OfferWanted())

    def _make_server(self, transaction: ServerTransaction) -> InviteServer:
        tag = self.dialog.id.local_tag if self.dialog is not None else self._local_tag()
        return InviteServer(
            self._endpoint,
            self._context.timers,
            transaction,
            tag=tag,
            contact=self._endpoint.contact(self.flow),
            confirmed=self._confirmed,
        )

    def _local_tag(self) -> str:
        raise RemoteProtocolError("there is no dialog yet", status=481)

    def _confirmed(self, ack: Request | None) -> None:
        """Our 200 was acknowledged, or (None) was not."""
        if self.state is LegState.ANSWERED:
            self.state = LegState.TALKING
        if self._farewell is not None:
            self._send_bye(self._farewell)
        elif ack is None:
            self._post(self, Ended(causes.NO_ACK))
        elif self._offer is None and self.local is not None:
            self._read_late_answer(ack, self.local)

    def _read_late_answer(self, ack: Request, ours: AudioDescription) -> None:
        try:
            answer = offer_answer.read_answer(ack.body, ours)
        except RemoteProtocolError:
            self._post(self, Ended(causes.BAD_ANSWER))
        else:
            self.remote = answer.audio
            self._post(self, AnsweredLate(answer))

    # Answers to the phone's re-INVITE

    def offer_for(self, other: AudioDescription) -> AudioDescription:
        """What we offer on this leg for the stream of the other phone; numbers keep their meaning (RFC 3264 §8.3.2)."""
        return offer_answer.offer_for(other, self.media.address, self._sdp.used_codecs)

    def dump_local_session(self) -> dict[str, object]:
        """What was announced here so far: part of the call's lasting state."""
        return self._sdp.dump()

    def agree(self, audio: AudioDescription) -> None:
        """Accept the re-INVITE: the answer to its offer, or our offer if it brought none."""
        if self._server is None or self._server.is_final:
            return
        if self._offer is not None:
            self.remote = self._offer.audio
        self.local = audio
        self._server.accept(self._describe(audio))

    def disagree(self, status: int) -> None:
        """Refuse the re-INVITE; what was agreed before still holds."""
        if self._server is not None:
            self._server.refuse(status)

    def _describe(self, audio: AudioDescription) -> bytes:
        return self._sdp.make_offer(audio) if self._offer is None else self._sdp.make_answer(self._offer, audio)

    # Our own requests inside the dialog

    def propose(self, audio: AudioDescription) -> None:
        """Send a re-INVITE with this offer; `Reanswered` or `ReofferRefused` follows."""
        if self.dialog is None or self.is_negotiating:
            self._post(self, ReofferRefused(491))
            return
        request = self.dialog.request("INVITE")
        request.headers.set("Contact", str(self._endpoint.contact(self.flow)))
        request.headers.set("Allow", ", ".join(ALLOW))
        request.headers.set("Content-Type", "application/sdp")
        request.body = self._sdp.make_offer(audio)
        self._proposed = audio
        flow = self._way()
        if flow is None:
            self.invite_refused(408)
            return
        self._client = InviteClient(self._endpoint, request, flow, self)
        self._client.start()

    def withdraw(self) -> None:
        """Cancel our re-INVITE: the phone that wanted it has thought better of it."""
        if self._client is not None and self._proposed is not None:
            self._client.cancel()

    def make_dialog(self, invite: Request, response: Response, flow: Flow) -> Dialog:
        """The dialog of a 2xx (see `InviteListener`)."""
        if invite.to.tag is None:
            return Dialog.as_uac(invite, response, flow)
        if self.dialog is None:
            raise RemoteProtocolError("the dialog is over", status=481)
        self.dialog.receive_response(invite, response)
        return self.dialog

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
            self._post(self, Ended(causes.BAD_ANSWER))
            return
        self.local, self.remote = proposed, answer.audio
        self._post(self, Reanswered(answer))

    def invite_refused(self, status: int) -> None:
        """The phone did not agree to our re-INVITE, or is gone."""
        self._proposed = None
        if self.is_over:
            return
        self._post(self, Ended(causes.VANISHED) if status in GONE or status == 503 else ReofferRefused(status))

    def probe(self) -> None:
        """Ask whether the phone still knows of the call (OPTIONS inside the dialog); `Ended` follows if not."""
        flow = self._way()
        if self.dialog is None or self._is_probing or self.state is not LegState.TALKING:
            return
        if flow is None:
            self._post(self, Ended(causes.VANISHED))
            return
        self._is_probing = True
        self._endpoint.send_request(self.dialog.request("OPTIONS"), flow, self._probed)

    def _probed(self, event: ClientEvent) -> None:
        if isinstance(event, ResponseReceived):
            if event.response.status < 200:
                return
            self._is_probing = False
            if event.response.status not in GONE:
                self._next_probe = self._endpoint.call_later(PROBE_AGAIN, self.probe)
                return
        self._is_probing = False
        self._post(self, Ended(causes.VANISHED))

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

    def _give_up(self, cause: Cause) -> None:
        """End it before the INVITE has a final answer."""
        raise NotImplementedError

    def lose_flow(self) -> None:
        """The connection to the phone closed. A call outlives it: the phone may register again on a new one."""
        self._flow_is_lost = True

    def _send_bye(self, cause: Cause) -> None:
        if self._server is not None:
            self._server.refuse(487)
            self._server.abandon()
        self.state = LegState.ENDING
        flow = self._way()
        if self.dialog is None or flow is None:
            self._close()
            return
        self._endpoint.send_request(farewell(self.dialog, cause), flow, self._bye_answered)

    def _bye_answered(self, event: ClientEvent) -> None:
        if not isinstance(event, ResponseReceived) or event.response.status >= 200:
            self._close()

    def _way(self) -> Flow | None:
        """The flow that reaches the phone now (RFC 5626 §5.3: the binding's newest, after the old one broke)."""
        if self._flow_is_lost:
            flow = self._context.find_flow(self)
            if flow is None:
                return None
            self.flow, self._flow_is_lost = flow, False
        return self.flow

    def _respond(
        self,
        transaction: ServerTransaction,
        request: Request,
        status: int,
        headers: list[tuple[str, str]] | None = None,
    ) -> None:
        response = Response.to_request(request, status)
        for name, value in headers or ():
            response.headers.add(name, value)
        self._endpoint.respond(transaction, response)

    def _establish(self, dialog: Dialog) -> None:
        self.dialog = dialog
        self._context.register(dialog, self)

    def _close(self) -> None:
        self.state = LegState.OVER
        if self._next_probe is not None:
            self._next_probe.cancel()
        if self._server is not None:
            self._server.abandon()
        if self.dialog is not None:
            self._context.unregister(self.dialog)
            self.dialog = None

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


def farewell(dialog: Dialog, cause: Cause) -> Request:
    """A BYE that says why (RFC 3326)."""
    request = dialog.request("BYE")
    request.headers.set("Reason", cause.reason)
    return request


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
