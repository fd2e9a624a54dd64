"""The step "ring": every contact of every device, in the order of their q; the first answer wins.

Contacts of equal q ring together, those of lower q join when their turn comes (RFC 3261 §16.6, §16.7, as a UAC): the
time of the step is shared evenly, and a turn comes at once when nothing rings any more. Where nobody says anything of
q, all ring at once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from sip_daemon.call import cause as causes
from sip_daemon.call.callee_leg import CalleeLeg
from sip_daemon.call.cause import ELSEWHERE, CallOver, Cause
from sip_daemon.call.dialog_leg import Party
from sip_daemon.call.events import (
    Answered,
    CallEvent,
    NextTurn,
    Progressed,
    Refused,
    Reoffered,
    Ringing,
    RingingTimedOut,
)
from sip_daemon.call.leg import Leg
from sip_daemon.call.negotiation import carry_answer
from sip_daemon.call.routing import Ring
from sip_daemon.call.story import Story
from sip_daemon.call.talking import Talk
from sip_daemon.endpoint import Handle
from sip_daemon.errors import SipError
from sip_daemon.registrar import Binding
from sip_daemon.sdp import AudioDescription, MediaAnswer, offer_answer

log = logging.getLogger(__name__)

MAX_BRANCHES: Final = 32
"""Contacts that one call rings: each takes a media session, and one INVITE must not set off hundreds."""


SHORTEST_TURN: Final = 5.0
"""Seconds: phones of many different q would else ring for a moment each."""


class StepFailed(SipError):
    """Nobody answered: the plan goes on with its next step."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.text)
        self.cause = cause


