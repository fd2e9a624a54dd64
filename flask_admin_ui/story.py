"""Why a call went as it did, in words: the plan that was made when it was dialled, and what became of each phone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext

from appliance.operations.history import CallView, LegView


@dataclass(frozen=True, slots=True)
class PhoneStory:
    device: str
    is_caller: bool
    words: str


@dataclass(frozen=True, slots=True)
class CallStory:
    steps: tuple[str, ...]
    """The route plan, as the phone system put it into words."""
    phones: tuple[PhoneStory, ...]


def story_of(call: CallView, legs: Sequence[LegView]) -> CallStory:
    route = call.detail.get("route")
    steps = tuple(str(step) for step in route) if isinstance(route, list) else ()
    phones = tuple(PhoneStory(leg.device, leg.side == "caller", leg_words(leg)) for leg in legs)
    return CallStory(steps, phones)


def leg_words(leg: LegView) -> str:
    """How one phone's part ended, or stands."""
    refused = re.fullmatch(r"refused (\d{3})", leg.state)
    if refused is not None:
        return refusal_words(int(refused[1]))
    is_caller = leg.side == "caller"
    match leg.state:
        case "answered":
            return str(gettext("talked") if is_caller else gettext("answered"))
        case "talking":
            return str(gettext("talks"))
        case "proceeding":
            return str(gettext("waits for an answer") if is_caller else gettext("is called"))
        case "cancelled":
            if is_caller:
                return str(gettext("gave up"))
            return str(gettext("rang until another phone answered, the time was over or the caller gave up"))
        case "unreachable":
            return str(gettext("did not answer the invitation: it is switched off, or the network is in the way"))
        case "unusable answer":
            return str(gettext("answered, but with audio that does not fit"))
        case "missed":
            return str(gettext("was not answered in time"))
        case "busy":
            return str(gettext("was told that the other side is busy"))
        case "declined":
            return str(gettext("was told that the other side declined"))
        case "failed":
            return str(gettext("was told that the call failed"))
        case "stopped":
            return str(gettext("the system stopped"))
    return leg.state


def refusal_words(status: int) -> str:
    """What a phone answered instead of taking the call; the usual statuses of RFC 3261 §21 in words."""
    match status:
        case 486 | 600:
            words = gettext("busy")
        case 480:
            words = gettext("not available: do not disturb, perhaps")
        case 603:
            words = gettext("declined")
        case 401 | 403 | 407:
            words = gettext("it does not take calls from GoSIP")
        case 404 | 410 | 604:
            words = gettext("it does not know the user")
        case 415 | 488 | 606:
            words = gettext("it takes none of the offered codecs")
        case _:
            words = gettext("refused")
    return f"{words} ({status})"
