"""What is held against each source, and when it is too much.

Theory of operation. Each source that asks has an entry with two amounts, which leak away with time: failures (wrong
credentials, a connection that speaks no SIP) and strangers' requests (nothing but asking). What may have been sent
under a forged address is added up apart from what is proven, so that whoever forges can bring upon his victim only
what follows from doubtful amounts. An answered challenge takes the asking away, but no failure.

The rule: the table is bounded; the oldest entry makes room.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sip_daemon.defence.ban import SCANNING
from sip_daemon.defence.limits import DefenceLimits


@dataclass(slots=True)
class Amount:
    """Events that are forgiven one by one as time passes."""

    number: float = 0.0
    at: float = 0.0

    def add(self, now: float, seconds_for_one: float) -> float:
        """One more; what it comes to."""
        self.number = max(0.0, self.number - (now - self.at) / seconds_for_one) + 1.0
        self.at = now
        return self.number


class Suspect:
    """One source."""

    __slots__ = ("asking", "doubtful_asking", "doubtful_failures", "failures", "since")

    def __init__(self, now: float) -> None:
        self.since = now
        """Of its first request that nothing good has followed."""
        self.failures: Amount | None = None
        self.doubtful_failures: Amount | None = None
        self.asking: Amount | None = None
        self.doubtful_asking: Amount | None = None


class Suspects:
    """All of them, by `source_of` their address."""

    __slots__ = ("_suspects", "limits")

    def __init__(self, limits: DefenceLimits) -> None:
        self.limits = limits
        self._suspects: dict[str, Suspect] = {}

    def __len__(self) -> int:
        return len(self._suspects)

    def __iter__(self) -> Iterator[str]:
        return iter(self._suspects)

    def asked(self, source: str, now: float, *, proven: bool) -> str | None:
        """A request without an account. The reason to keep the source out, when it is one too many."""
        suspect = self._get(source, now)
        amount = suspect.asking if proven else suspect.doubtful_asking
        if amount is None:
            amount = Amount(0.0, now)
            if proven:
                suspect.asking = amount
            else:
                suspect.doubtful_asking = amount
        is_much = amount.add(now, self.limits.stranger_seconds) > self.limits.strangers - 1
        return SCANNING if is_much and now - suspect.since >= self.limits.grace_seconds else None

    def failed(self, source: str, reason: str, now: float, *, proven: bool) -> str | None:
        """Wrong credentials, or nothing that could be read. `reason`, when it is one too many."""
        suspect = self._get(source, now)
        amount = suspect.failures if proven else suspect.doubtful_failures
        if amount is None:
            amount = Amount(0.0, now)
            if proven:
                suspect.failures = amount
            else:
                suspect.doubtful_failures = amount
        return reason if amount.add(now, self.limits.failure_seconds) > self.limits.failures - 1 else None

    def succeeded(self, source: str) -> None:
        """A phone of ours is there: all that the source asked before is explained; what failed is not."""
        suspect = self._suspects.get(source)
        if suspect is None:
            return
        if suspect.failures is None and suspect.doubtful_failures is None:
            del self._suspects[source]
        else:
            suspect.asking = suspect.doubtful_asking = None

    def forget(self, source: str) -> None:
        self._suspects.pop(source, None)

    def _get(self, source: str, now: float) -> Suspect:
        suspect = self._suspects.get(source)
        if suspect is None:
            if len(self._suspects) >= self.limits.max_suspects:
                del self._suspects[next(iter(self._suspects))]
            suspect = self._suspects[source] = Suspect(now)
        return suspect
