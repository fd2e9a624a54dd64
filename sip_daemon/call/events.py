"""What a leg, the media or a timer tells the call: the only values that cross between the parts of a call.

No SIP message is among them. A leg posts an event at the moment it happens; the call's one coroutine takes them
in that order.
"""

from __future__ import annotations

from dataclasses import dataclass

from sip_daemon.call.cause import Cause
from sip_daemon.media_plane import MediaEvent
from sip_daemon.sdp import MediaAnswer, MediaOffer


@dataclass(frozen=True, slots=True)
class Ringing:
    """The called phone rings (180)."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """The called phone sends media before it is answered (183 with SDP)."""

    answer: MediaAnswer


@dataclass(frozen=True, slots=True)
class Answered:
    """The called phone was answered; its leg has acknowledged."""

    answer: MediaAnswer


@dataclass(frozen=True, slots=True)
class Refused:
    """The called phone will not be answered any more."""

    cause: Cause
    status: int
    """The phone's own final status; 408 for silence, 503 for no way to it."""

    @property
    def is_global(self) -> bool:
        """Whether it speaks for all phones of the person (RFC 3261 §16.7 step 5: any 6xx)."""
        return self.status >= 600


@dataclass(frozen=True, slots=True)
class Reoffered:
    """A leg wants other media: hold, resume, another codec or address (a re-INVITE, an UPDATE)."""

    offer: MediaOffer
    is_urgent: bool = False
    """Whether it must be answered within seconds: it came by another request than INVITE."""


@dataclass(frozen=True, slots=True)
class OfferWanted:
    """A re-INVITE without an offer: the phone wants to hear ours, and answers with its ACK."""


@dataclass(frozen=True, slots=True)
class ReofferWithdrawn:
    """The phone cancelled its re-INVITE before it was answered, or its UPDATE had no answer in time."""


@dataclass(frozen=True, slots=True)
class Reanswered:
    """The phone agreed to the media that we proposed to it."""

    answer: MediaAnswer


@dataclass(frozen=True, slots=True)
class ReofferRefused:
    """The phone did not agree; what was agreed before still holds (RFC 3261 §14.1)."""

    status: int
    retry_after: int | None = None
    """Seconds after which the phone wants to be asked again."""


@dataclass(frozen=True, slots=True)
class AnsweredLate:
    """An answer that came with the ACK, to an offer that we made in our 200 (RFC 3264 by RFC 3261 §13.2.1)."""

    answer: MediaAnswer


@dataclass(frozen=True, slots=True)
class Ended:
    """The leg is over: hung up, cancelled or vanished."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class RingingTimedOut:
    """The step's time is up."""


@dataclass(frozen=True, slots=True)
class NextTurn:
    """The phones that come next in order are to ring too."""


@dataclass(frozen=True, slots=True)
class HangUpRequested:
    """Somebody who is no party of the call ends it."""

    cause: Cause
    by: str


CallEvent = (
    Ringing
    | Progressed
    | Answered
    | Refused
    | Reoffered
    | OfferWanted
    | ReofferWithdrawn
    | Reanswered
    | ReofferRefused
    | AnsweredLate
    | Ended
    | RingingTimedOut
    | NextTurn
    | HangUpRequested
    | MediaEvent
)
