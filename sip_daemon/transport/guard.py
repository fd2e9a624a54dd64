"""Rates for peers that have proven nothing yet: how often one is answered, how often one is logged.

Both tables are bounded; when one is full the oldest entry makes room, so forged sources cost no memory.
A source is an IPv4 address or an IPv6 /64, for a single host may use all of the latter.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sip_daemon.flow import source_of


@dataclass(slots=True)
class TokenBucket:
    """`rate` tokens a second, at most `burst` saved up."""

    rate: float
    burst: float
    tokens: float
    updated_at: float

    def take(self, now: float) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.updated_at) * self.rate)
        self.updated_at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class SourceRate:
    """A token bucket for each source and one for all of them (forged sources are many)."""

    def __init__(
        self, rate: float = 5.0, burst: float = 20.0, *, total_rate: float = 500.0, capacity: int = 4096
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._capacity = capacity
        self._buckets: dict[str, TokenBucket] = {}
        self._total = TokenBucket(total_rate, total_rate, total_rate, 0.0)

    def allows(self, host: str, now: float) -> bool:
        """Whether one more may be given to `host`; taken if so."""
        source = source_of(host)
        bucket = self._buckets.get(source)
        if bucket is None:
            if len(self._buckets) >= self._capacity:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[source] = TokenBucket(self._rate, self._burst, self._burst, now)
        return bucket.take(now) and self._total.take(now)

    def give_back(self, host: str) -> None:
        """`host` has shown that it deserves one more."""
        bucket = self._buckets.get(source_of(host))
        if bucket is not None:
            bucket.tokens += 1.0  # `take` cuts it to the burst.
            self._total.tokens += 1.0

    def __len__(self) -> int:
        return len(self._buckets)


@dataclass(slots=True)
class OncePerSource:
    """Lets one log line through for each source, kind and `interval`, and counts what it held back."""

    interval: float = 60.0
    capacity: int = 4096
    _entries: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def admit(self, host: str, kind: str, now: float) -> int | None:
        """None: stay silent. Otherwise the number of lines held back since the last one."""
        key = (source_of(host), kind)
        entry = self._entries.get(key)
        if entry is not None and now - entry[0] < self.interval:
            self._entries[key] = (entry[0], entry[1] + 1)
            return None
        self._entries.pop(key, None)
        if len(self._entries) >= self.capacity:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (now, 0)
        return entry[1] if entry is not None else 0

    def __len__(self) -> int:
        return len(self._entries)
