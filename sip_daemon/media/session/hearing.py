"""Who hears whom: telling one-way audio and silence from a hold, a mute button or a phone that rests.

Looked at once a second, by counters alone. A leg has two directions, each with a state:

    speaks   what the phone sends          hears   what the phone says that it receives, in its RTCP reports

Thresholds, and what is no alarm by them:

* On hold, or before an answer, nothing is due (`HELD`).
* No packet within `FIRST_WITHIN` of the answer is `NOTHING`: an alarm.
* Packets that stop for `PAUSE_SECONDS` are `NOTHING` too, unless comfort noise was the last (RFC 3389) or reports still
  come: such a phone suppresses silence or is muted (`PAUSED`).
* Packets without sound for `SOUNDLESS_SECONDS` are an alarm when no sound ever came (`SOUNDLESS`): a dead microphone.
  A phone that was heard before is `MUTED`.
* The phone hears `NOTHING` when `REPORTS` in a row do not count up what we send, or do not know it, over `SENT_PACKETS`
  packets. A phone without reports is `UNKNOWN`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, NamedTuple

FIRST_WITHIN: Final = 5.0
PAUSE_SECONDS: Final = 20.0
SOUNDLESS_SECONDS: Final = 20
"""So many looks, one a second while packets come."""
REPORTS: Final = 3
SENT_PACKETS: Final = 250
DROPPED_PACKETS: Final = 10
"""So many point to a cause; fewer are strays."""


class Audio(StrEnum):
    """One direction of a leg, from harmless to grave."""

    UNKNOWN = "unknown"
    FINE = "fine"
    HELD = "held"
    PAUSED = "paused"
    MUTED = "muted"
    SOUNDLESS = "soundless"
    NOTHING = "nothing"

    @property
    def is_alarm(self) -> bool:
        return self in (Audio.SOUNDLESS, Audio.NOTHING)


class Suspicion(StrEnum):
    """The likely cause of an alarm."""

    NONE = ""
    NOT_A_PACKET = "not-a-packet"
    """Nothing came at all."""
    OTHER_ADDRESS = "other-address"
    """Packets come, but from another address than the phone announced."""
    OTHER_FORMAT = "other-format"
    """Packets come that fit no codec which was agreed."""
    NAT = "nat"
    """The phone announced a private address and is not in that network."""
    REPORTS_ONLY = "reports-only"
    """Its RTCP comes, its audio does not."""
    MICROPHONE = "microphone"
    """Packets without sound."""


class Facts(NamedTuple):
    """What is known at one moment. A tuple, since each leg makes one a second."""

    is_due: bool
    """The phone is to send."""
    is_listening: bool
    """The phone is to be sent to."""
    received: int
    """Packets of the phone; like all counts, since the leg was opened."""
    silent_in_row: int
    """Looks without sound since the last with some."""
    is_resting: bool
    """Its last packet was comfort noise."""
    dropped_source: int
    dropped_malformed: int
    sent: int
    reports: int
    """Of the phone's RTCP, whatever about."""
    heard_up_to: int | None
    """The highest sequence number in its last report about our stream."""
    announced: str | None
    """Host of its description."""
    signalling: str | None
    """Host of its signalling."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """The two directions as they stand."""

    speaks: Audio = Audio.UNKNOWN
    hears: Audio = Audio.UNKNOWN
    suspicion: Suspicion = Suspicion.NONE

    @property
    def is_alarm(self) -> bool:
        return self.speaks.is_alarm or self.hears.is_alarm


class HearingWatch:
    """Fed with `Facts` about once a second."""

    __slots__ = ("_begun", "_heard_at", "_last", "_packet_at", "_report_at", "_sounded", "hearing")

    def __init__(self) -> None:
        self.hearing = Hearing()
        self._begun: Facts | None = None
        """When audio became due."""
        self._last: Facts | None = None
        self._packet_at = 0.0
        self._report_at = 0.0
        self._heard_at: Facts | None = None
        """When a report last counted up what we send."""
        self._sounded = False

    def start(self, facts: Facts, now: float) -> None:
        """An offer and an answer: everything is due anew, and nothing proven."""
        self._begun = self._last = self._heard_at = facts
        self._packet_at = self._report_at = now

    def check(self, facts: Facts, now: float) -> Hearing:
        """The state of this moment."""
        if self._begun is None or self._last is None:
            self.start(facts, now)
        assert self._last is not None
        if facts.received != self._last.received:
            self._packet_at = now
            self._sounded = self._sounded or facts.silent_in_row == 0
        if facts.reports != self._last.reports:
            self._report_at = now
        speaks, hears = self._speaks(facts, now), self._hears(facts)
        self._last = facts
        if (speaks, hears) != (self.hearing.speaks, self.hearing.hears):
            self.hearing = Hearing(speaks, hears, self._suspicion(facts, speaks, hears))
        return self.hearing

    def _speaks(self, facts: Facts, now: float) -> Audio:
        assert self._begun is not None
        if not facts.is_due:
            return Audio.HELD
        if facts.received == self._begun.received:
            return Audio.NOTHING if now - self._packet_at >= FIRST_WITHIN else self.hearing.speaks
        if now - self._packet_at >= PAUSE_SECONDS:
            has_life = facts.is_resting or now - self._report_at < PAUSE_SECONDS
            return Audio.PAUSED if has_life else Audio.NOTHING
        if facts.silent_in_row >= SOUNDLESS_SECONDS:
            return Audio.MUTED if self._sounded else Audio.SOUNDLESS
        return Audio.FINE

    def _hears(self, facts: Facts) -> Audio:
        before = self._heard_at
        assert before is not None
        if not facts.is_listening:
            self._heard_at = facts
            return Audio.HELD
        if facts.heard_up_to != before.heard_up_to:
            self._heard_at = facts
            return Audio.FINE
        if facts.sent == self._last_sent:
            # Nothing is sent at the moment: that it hears nothing is no wonder.
            self._heard_at = facts
            return Audio.FINE if self.hearing.hears is Audio.FINE else Audio.UNKNOWN
        if facts.reports - before.reports >= REPORTS and facts.sent - before.sent >= SENT_PACKETS:
            return Audio.NOTHING
        return self.hearing.hears if self.hearing.hears is not Audio.HELD else Audio.UNKNOWN

    @property
    def _last_sent(self) -> int:
        return self._last.sent if self._last is not None else 0

    def _suspicion(self, facts: Facts, speaks: Audio, hears: Audio) -> Suspicion:
        begun = self._begun
        assert begun is not None
        if speaks is Audio.SOUNDLESS:
            return Suspicion.MICROPHONE
        if speaks is Audio.NOTHING:
            if facts.dropped_malformed - begun.dropped_malformed >= DROPPED_PACKETS:
                return Suspicion.OTHER_FORMAT
            if facts.dropped_source - begun.dropped_source >= DROPPED_PACKETS:
                return Suspicion.OTHER_ADDRESS
            if is_behind_nat(facts.announced, facts.signalling):
                return Suspicion.NAT
            return Suspicion.REPORTS_ONLY if facts.reports > begun.reports else Suspicion.NOT_A_PACKET
        if hears is Audio.NOTHING:
            is_nat = is_behind_nat(facts.announced, facts.signalling)
            return Suspicion.NAT if is_nat else Suspicion.NOT_A_PACKET
        return Suspicion.NONE


def is_behind_nat(announced: str | None, signalling: str | None) -> bool:
    """A private address in the description, and signalling from another one that is not private."""
    if announced is None or signalling is None or announced == signalling:
        return False
    try:
        described, seen = ip_address(announced), ip_address(signalling)
    except ValueError:
        return False
    return described.is_private and not seen.is_private