class RingingStep:
    """One step of the plan, from the first INVITE to the first answer."""

    def __init__(self, story: Story, step: Ring, number: str, name: str) -> None:
        self._story = story
        self._step = step
        self._number = number
        self._name = name
        self._ringing: list[CalleeLeg] = []
        """The legs that may still be answered."""
        self._waiting: list[list[CalleeLeg]] = []
        """Those whose turn has not come, by falling q."""
        self._turn: Handle | None = None
        self._share = 0.0
        """Seconds between two turns."""
        self._failures: list[Cause] = []
        self._early: Talk | None = None
        """The caller and the phone whose early media it hears."""

    async def run(self) -> tuple[CalleeLeg, MediaAnswer]:
        """The leg that was answered, and its answer. Raises `StepFailed`, or `CallOver` when the caller gave up."""
        story = self._story
        self._waiting = self._make_legs()
        if not self._waiting:
            raise StepFailed(causes.NOT_REGISTERED)
        self._share = max(SHORTEST_TURN, self._step.seconds / len(self._waiting))
        legs = self._waiting.pop(0)
        await story.open_media(legs)
        timer = story.context.legs.endpoint.call_later(self._step.seconds, lambda: story.post(None, RingingTimedOut()))
        try:
            self._invite(legs)
            return await self._wait()
        finally:
            timer.cancel()
            self._stop_turn()

    def _make_legs(self) -> list[list[CalleeLeg]]:
        context = self._story.context
        phones = [phone for username in self._step.usernames for phone in by_phone(context.locate(username))]
        if len(phones) > MAX_BRANCHES:
            log.warning("call %s: only %d of %d phones ring", self._story.journal.id, MAX_BRANCHES, len(phones))
            phones = sorted(phones, key=lambda flows: -flows[0].registered_at)[:MAX_BRANCHES]
        return [[self._make_leg(*phone) for phone in group] for group in by_preference(phones)]

    def _make_leg(self, binding: Binding, *spare: Binding) -> CalleeLeg:
        party = Party(binding.username, self._number, self._number, self._name)
        return CalleeLeg(self._story.context.legs, party, binding, binding.flow, self._story.post, spare)

    def _invite(self, legs: list[CalleeLeg]) -> None:
        caller = self._story.calling
        # Indirect loops run down Max-Forwards, since each of our legs is a dialog of its own (RFC 3261 §8.1.1.6).
        max_forwards = caller.max_forwards - 1
        self._story.callees.extend(legs)
        self._ringing += legs
        if caller.is_over:
            return
        for leg in legs:
            leg.invite(caller.party, self._offer(leg), max_forwards)
        self._story.journal.mark("invited")
        if self._waiting:
            endpoint, post = self._story.context.legs.endpoint, self._story.post
            self._turn = endpoint.call_later(self._share, lambda: post(None, NextTurn()))

    async def _take_turn(self) -> None:
        """Let the next ones ring. A shortage of media ports is no reason to silence those that ring already."""
        self._stop_turn()
        if not self._waiting:
            return
        legs = self._waiting.pop(0)
        try:
            await self._story.open_media(legs)
        except CallOver:
            if not self._ringing:
                raise
            self._waiting.clear()
        else:
            self._invite(legs)

    def _stop_turn(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _offer(self, leg: CalleeLeg) -> AudioDescription:
        offer = self._story.calling.offer
        if offer is None:
            return offer_answer.default_offer(leg.media.address)
        return leg.offer_for(offer.audio)

    async def _wait(self) -> tuple[CalleeLeg, MediaAnswer]:
        while True:
            leg, event = await self._story.next_event()
            match event:
                case Ringing():
                    self._story.journal.rang()
                    self._story.calling.ring()
                case Progressed(answer=answer) if isinstance(leg, CalleeLeg):
                    await self._relay_early_media(leg, answer)
                case Answered(answer=answer) if isinstance(leg, CalleeLeg):
                    self._stop_ringing(ELSEWHERE, but=leg)
                    return leg, answer
                case Refused() if isinstance(leg, CalleeLeg):
                    await self._note_refusal(leg, event)
                case NextTurn():
                    await self._take_turn()
                case RingingTimedOut():
                    self._fail(causes.NO_ANSWER if self._has_been_heard else causes.UNREACHABLE)
                case _:
                    await self._renegotiate(leg, event)

    @property
    def _has_been_heard(self) -> bool:
        """Whether any phone rang, or played something instead."""
        return self._story.journal.record.ringing_at is not None or self._early is not None

    async def _note_refusal(self, leg: CalleeLeg, refusal: Refused) -> None:
        if leg in self._ringing:
            self._ringing.remove(leg)
        if refusal.is_global or not (self._ringing or self._waiting):
            self._fail(refusal.cause)
        self._failures.append(refusal.cause)
        if not self._ringing:
            await self._take_turn()

    def _fail(self, last: Cause) -> None:
        cause = causes.best([*self._failures, last])
        self._stop_ringing(cause.reason)
        raise StepFailed(cause)

    def _stop_ringing(self, reason: str, but: CalleeLeg | None = None) -> None:
        for leg in self._ringing:
            if leg is not but:
                leg.cancel(reason)
                leg.hang_up(causes.NORMAL)  # one that was answered in the same moment

    def talk_with(self, leg: CalleeLeg) -> Talk:
        """The next chapter, with what the two have agreed on already."""
        early = self._early
        return early if early is not None and early.concerns(leg) else Talk(self._story, leg)

    async def _renegotiate(self, leg: Leg | None, event: CallEvent) -> None:
        """Other media before the answer (RFC 3311): between the caller and the phone that it hears."""
        if self._early is not None and self._early.concerns(leg) and leg is not None:
            if await self._early.handle(leg, event):
                return
        elif isinstance(event, Reoffered) and leg is not None:
            leg.disagree(488)
            return
        log.debug("call %s: %s while ringing", self._story.journal.id, event)

    async def _relay_early_media(self, leg: CalleeLeg, answer: MediaAnswer) -> None:
        """Only from the first that offers it: two announcements at once would be noise."""
        story, caller = self._story, self._story.calling
        if self._early is not None or caller.offer is None or leg.local is None or caller.is_over:
            return
        audio = carry_answer(caller.offer, answer.audio, caller.media.address)
        if audio is None:
            return
        self._early = Talk(story, leg, is_early=True)
        await story.media(
            story.configure(leg, answer.audio, leg.local),
            story.configure(caller, caller.offer.audio, audio),
            caller.media.bridge(leg.media),
        )
        caller.send_early_media(audio)
        story.journal.mark("early_media")


def by_phone(bindings: Sequence[Binding]) -> list[list[Binding]]:
    """The bindings that ring, each with the further flows of the same phone behind it (RFC 5626 §7: to one instance one
    request at a time, and the flow that was registered or refreshed last goes first).

    A spare flow of the other address family is left out: the media session has an address of the first one's.
    """
    if not any(binding.reg_id for binding in bindings):
        return [[binding] for binding in bindings]
    phones: dict[str, list[Binding]] = {}
    for binding in sorted(bindings, key=lambda one: (one.q, one.expires_at), reverse=True):
        flows = phones.setdefault(binding.instance if binding.instance and binding.reg_id else binding.key, [])
        if not flows or flows[0].flow.remote.is_ipv6 == binding.flow.remote.is_ipv6:
            flows.append(binding)
    return list(phones.values())


def by_preference(phones: Sequence[list[Binding]]) -> list[list[list[Binding]]]:
    """Phones of equal q together, the highest first (RFC 3261 §10.2.1.2); the q of a phone is that of its best flow."""
    groups: dict[float, list[list[Binding]]] = {}
    for flows in phones:
        groups.setdefault(flows[0].q, []).append(flows)
    return [groups[q] for q in sorted(groups, reverse=True)]
