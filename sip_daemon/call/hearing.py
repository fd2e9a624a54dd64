"""One-way audio in words: an event of the system, a line in the log, and a part of the leg's record.

The media say which direction is without sound and what that is likely to come from; here it becomes a sentence about
people. Of one leg the first alarm is an event and the rest are in its record: a bad network must not fill the journal.
"""

from __future__ import annotations

import logging
from typing import Final

from sip_daemon.call.leg import Leg
from sip_daemon.call.record import CallTrouble
from sip_daemon.call.story import Story
from sip_daemon.media_plane import MediaHearing

log = logging.getLogger(__name__)

MAX_KEPT: Final = 20
"""Changes in one leg's record."""

SUSPICIONS: Final = {
    "not-a-packet": "not a packet comes through: a firewall, or a wrong address in the phone",
    "other-address": "packets come from another address than the phone announced",
    "other-format": "packets come in a format that was not agreed",
    "nat": "the phone announces a private address and sits behind NAT",
    "reports-only": "its RTCP reports come through and its audio does not",
    "microphone": "it sends packets without sound: a dead or muted microphone",
}


def note(story: Story, leg: Leg, hearing: MediaHearing) -> None:
    """An alarm has begun, changed or ended."""
    is_first = not leg.hearing_changes
    at = story.journal.seconds()
    if len(leg.hearing_changes) < MAX_KEPT:
        change = {"at": at, "speaks": hearing.speaks, "hears": hearing.hears, "suspicion": hearing.suspicion}
        leg.hearing_changes.append(change)
    text = sentence(leg.party.extension or leg.party.device, hearing)
    log.info("call %s: %s", story.journal.id, text, extra={"at": at})
    if is_first and hearing.is_alarm:
        record = story.journal.record
        story.context.submit(
            CallTrouble(
                record,
                at=record.started_at + at,
                kind="one-way-audio",
                message=f"Call of {record.caller_number} to {record.callee_number or record.dialled}: {text}",
                detail={"call": record.id, "device": leg.party.device, "suspicion": hearing.suspicion},
            )
        )


def sentence(number: str, hearing: MediaHearing) -> str:
    """For a person."""
    if not hearing.is_alarm:
        return f"{number} is heard and hears again."
    what = {
        "nothing": f"Nobody hears {number}",
        "soundless": f"No sound comes from {number}",
    }.get(hearing.speaks, f"{number} hears nothing")
    if hearing.speaks == "nothing" and hearing.hears == "nothing":
        what = f"Nobody hears {number}, and {number} hears nothing"
    why = SUSPICIONS.get(hearing.suspicion)
    return f"{what} ({why})." if why else f"{what}."
