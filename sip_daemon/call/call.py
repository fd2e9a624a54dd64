"""One call from its INVITE to its record: the story, told by one coroutine.

Theory of operation. `run` follows the route plan step by step until one is answered, serves those who talk, and writes
the record in the end. Legs answer their phones at once and by themselves; the story decides what happens next.
`CallOver` leaves it from any depth, with the cause for the phones that are left and for the record.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, assert_never

from sip_daemon.call import cause as causes
from sip_daemon.call.cause import CallOver, Cause
from sip_daemon.call.events import HangUpRequested
from sip_daemon.call.record import CallStatus
from sip_daemon.call.ringing import RingingStep, StepFailed
from sip_daemon.call.routing import Reject, Ring, RoutePlan, Service, Step, explain
from sip_daemon.call.service import serve
from sip_daemon.call.story import Story
from sip_daemon.errors import MediaError

log = logging.getLogger(__name__)

MEDIA_END_WITHIN: Final = 0.5
"""Seconds for the last counters: the record of a call does not wait for a process that hangs."""


class Call:
    """A story and the plan that it follows."""

    def __init__(self, story: Story, route: RoutePlan) -> None:
        self.story = story
        self.route = route
        self.is_leaving = False
        """Whether it goes on without this process: when its task is cancelled, nobody is told."""

    @property
    def id(self) -> str:
        return self.story.journal.id

    def hang_up(self, cause: Cause, by: str) -> None:
        """Let it end, from outside."""
        self.story.post(None, HangUpRequested(cause, by))

    @property
    def is_established(self) -> bool:
        """Whether it is kept, so that it can go on without us."""
        return self.story.journal.record.status is CallStatus.TALKING

    async def keep(self) -> None:
        """Leave the state of this moment for another process; if that fails, an earlier one is there."""
        try:
            for operation in self.story.keep():
                await operation
        except MediaError as error:
            log.warning("the last state of call %s could not be kept: %s", self.id, error)

    async def run(self) -> None:
        """The whole of it. An error of ours ends this one call with 500; whoever cancels it gets phones told, and a
        record, all the same, unless it is leaving."""
        over: CallOver | None = CallOver(causes.STOPPED, "system")
        try:
            over = await self._tell()
        except Exception:
            log.exception("call %s failed", self.id)
            over = CallOver(causes.INTERNAL_ERROR, "system")
        except asyncio.CancelledError:
            over = None if self.is_leaving else over
            raise
        finally:
            if over is not None:
                await self._finish(over)

    async def _tell(self) -> CallOver:
        self.story.journal.started(self.route.callee_number, self.route.callee_name, explain(self.route))
        failures: list[Cause] = []
        try:
            self.story.calling.read_offer()
            for step in self.route.steps:
                try:
                    await self._take(step)
                except StepFailed as failure:
                    failures.append(failure.cause)
        except CallOver as over:
            return over
        return CallOver(causes.best(failures), "callee" if has_human_answer(failures) else "system")

    async def _take(self, step: Step) -> None:
        match step:
            case Ring():
                ringing = RingingStep(self.story, step, self.route.callee_number, self.route.callee_name)
                leg, answer = await ringing.run()
                talk = ringing.talk_with(leg)
                await talk.connect(answer)
                losers = [other for other in self.story.callees if other is not leg]
                if losers:
                    await self.story.close_media(losers)
                    await self.story.media(*self.story.keep())
                await talk.run()
            case Service():
                await serve(self.story, step.kind)
            case Reject():
                raise CallOver(causes.of_plan(step.status, step.text), "system")
            case _:
                assert_never(step)

    async def _finish(self, over: CallOver) -> None:
        """Part with the phones at once, then with the media. The record does not depend on any of them."""
        try:
            for leg in self.story.legs:
                leg.detach()
                leg.hang_up(over.cause)
            async with asyncio.timeout(MEDIA_END_WITHIN):
                await self.story.close_media(self.story.legs)
        except TimeoutError:
            log.warning("call %s: its media process did not answer; the last counters are missing", self.id)
        except Exception:
            log.exception("call %s did not end well", self.id)
        finally:
            self.story.journal.ended(over.cause, over.ended_by, self.story.leg_records())


def has_human_answer(causes_: list[Cause]) -> bool:
    """Whether somebody at the called phone decided it."""
    return any(cause in (causes.BUSY, causes.DECLINED) for cause in causes_)
