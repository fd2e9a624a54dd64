"""The numbers that we answer ourselves, so that one phone alone can be tried: echo and test tone."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NoReturn, assert_never

from sip_daemon.call import cause as causes
from sip_daemon.call import hearing
from sip_daemon.call.cause import CallOver
from sip_daemon.call.events import AnsweredLate, OfferWanted, Reoffered
from sip_daemon.call.routing import ServiceKind
from sip_daemon.call.story import Story
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.media_plane import MediaHearing, MediaSession, MediaSilent, Tone
from sip_daemon.sdp import SERVICE_CODECS, AudioDescription, Direction, MediaOffer, offer_answer


async def serve(story: Story, kind: ServiceKind) -> NoReturn:
    """Answer the caller and keep it company until it hangs up: always ends with `CallOver`."""
    caller = story.calling
    audio = _our_side(story, caller.offer)
    await story.open_media()
    audio = audio.with_address(caller.media.address)
    operations = []
    if caller.offer is not None:
        operations.append(story.configure(caller, caller.offer.audio, audio))
    story.service = kind
    caller.prepare_answer(audio)
    record = story.journal.answer_record()
    await story.media(*operations, _start(caller.media, kind), *story.keep(record))
    if not caller.is_over:  # else it gave up meanwhile, which is the next event
        caller.answer()
        story.journal.answered(record)
    await attend(story)


async def attend(story: Story) -> NoReturn:
    """Be there for the phone that talks to a service, until it hangs up."""
    caller = story.caller
    while True:
        leg, event = await story.next_event()
        match event:
            case Reoffered(offer=offer):
                await _agree(story, offer)
            case OfferWanted() if caller.local is not None:
                caller.write_answer(caller.local.with_direction(Direction.SENDRECV))
                caller.agree()
            case AnsweredLate(answer=answer) if caller.local is not None:
                await story.media(story.configure(caller, answer.audio, caller.local), *story.keep())
            case MediaHearing() if leg is not None:
                hearing.note(story, leg, event)
            case MediaSilent() if leg is not None:
                leg.probe()
            case _:
                pass


def _start(session: MediaSession, kind: ServiceKind) -> Awaitable[None]:
    match kind:
        case ServiceKind.ECHO:
            return session.echo(True)
        case ServiceKind.TONE:
            return session.play(Tone("test"), repeat=True)
        case _:
            assert_never(kind)


def _our_side(story: Story, offer: MediaOffer | None) -> AudioDescription:
    """G.711 is what our players speak. The address is filled in when there is one."""
    nowhere = story.caller.flow.local
    if offer is None:
        return offer_answer.default_offer(nowhere, SERVICE_CODECS)
    try:
        return offer_answer.service_answer(offer, nowhere)
    except RemoteProtocolError:
        raise CallOver(causes.INCOMPATIBLE, "system") from None


async def _agree(story: Story, offer: MediaOffer) -> None:
    """Hold and resume towards a service concern nobody else."""
    caller = story.caller
    try:
        audio = offer_answer.service_answer(offer, caller.media.address)
    except RemoteProtocolError:
        caller.disagree(488)
        return
    caller.write_answer(audio)
    await story.media(story.configure(caller, offer.audio, audio), *story.keep())
    caller.agree()
