"""Whether we can keep up, and whose requests are put off when we cannot.

Theory of operation. A burst waits and drains; work that waits without a break for longer is a standing queue, the one
sign of overload that depends on no rate and no machine (the idea of CoDel, RFC 8289 §3). Two places are watched: the
UDP sockets, which say after a wake that took all it may whether a hundred messages or more still wait, and the loop,
whose turns get long when many connections have something to say. (Less than that is no queue: of a dozen peers that
go on at once, each has its next request there before the share of a wake is done.) What is put off is answered 503
with Retry-After (RFC 3261 §21.5.4) before anything is looked up or kept, in two steps: strangers first; new calls too
when that does not help. Requests in dialogs, and registrations of phones from the sockets that they are registered
from, go on.

The rule: as long as nothing waits, a request costs one look at a flag, and one on a connection a turn of the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from sip_daemon.defence.defence import News
from sip_daemon.defence.neighbours import Neighbours
from sip_daemon.flow import Flow
from sip_daemon.message import Request

RETRY_SECONDS: Final = 5
RETRY_SPREAD: Final = 11
"""Retry-After goes from 5 to 15 seconds in turn, so that those put off together do not come back together."""


@dataclass(frozen=True, slots=True)
class OverloadLimits:
    """How long work may wait. A site of 500 phones that boots is answered within the first of these."""

    strangers_after: float = 0.5
    """Seconds of a standing queue until strangers are put off."""
    calls_after: float = 2.0
    """The same for new calls of anybody."""
    calm_seconds: float = 1.0
    """So long after the last sign of it we let everybody in again."""
    turn_seconds: float = 0.1
    """A turn of the loop that takes longer is a sign of a queue."""
    datagrams_seconds: float = 0.25
    """The next sign of waiting datagrams must follow within: a socket that has more is read again at once."""
    turns_seconds: float = 0.5
    """The same for a long turn, or twice what it took."""
    episode_seconds: float = 60.0
    """Overloads with less between them are one for whoever reads the events."""


class Step(IntEnum):
    """How much is put off."""

    NONE = 0
    STRANGERS = 1
    CALLS = 2


class StandingQueue:
    """Since when work has been waiting without a break."""

    __slots__ = ("_holds_until", "_latest", "_since")

    def __init__(self) -> None:
        self._since = self._latest = 0.0
        """The first and the last sign of it."""
        self._holds_until = 0.0

    def waits(self, now: float, seconds: float) -> None:
        """A sign that work waits. It stands alone unless the next one follows within `seconds`."""
        if now > self._holds_until:
            self._since = now
        self._latest = now
        self._holds_until = now + seconds

    def drained(self) -> None:
        self._holds_until = 0.0

    def stands(self, now: float) -> bool:
        return now <= self._holds_until

    def age(self, now: float) -> float:
        """Seconds between the first sign and the last; 0 when there was one only, or nothing waits."""
        return self._latest - self._since if self.stands(now) else 0.0


class Overload:
    """Hears of queues, and says who is put off. Not told of time: it has a clock."""

    def __init__(
        self,
        neighbours: Neighbours,
        *,
        clock: Callable[[], float],
        soon: Callable[[Callable[[], None]], object],
        report: Callable[[News], None],
        limits: OverloadLimits | None = None,
    ) -> None:
        """`soon` calls back on the next turn of the loop."""
        self._neighbours = neighbours
        self._clock = clock
        self._soon = soon
        self._report = report
        self._limits = limits or OverloadLimits()
        self._datagrams = StandingQueue()
        self._turns = StandingQueue()
        self._is_watching = False
        """Whether there was any sign lately."""
        self._is_timing = False
        self._turn_began = 0.0
        self._until = {Step.STRANGERS: 0.0, Step.CALLS: 0.0}
        self._told_at: float | None = None
        """When the running episode had its last refusal."""
        self._refused_before = 0
        self.refused = 0
        """Requests that were put off, ever."""

    # What the transport and the loop show

    def datagrams_wait(self, has_backlog: bool) -> None:
        """After a wake: whether a backlog waits."""
        if has_backlog:
            self._is_watching = True
            self._datagrams.waits(self._clock(), self._limits.datagrams_seconds)
        else:
            self._datagrams.drained()

    def _time_turn(self) -> None:
        self._is_timing = True
        self._turn_began = self._clock()
        self._soon(self._turned)

    def _turned(self) -> None:
        self._is_timing = False
        now = self._clock()
        took = now - self._turn_began
        if took > self._limits.turn_seconds:
            self._is_watching = True
            self._turns.waits(now, max(self._limits.turns_seconds, 2 * took))
        else:
            self._turns.drained()

    # Whom we put off

    def puts_off(self, request: Request, flow: Flow) -> int | None:
        """Seconds after which a request outside any dialog may come again; None: it is looked at now."""
        if flow.connection and not self._is_timing:
            self._time_turn()
        if not self._is_watching:
            return None
        now = self._clock()
        step = self._step(now)
        if step is Step.NONE or self._goes_on(request, flow, step, now):
            return None
        self._tell_of_begin(now)
        self.refused += 1
        return RETRY_SECONDS + self.refused % RETRY_SPREAD

    def _goes_on(self, request: Request, flow: Flow, step: Step, now: float) -> bool:
        if step is Step.STRANGERS:
            return self._neighbours.has_phone(flow.remote.host, now)
        return request.method == "REGISTER" and self._neighbours.is_phone(flow, now)

    def _step(self, now: float) -> Step:
        limits, until = self._limits, self._until
        age = max(self._datagrams.age(now), self._turns.age(now))
        if age >= limits.strangers_after:
            until[Step.STRANGERS] = now + limits.calm_seconds
        if age >= limits.calls_after:
            until[Step.CALLS] = now + limits.calm_seconds
        step = max((one for one in until if now < until[one]), default=Step.NONE)
        self._is_watching = step is not Step.NONE or self._datagrams.stands(now) or self._turns.stands(now)
        return step

    # What a person hears of it

    @property
    def state(self) -> dict[str, object]:
        """JSON: what is put off now, and how many requests were."""
        return {"puts_off": self._step(self._clock()).name.lower(), "refused": self.refused}

    def expire(self) -> None:
        """To be called each second or so."""
        if self._told_at is not None and self._clock() - self._told_at >= self._limits.episode_seconds:
            count = self.refused - self._refused_before
            self._told_at = None
            self._report(News("overload-over", f"Everybody is answered again. {count} requests were put off.", "info"))

    def _tell_of_begin(self, now: float) -> None:
        if self._told_at is None:
            self._refused_before = self.refused
            self._report(
                News(
                    "overloaded",
                    "More requests come than this machine can answer. Calls go on and phones stay registered; others "
                    "are told to come back in some seconds.",
                )
            )
        self._told_at = now
