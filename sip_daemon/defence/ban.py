"""Bans: who, why, since when and until when.

The rule: a ban is a value, and the table is the only one that makes them. What a person sees and the disk keeps is wall
time; what ends a ban is the monotonic clock, so a clock that is set moves no ban that runs.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from sip_daemon.defence.limits import DefenceLimits

WRONG_CREDENTIALS: Final = "wrong-credentials"
SCANNING: Final = "scanning"
MALFORMED: Final = "malformed"
MANUAL: Final = "manual"


@dataclass(frozen=True, slots=True)
class Ban:
    """One source that is kept out, or was until a moment ago."""

    source: str
    """An IPv4 address or an IPv6 /64."""
    reason: str
    """`wrong-credentials`, `scanning`, `malformed` or `manual`."""
    since: float
    """Unix seconds."""
    until: float | None
    """Unix seconds; None: until somebody ends it."""
    count: int = 1
    """How many bans of this source there have been."""
    note: str = ""
    """What a person wrote to it."""
    is_mute: bool = False
    """Short and not kept: nothing proves that the source is the one that sent."""


@dataclass(frozen=True, slots=True)
class BanChange:
    """For `store`, the firewall and whoever reads the events."""

    ban: Ban
    is_over: bool = False
    """The ban is over, but kept to remember the count."""
    is_forgotten: bool = False


class BanTable:
    """All bans, those that run and those that are remembered; beyond `max_bans` the one that ends first goes."""

    def __init__(self, limits: DefenceLimits) -> None:
        self._limits = limits
        self._bans: dict[str, Ban] = {}
        self._ends: dict[str, float] = {}
        """When each that runs ends; monotonic, without those that have no end."""
        self._heap: list[tuple[float, str]] = []
        self._forget_at: dict[str, float] = {}
        self._evicted: list[BanChange] = []

    def __len__(self) -> int:
        """How many run."""
        return len(self._bans) - len(self._forget_at)

    def __iter__(self) -> Iterator[Ban]:
        """Those that run, the latest first."""
        running = (ban for source, ban in self._bans.items() if source not in self._forget_at)
        return iter(sorted(running, key=lambda ban: ban.since, reverse=True))

    def get(self, source: str) -> Ban | None:
        """The ban of that source that runs now."""
        return None if source in self._forget_at else self._bans.get(source)

    def load(self, bans: Iterable[Ban], now: float, wall: float) -> None:
        """Those of the last run of this program, with the time that is left of each."""
        for ban in bans:
            self._bans[ban.source] = ban
            if ban.until is None:
                continue
            left = ban.until - wall
            if left > 0:
                self._end_at(ban.source, now + left)
            else:
                self._remember(ban.source, now + left)
        self._expire_memory(now)

    def add(
        self,
        source: str,
        reason: str,
        now: float,
        wall: float,
        *,
        seconds: float | None = None,
        for_good: bool = False,
        note: str = "",
    ) -> Ban:
        """Ban it: for `seconds`, for good, or as long as its count of bans says."""
        known = self._bans.get(source)
        count = known.count + 1 if known is not None else 1
        if seconds is None:
            seconds = min(self._limits.first_ban_seconds * 2.0 ** min(count - 1, 30), self._limits.longest_ban_seconds)
        self._drop(source)
        self._make_room()
        ban = Ban(source, reason, wall, None if for_good else wall + seconds, count, note)
        self._bans[source] = ban
        if not for_good:
            self._end_at(source, now + seconds)
        return ban

    def mute(self, source: str, reason: str, now: float, wall: float) -> Ban:
        """Keep it out for a moment; how often does not count."""
        known = self._bans.get(source)
        self._drop(source)
        self._make_room()
        count = known.count if known is not None else 0
        ban = Ban(source, reason, wall, wall + self._limits.mute_seconds, count, is_mute=True)
        self._bans[source] = ban
        self._end_at(source, now + self._limits.mute_seconds)
        return ban

    def remove(self, source: str) -> Ban | None:
        """End it and forget it: whoever takes a ban back says that it was wrong. None when it does not run."""
        ban = self.get(source)
        if ban is not None:
            self._drop(source)
        return ban

    def expire(self, now: float) -> list[BanChange]:
        """The bans that ended, those that were remembered long enough, and those that made room for others."""
        over, self._evicted = self._evicted, []
        while self._heap and self._heap[0][0] <= now:
            at, source = heapq.heappop(self._heap)
            if self._ends.get(source) != at:
                continue
            ban = self._bans[source]
            if ban.count == 0:
                self._drop(source)
            else:
                if ban.is_mute:
                    self._bans[source] = replace(ban, is_mute=False)
                self._remember(source, now)
            over.append(BanChange(ban, is_over=True))
        over += [BanChange(ban, is_forgotten=True) for ban in self._expire_memory(now)]
        return over

    def _end_at(self, source: str, at: float) -> None:
        self._ends[source] = at
        heapq.heappush(self._heap, (at, source))

    def _remember(self, source: str, now: float) -> None:
        self._ends.pop(source, None)
        self._forget_at[source] = now + self._limits.memory_seconds

    def _expire_memory(self, now: float) -> list[Ban]:
        old = [source for source, at in self._forget_at.items() if at <= now]
        return [ban for source in old if (ban := self._drop(source)) is not None]

    def _drop(self, source: str) -> Ban | None:
        self._ends.pop(source, None)
        self._forget_at.pop(source, None)
        return self._bans.pop(source, None)

    def _make_room(self) -> None:
        """What is only remembered goes first, then what ends first; what a person banned for good never."""
        if len(self._bans) < self._limits.max_bans:
            return
        by_age = self._forget_at or self._ends
        ban = self._drop(min(by_age, key=by_age.__getitem__)) if by_age else None
        if ban is not None:
            self._evicted.append(BanChange(ban, is_forgotten=True))
