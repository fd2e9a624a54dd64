"""Calls that outlived their process: found with the media workers, and taken up as if nothing had been.

What an earlier process left in a worker is sorted into calls that can go on (all their sessions are there and the state
can be read) and the rest. A call of which a session is missing is ended properly: its phones get BYE, its record is
complete. The rest is closed: a call that was still ringing, and a state that cannot be read; their records are closed
by the store as "stopped".

All sessions of a call live in one worker, so each worker is looked at for itself, whenever it is found.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sip_daemon.call import cause as causes
from sip_daemon.call.adopted_leg import AdoptedLeg
from sip_daemon.call.call import Call
from sip_daemon.call.cause import CallOver
from sip_daemon.call.dialog_leg import farewell
from sip_daemon.call.invite_client import ignore
from sip_daemon.call.journal import Journal
from sip_daemon.call.routing import RoutePlan, ServiceKind
from sip_daemon.call.service import attend
from sip_daemon.call.state import CallState
from sip_daemon.call.story import CallContext, Story
from sip_daemon.call.talking import Talk
from sip_daemon.dialog import Dialog
from sip_daemon.endpoint import Endpoint
from sip_daemon.errors import LocalProtocolError, MediaError
from sip_daemon.flow import Flow
from sip_daemon.media_plane import AdoptableSession
from sip_daemon.message import Request, Response

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SurvivingCall:
    """What is left of one established call."""

    state: CallState
    sessions: tuple[AdoptableSession | None, ...]
    """One for each of its legs; None where it is gone."""

    @property
    def is_whole(self) -> bool:
        return None not in self.sessions


@dataclass(frozen=True, slots=True)
class AdoptionReport:
    """What became of the sessions of one worker."""

    adopted: int = 0
    """Calls that go on."""
    ended: int = 0
    """Calls that could not, and were hung up."""
    discarded: int = 0
    """Sessions that no established call needs."""


def sort_out(sessions: Sequence[AdoptableSession], process: str) -> tuple[list[SurvivingCall], list[AdoptableSession]]:
    """The established calls among these sessions, the oldest first, and the sessions that belong to none.

    What `process`, we ourselves, left behind is of calls that ended when the line to their worker broke.
    """
    by_id = {session.id: session for session in sessions}
    calls: dict[str, SurvivingCall] = {}
    for session in sessions:
        state = read_state(session)
        if state is not None and state.writer != process and state.record.id not in calls:
            calls[state.record.id] = SurvivingCall(
                state, tuple(find(by_id, state, leg.media_session) for leg in state.legs)
            )
    taken = {session.id for call in calls.values() for session in call.sessions if session is not None}
    ordered = sorted(calls.values(), key=lambda call: call.state.record.started_at)
    return ordered, [session for session in sessions if session.id not in taken]


def read_state(session: AdoptableSession) -> CallState | None:
    """The state that was left with a session; None where there is none, or none that we understand."""
    if not session.state:
        return None
    try:
        state = CallState.load(session.state)
    except LocalProtocolError as error:
        log.error("call %s cannot go on: %s", session.call_id, error)
        return None
    if state.record.id != session.call_id or state.legs[0].media_session != session.id:
        log.error("call %s cannot go on: its state is that of another call", session.call_id)
        return None
    return state


def find(by_id: dict[str, AdoptableSession], state: CallState, identifier: str) -> AdoptableSession | None:
    session = by_id.get(identifier)
    return session if session is not None and session.call_id == state.record.id else None


class AdoptedCall(Call):
    """Begins in the chapter "talking"."""

    def __init__(self, story: Story) -> None:
        super().__init__(story, RoutePlan(()))

    async def _tell(self) -> CallOver:
        story = self.story
        try:
            for leg in story.legs:
                if isinstance(leg, AdoptedLeg):
                    leg.resume()
            if story.service is not None:
                await attend(story)
            await Talk(story, story.callees[0]).run()
        except CallOver as over:
            return over


def rebuild(context: CallContext, call: SurvivingCall, wall: float) -> AdoptedCall:
    """The call with its legs, which know their dialogs from now on. Raises `LocalProtocolError`."""
    state = call.state
    try:
        service = ServiceKind(state.service) if state.service else None
    except ValueError as error:
        raise LocalProtocolError("a service that we do not have") from error
    journal = Journal.resume(state.record, wall=wall, now=context.legs.endpoint.now, submit=context.submit)
    story = Story(context, journal)
    is_recent = wall - state.written_at < 64 * context.legs.timers.t1
    caller, *others = (AdoptedLeg(context.legs, kept, story.post, is_recent=is_recent) for kept in state.legs)
    story.caller = caller
    story.callees.extend(others)
    story.service = service
    story.former_legs = state.record.legs
    journal.resumed()
    return AdoptedCall(story)


async def take_sessions(context: CallContext, adopted: AdoptedCall, call: SurvivingCall) -> bool:
    """Own its sessions, and leave our own state there; False when the call cannot go on and ends."""
    story = adopted.story
    try:
        for leg, session in zip(story.legs, call.sessions, strict=True):
            if session is not None:
                leg.use(await context.media.adopt(session))
        for operation in story.keep() if call.is_whole else ():
            await operation
    except MediaError as error:
        log.warning("call %s cannot go on: %s", adopted.id, error)
    else:
        if call.is_whole:
            return True
    adopted.hang_up(causes.MEDIA_LOST, "system")
    return False


def dismiss(endpoint: Endpoint, response: Response, flow: Flow, *, is_new: bool) -> None:
    """Acknowledge the answer to an INVITE that nobody remembers, and hang up: there is no caller any more."""
    invite = Request("INVITE", response.to.uri)
    for name in ("From", "Call-ID", "CSeq"):
        invite.headers.set(name, response.headers.get(name) or "")
    dialog = Dialog.as_uac(invite, response, flow)
    endpoint.send_ack_to(dialog.ack(invite), flow)
    if is_new:
        endpoint.send_request_to(farewell(dialog, causes.STOPPED), ignore, flow)
