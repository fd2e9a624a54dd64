"""What all chapters of a call's story share: who calls, the queue of events, the media sessions.

The rule: only the call's own coroutine awaits here. Legs, media and timers call `post` and return.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from sip_daemon.call import cause as causes
from sip_daemon.call.callee_leg import CalleeLeg
from sip_daemon.call.caller_leg import CallerLeg
from sip_daemon.call.cause import CallOver, Cause
from sip_daemon.call.dialog_leg import LegContext
from sip_daemon.call.events import CallEvent, Ended, HangUpRequested
from sip_daemon.call.journal import Journal
from sip_daemon.call.leg import Leg
from sip_daemon.call.mailbox import Mailbox
from sip_daemon.call.negotiation import settle
from sip_daemon.call.record import CallChange, CallRecord, CallTrouble, LegRecord
from sip_daemon.call.routing import ServiceKind
from sip_daemon.call.state import CallState
from sip_daemon.errors import MediaError, MediaUnavailable
from sip_daemon.media_plane import MediaPlane, MediaStatistics, OpenRequest, SessionLost, WorkerState
from sip_daemon.registrar import Binding
from sip_daemon.sdp import AudioDescription

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CallContext:
    """What every call needs of the world around it."""

    legs: LegContext
    media: MediaPlane
    locate: Callable[[str], Sequence[Binding]]
    """The reachable bindings of a device."""
    submit: Callable[[CallChange | CallTrouble], None]
    wall_clock: Callable[[], float]
    """Unix seconds."""
    process: str
    """Which process we are, for whoever finds what we left."""


class Story:
    """One call's people, events and media."""

    def __init__(self, context: CallContext, journal: Journal) -> None:
        self.context = context
        self.journal = journal
        self.callees: list[Leg] = []
        """Every leg that was rung, whatever became of it."""
        self.partner: Leg | None = None
        """The leg that the caller talks to."""
        self.service: ServiceKind | None = None
        """What the caller talks to, when that is one of ours."""
        self.former_legs: tuple[LegRecord, ...] = ()
        """Of legs that were over before this process took the call up."""
        self._caller: Leg | None = None
        self._events: Mailbox[tuple[Leg | None, CallEvent]] = Mailbox()
        self._closed: dict[Leg, LegRecord] = {}

    @property
    def caller(self) -> Leg:
        assert self._caller is not None, "a story begins with its caller"
        return self._caller

    @caller.setter
    def caller(self, leg: Leg) -> None:
        self._caller = leg

    @property
    def calling(self) -> CallerLeg:
        """The caller until it is answered."""
        assert isinstance(self._caller, CallerLeg), "the call was established when it was taken up"
        return self._caller

    @property
    def legs(self) -> tuple[Leg, ...]:
        return (self.caller, *self.callees)

    def post(self, leg: Leg | None, event: CallEvent) -> None:
        """Tell the story; it listens when it is ready."""
        self._events.put((leg, event))

    async def next_event(self) -> tuple[Leg | None, CallEvent]:
        """The next thing that happened. Raises `CallOver` for what ends any chapter."""
        leg, event = await self._events.get()
        match event:
            case HangUpRequested(cause=cause, by=by):
                raise CallOver(cause, by)
            case SessionLost():
                raise CallOver(causes.MEDIA_LOST, "system")
            case Ended(cause=cause) if leg is self.caller:
                raise CallOver(cause, "caller" if cause.is_by_phone else "system")
            case _:
                return leg, event

    # Media

    async def open_media(self, callees: Sequence[CalleeLeg] = ()) -> None:
        """A session for the caller, if it has none yet, and for each of these legs: all in one worker."""
        legs = [leg for leg in (self.caller, *callees) if leg.session is None]
        endpoint = self.context.legs.endpoint
        requests = [OpenRequest(*endpoint.media_address(leg.flow)) for leg in legs]
        try:
            sessions = await self.context.media.open(requests, call_id=self.journal.id, beside=self.caller.session)
        except MediaUnavailable as error:
            raise self._over(error, replace(self._shortage(), retry_after=error.retry_after)) from error
        except MediaError as error:
            raise self._over(error, causes.MEDIA_FAILED) from error
        for leg, session in zip(legs, sessions, strict=True):
            leg.use(session)
        self.journal.mark("media")

    async def media(self, *operations: Awaitable[None]) -> None:
        """Wait for what the media plane was asked for; all of it was asked before, without waiting in between."""
        failure: MediaError | None = None
        for operation in operations:
            try:
                await operation
            except MediaError as error:
                failure = failure or error
        try:
            if failure is not None:
                cause = causes.MEDIA_LOST if isinstance(failure, MediaUnavailable) else causes.MEDIA_FAILED
                raise self._over(failure, cause) from failure
        finally:
            del failure  # it has this frame in its traceback: no circle is left behind

    def _shortage(self) -> Cause:
        """What there is too little of: processes, or ports in those that run."""
        workers = self.context.media.status()
        has_process = any(worker.state is WorkerState.CONNECTED for worker in workers)
        return causes.NO_MEDIA_PORT if has_process else causes.NO_MEDIA_PROCESS

    def _over(self, error: MediaError, cause: Cause) -> CallOver:
        log.warning("call %s: %s", self.journal.id, error)
        return CallOver(cause, "system")

    def configure(self, leg: Leg, remote: AudioDescription, local: AudioDescription) -> Awaitable[None]:
        """Let a leg's session know what was settled."""
        settled = settle(remote, local, leg.flow.remote.host)
        if not settled.direction.sends:
            leg.watch()
        return leg.media.configure(settled)

    async def close_media(self, legs: Sequence[Leg]) -> None:
        """Close the sessions of these legs and write their records."""
        endings = [(leg, close(leg)) for leg in legs if leg not in self._closed]
        for leg, ending in endings:
            self._closed[leg] = leg.record(await ending if ending is not None else MediaStatistics())

    def leg_records(self) -> tuple[LegRecord, ...]:
        """In the order in which they were called, the caller first."""
        return (*(self._closed.get(leg) or leg.record(MediaStatistics()) for leg in self.legs), *self.former_legs)

    # What outlives us

    def keep(self, record: CallRecord | None = None) -> list[Awaitable[None]]:
        """Leave with the media what a restarted daemon needs to go on with this call: to be done before a phone is
        told what is agreed. `record` is what the record will be then."""
        record = record or self.journal.record
        legs = [self.caller] if self.partner is None else [self.caller, self.partner]
        if record.answered_at is None or any(leg.dialog is None for leg in legs):
            return []  # it is not answered yet, or one of them has hung up
        over = tuple(self._closed[leg] for leg in self.callees if leg in self._closed) + self.former_legs
        record = replace(record, legs=over)
        state = CallState.of(
            record,
            legs,
            writer=self.context.process,
            written_at=self.context.wall_clock(),
            service=self.service.value if self.service is not None else "",
        )
        return [self.caller.media.attach(state.dump())]


def close(leg: Leg) -> Awaitable[MediaStatistics] | None:
    """Let its session end; what is awaited are the last counters. None when it has no session."""
    session, leg.session = leg.session, None
    return session.close() if session is not None else None
