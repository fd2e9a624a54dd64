"""The chapter "talking": from the answer to the first BYE.

A phone that wants other media (hold, resume, another codec or address) sends a re-INVITE. What concerns the other
phone is carried across: it is proposed there, and what comes back is the answer here. One of them may be on its way at
a time; a second is told 491 (RFC 3261 §14.2) and comes again by itself. Until both sides agreed, nothing changes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import NoReturn

from sip_daemon.call import cause as causes
from sip_daemon.call import hearing
from sip_daemon.call.cause import CallOver
from sip_daemon.call.dialog_leg import LegState
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
from sip_daemon.call.leg import Leg
from sip_daemon.call.negotiation import carry_answer, changes_nothing, single, takes
from sip_daemon.call.story import Story
from sip_daemon.media_plane import DigitPressed, MediaHearing, MediaSilent
from sip_daemon.sdp import AudioDescription, MediaAnswer, MediaOffer, offer_answer

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Crossing:
    """A re-INVITE on its way across."""

    asking: Leg
    asked: Leg
    offer: MediaOffer
    before: AudioDescription
    """What we had last said to the asked phone, in case all has to be taken back."""
    is_withdrawn: bool = False


class Talk:
    """Two legs and what they agree on."""

    def __init__(self, story: Story, callee: Leg, *, is_early: bool = False) -> None:
        self._story = story
        self._caller = story.caller
        self._callee = story.partner = callee
        self._crossing: Crossing | None = None
        self._is_early = is_early
        """Whether the two had heard each other before the answer."""

    async def connect(self, answer: MediaAnswer) -> None:
        """Join the two and answer the caller. Raises `CallOver` when they cannot understand each other."""
        story, caller, callee = self._story, self._story.calling, self._callee
        if callee.local is None:
            raise CallOver(causes.BAD_ANSWER, "system")
        operations = [story.configure(callee, answer.audio, callee.local)]
        if self._is_early and caller.has_agreed and caller.local is not None and caller.remote is not None:
            audio = caller.local
            operations.append(story.configure(caller, caller.remote, audio))
        elif caller.offer is None:
            # The INVITE brought no offer: ours goes out with the 200, the ACK answers it (`AnsweredLate`).
            codecs = single(offer_answer.common_codecs(callee.local.codecs, answer.audio.codecs))
            audio = offer_answer.default_offer(caller.media.address, codecs).with_direction(answer.audio.direction)
        else:
            carried = carry_answer(caller.offer, answer.audio, caller.media.address)
            if carried is None:
                raise CallOver(causes.INCOMPATIBLE, "system")
            audio = carried
            operations.append(story.configure(caller, caller.offer.audio, audio))
        caller.prepare_answer(audio)
        record = story.journal.answer_record()
        await story.media(*operations, caller.media.bridge(callee.media), *story.keep(record))
        if not caller.is_over:  # else it gave up meanwhile, and `run` hears of it first
            caller.answer()
            story.journal.answered(record)

    async def run(self) -> NoReturn:
        """Serve both until one of them, or something else, ends it with `CallOver`."""
        while True:
            leg, event = await self._story.next_event()
            match event:
                case Ended(cause=cause) if leg is self._callee:
                    raise CallOver(cause, "callee" if cause.is_by_phone else "system")
                case MediaSilent(seconds=seconds) if leg is not None:
                    log.info("call %s: nothing heard from the %s for %d s", self._story.journal.id, leg, seconds)
                    leg.probe()
                case MediaHearing() if leg is not None:
                    hearing.note(self._story, leg, event)
                case DigitPressed(digit=digit):
                    log.debug("call %s: %s pressed %s", self._story.journal.id, leg, digit)
                case _ if leg is None or not await self.handle(leg, event):
                    log.debug("call %s: %s while talking", self._story.journal.id, event)

    async def handle(self, leg: Leg, event: CallEvent) -> bool:
        """What concerns the media of the two, before the answer as well as after it; False for anything else."""
        match event:
            case Reoffered(offer=offer, is_urgent=is_urgent):
                await self._receive_offer(leg, offer, is_urgent)
            case OfferWanted():
                self._make_offer(leg)
            case AnsweredLate(answer=answer):
                await self._receive_late_answer(leg, answer)
            case Reanswered(answer=answer):
                await self._receive_answer(leg, answer)
            case ReofferRefused(status=status, retry_after=retry_after):
                self._receive_refusal(leg, status, retry_after)
            case ReofferWithdrawn():
                self._receive_withdrawal(leg)
            case _:
                return False
        return True

    def _other(self, leg: Leg) -> Leg:
        return self._callee if leg is self._caller else self._caller

    def concerns(self, leg: Leg | None) -> bool:
        """Whether it is one of the two."""
        return leg is self._caller or leg is self._callee

    async def _receive_offer(self, leg: Leg, offer: MediaOffer, is_urgent: bool) -> None:
        other = self._other(leg)
        if other.local is None or other.remote is None:
            leg.disagree(491)
        elif leg.remote is not None and changes_nothing(leg.remote, offer.audio):
            await self._agree(leg, offer, other.remote)
        elif self._crossing is not None:
            leg.disagree(491)
        elif not other.can_propose:
            # Before the answer it is not a matter of time, but of what the other phone can do at all.
            leg.disagree(488 if self._caller.state is LegState.PROCEEDING else 491)
        else:
            self._crossing = Crossing(leg, other, offer, other.local)
            other.propose(other.offer_for(offer.audio), is_urgent=is_urgent)
            # Should we die meanwhile, whoever takes the call up knows that this phone waits for an answer.
            await self._story.media(*self._story.keep())

    async def _agree(self, leg: Leg, offer: MediaOffer, other: AudioDescription) -> bool:
        """Answer the re-INVITE with what the other phone says."""
        audio = carry_answer(offer, other, leg.media.address)
        if audio is None:
            leg.disagree(488)
            return False
        leg.write_answer(audio)
        await self._story.media(self._story.configure(leg, offer.audio, audio), *self._story.keep())
        leg.agree()
        return True

    async def _receive_answer(self, leg: Leg, answer: MediaAnswer) -> None:
        crossing = self._crossing
        if crossing is None or leg is not crossing.asked:
            await self._settle_alone(leg)
            return
        self._crossing = None
        is_agreed = False
        if not crossing.is_withdrawn:
            await self._settle_alone(leg)
            is_agreed = await self._agree(crossing.asking, crossing.offer, answer.audio)
        if not is_agreed:
            leg.insist(crossing.before)

    async def _settle_alone(self, leg: Leg) -> None:
        """Tell the media plane what this leg has agreed on."""
        if leg.remote is not None and leg.local is not None:
            operation = self._story.configure(leg, leg.remote, leg.local)
            await self._story.media(operation, *self._story.keep())

    def _receive_refusal(self, leg: Leg, status: int, retry_after: int | None) -> None:
        """The asking phone hears 491 and 500 as they came: both phones come again, each in its own time (§14.1)."""
        crossing = self._crossing
        if crossing is None or leg is not crossing.asked:
            return
        self._crossing = None
        if status == 500 and retry_after is not None:
            crossing.asking.disagree(500, [("Retry-After", str(retry_after))])
        else:
            crossing.asking.disagree(491 if status == 491 else 488)

    def _receive_withdrawal(self, leg: Leg) -> None:
        if self._crossing is not None and leg is self._crossing.asking:
            self._crossing.is_withdrawn = True
            self._crossing.asked.withdraw()

    def _make_offer(self, leg: Leg) -> None:
        """A re-INVITE without an offer: say what holds now, with the direction of the other phone."""
        other = self._other(leg)
        if leg.local is None or other.remote is None or self._crossing is not None:
            leg.disagree(491)
        else:
            leg.write_answer(leg.local.with_direction(other.remote.direction))
            leg.agree()

    async def _receive_late_answer(self, leg: Leg, answer: MediaAnswer) -> None:
        await self._settle_alone(leg)
        other = self._other(leg)
        if other.local is None or other.remote is None:
            return
        if other.local.direction is not answer.audio.direction or not takes(answer.audio, other.remote.codecs):
            other.insist(other.offer_for(answer.audio))
