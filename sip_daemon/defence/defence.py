"""The decisions: who is banned, who is slowed down, and who is never banned.

Theory of operation. Three kinds of source that do wrong:

* What it sent is proven to come from there (a connection, or an answer to a challenge that we sent there): it is
  banned, each time for twice as long.
* It came in datagrams that prove nothing: anybody can write anybody's address onto those. The source is muted for half
  a minute, which takes a scanner's speed away and does little to a victim.
* A registered phone lives there, or it is in a trusted network: it is neither; what strangers try from there is
  rationed.

The rule: a first challenge is no failure, and no header decides who is meant.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Network, ip_network
from typing import Final

from sip_daemon.authentication import Authenticated, Challenge, Verdict
from sip_daemon.defence.ban import MALFORMED, MANUAL, SCANNING, WRONG_CREDENTIALS, Ban, BanChange, BanTable
from sip_daemon.defence.limits import DefenceLimits
from sip_daemon.defence.neighbours import Neighbours, Network
from sip_daemon.defence.ration import Ration, account_of
from sip_daemon.defence.suspects import Suspects
from sip_daemon.errors import SipError
from sip_daemon.flow import Flow, source_of
from sip_daemon.message import Request
from sip_daemon.transport import Barred, TokenBucket

logger = logging.getLogger(__name__)

RATIONED_SECONDS: Final = 300.0
"""After the last offence."""
EVENTS_AT_ONCE: Final = 20.0
EVENTS_A_SECOND: Final = 1.0 / 30.0
"""A botnet must not fill the list of events; the list of bans shows all of them."""

WORDS: Final = {
    WRONG_CREDENTIALS: "wrong passwords or unknown users",
    SCANNING: "requests without an account",
    MALFORMED: "messages that are not SIP",
}


class BanRefused(SipError):
    """A ban that was asked for is not made, or there is none to end. The text is for a person."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that a person should know; becomes an event."""

    kind: str
    message: str
    severity: str = "warning"
    detail: Mapping[str, object] = field(default_factory=dict)


class Defence:
    """Hears of what peers do, and says whom to let in. Not told of time: it has two clocks."""

    def __init__(
        self,
        neighbours: Neighbours,
        barred: Barred,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        changed: Callable[[BanChange], None],
        report: Callable[[News], None],
        drop: Callable[[str], None],
        is_registered: Callable[[str, str, float], bool],
        limits: DefenceLimits | None = None,
    ) -> None:
        """`drop` ends the connections of a source; `is_registered` says whether an account has a phone at a source."""
        self._limits = limits or DefenceLimits()
        self._neighbours = neighbours
        self._barred = barred.sources
        self._clock = clock
        self._wall_clock = wall_clock
        self._changed = changed
        self._report = report
        self._drop = drop
        self._is_registered = is_registered
        self._bans = BanTable(self._limits)
        self._suspects = Suspects(self._limits)
        self._rations: dict[str, tuple[Ration, float, str]] = {}
        """With the time until which each holds, and the reason."""
        self._events = TokenBucket(EVENTS_A_SECOND, EVENTS_AT_ONCE, EVENTS_AT_ONCE, clock())
        self._unreported = 0
        self.revision = 0
        """Grows with each change of the list."""

    # What peers do

    def admits(self, request: Request, flow: Flow) -> bool:
        """Whether a request outside any dialog is looked at at all; False: it gets no answer."""
        if not self._rations:
            return True
        source = source_of(flow.remote.host)
        entry = self._rations.get(source)
        now = self._clock()
        if entry is None or self._neighbours.is_phone(flow, now):
            return True
        account = account_of(request)
        is_own = account is not None and self._is_registered(account, source, now)
        return entry[0].takes(account if is_own else None, now)

    def judged(self, verdict: Verdict, flow: Flow) -> None:
        """What became of a request's credentials."""
        source = source_of(flow.remote.host)
        if isinstance(verdict, Authenticated):
            if self._suspects:
                self._neighbours.arrived(flow)
                self._suspects.succeeded(source)
        elif isinstance(verdict, Challenge):
            # A stale answer was a right one: the phone has its password.
            if not verdict.stale:
                self.asked(flow)
        else:
            is_proven = flow.transport.is_reliable or verdict.is_proven
            self._failed(source, flow, WRONG_CREDENTIALS, is_proven=is_proven)

    def asked(self, flow: Flow) -> None:
        """A request without an account was answered."""
        if self._limits.failures:
            source, is_proven = source_of(flow.remote.host), flow.transport.is_reliable
            reason = self._suspects.asked(source, self._clock(), proven=is_proven)
            if reason is not None:
                self._offend(source, flow.remote.host, reason, is_proven=is_proven)

    def malformed(self, flow: Flow) -> None:
        """Something came that is no SIP message."""
        self._failed(source_of(flow.remote.host), flow, MALFORMED, is_proven=flow.transport.is_reliable)

    def _failed(self, source: str, flow: Flow, reason: str, *, is_proven: bool) -> None:
        if self._limits.failures and self._suspects.failed(source, reason, self._clock(), proven=is_proven):
            self._offend(source, flow.remote.host, reason, is_proven=is_proven)

    def _offend(self, source: str, host: str, reason: str, *, is_proven: bool) -> None:
        now = self._clock()
        if self._neighbours.is_trusted(host) or self._neighbours.has_phone(host, now):
            self._ration(source, reason, now)
            return
        self._suspects.forget(source)
        if is_proven:
            ban = self._bans.add(source, reason, now, self._wall_clock())
            self._tell_of(ban)
        else:
            ban = self._bans.mute(source, reason, now, self._wall_clock())
        self._enforce(ban)

    def _ration(self, source: str, reason: str, now: float) -> None:
        known = self._rations.get(source)
        if known is None:
            if len(self._rations) >= self._limits.max_suspects:
                del self._rations[next(iter(self._rations))]
            self.revision += 1
            self._tell(
                News(
                    "source-slowed",
                    f"{source} is slowed down: {WORDS[reason]}. It is not banned, because registered phones are there "
                    "or it is in a trusted network; those phones go on as ever.",
                    detail={"source": source, "reason": reason},
                )
            )
        ration = known[0] if known is not None else Ration(self._limits, now)
        self._rations[source] = (ration, now + RATIONED_SECONDS, reason)

    def _tell_of(self, ban: Ban) -> None:
        minutes = round(((ban.until or ban.since) - ban.since) / 60)
        self._tell(
            News(
                "source-banned",
                f"{ban.source} is banned for {minutes} minutes: {WORDS[ban.reason]}.",
                detail={"source": ban.source, "reason": ban.reason, "until": ban.until, "count": ban.count},
            )
        )

    def _tell(self, news: News) -> None:
        if not self._events.take(self._clock()):
            self._unreported += 1
            return
        if self._unreported:
            news = replace(news, message=f"{news.message} {self._unreported} more sources since the last event.")
            self._unreported = 0
        self._report(news)

    def _enforce(self, ban: Ban) -> None:
        logger.info("%s is %s: %s", ban.source, "muted" if ban.is_mute else "banned", ban.reason)
        self._barred.setdefault(ban.source, 0)
        self._rations.pop(ban.source, None)
        self._drop(ban.source)
        self.revision += 1
        if not ban.is_mute:
            self._changed(BanChange(ban))

    # What a person wants

    def ban(self, text: str, *, seconds: float | None = None, note: str = "", force: bool = False) -> Ban:
        """Ban an address by hand, for good unless `seconds` are given. Raises `BanRefused`."""
        source = parse_source(text)
        host, now = source.partition("/")[0], self._clock()
        if not force and self._neighbours.has_phone(host, now):
            raise BanRefused(f"Phones are registered from {source}. Banning it would cut them off.")
        if not force and self._neighbours.is_trusted(host):
            raise BanRefused(f"{source} is in a network that is never banned.")
        ban = self._bans.add(
            source, MANUAL, now, self._wall_clock(), seconds=seconds, for_good=seconds is None, note=note
        )
        self._enforce(ban)
        return ban

    def unban(self, text: str) -> Ban:
        """End a ban and forget what led to it. Raises `BanRefused`."""
        source = parse_source(text)
        ban = self._bans.remove(source)
        is_rationed = self._rations.pop(source, None) is not None
        if ban is None and not is_rationed:
            raise BanRefused(f"{source} is not banned.")
        self._lift(source)
        ban = ban or Ban(source, "", 0.0, 0.0)
        self._changed(BanChange(ban, is_over=True, is_forgotten=True))
        return ban

    def _lift(self, source: str) -> None:
        self._barred.pop(source, None)
        self._suspects.forget(source)
        self.revision += 1

    def configure(self, failures: int, networks: Iterable[Network], *, trusts_local: bool) -> None:
        """Take these settings; bans of sources that are trusted now end."""
        self._limits = replace(self._limits, failures=failures)
        self._suspects.limits = self._limits
        self._neighbours.trust(networks, local=trusts_local)
        for ban in list(self._bans):
            if ban.reason != MANUAL and self._neighbours.is_trusted(ban.source.partition("/")[0]):
                self.unban(ban.source)

    # Time, start and the operator's view

    def load(self, bans: Iterable[Ban]) -> None:
        """The bans of the last run."""
        self._bans.load(bans, self._clock(), self._wall_clock())
        for ban in self._bans:
            self._barred.setdefault(ban.source, 0)

    def expire(self) -> None:
        """To be called each second or so."""
        now = self._clock()
        for change in self._bans.expire(now):
            if self._bans.get(change.ban.source) is None:
                self._barred.pop(change.ban.source, None)
            self.revision += 1
            if change.is_forgotten or not change.ban.is_mute:
                self._changed(change)
        for source in [one for one, (_, until, _) in self._rations.items() if until <= now]:
            del self._rations[source]
            self.revision += 1

    @property
    def counts(self) -> dict[str, int]:
        muted = sum(ban.is_mute for ban in self._bans)
        return {"banned": len(self._bans) - muted, "muted": muted, "slowed": len(self._rations)}

    def describe(self) -> list[dict[str, object]]:
        """All that are banned, muted or slowed down, as JSON values."""
        rows: list[dict[str, object]] = [
            {
                "source": ban.source,
                "state": "muted" if ban.is_mute else "banned",
                "reason": ban.reason,
                "since": ban.since,
                "until": ban.until,
                "count": ban.count,
                "blocked": self._barred.get(ban.source, 0),
                "note": ban.note,
            }
            for ban in self._bans
        ]
        now, wall = self._clock(), self._wall_clock()
        for source, (_, until, reason) in self._rations.items():
            since = wall + until - RATIONED_SECONDS - now
            rows.append(
                {
                    "source": source,
                    "state": "slowed",
                    "reason": reason,
                    "since": since,
                    "until": since + RATIONED_SECONDS,
                    "count": 0,
                    "blocked": 0,
                    "note": "",
                }
            )
        return rows

    def running(self) -> tuple[Ban, ...]:
        """The bans that run, for the firewall."""
        return tuple(ban for ban in self._bans if not ban.is_mute)


def parse_source(text: str) -> str:
    """An IPv4 address, an IPv6 address or its /64, as `source_of` writes it. Raises `BanRefused`."""
    try:
        network = ip_network(text.strip().strip("[]"), strict=False)
    except ValueError:
        raise BanRefused("Allowed is one IPv4 address, or an IPv6 address or /64.") from None
    first = network.network_address
    if isinstance(first, IPv4Address):
        if network.prefixlen != first.max_prefixlen:
            raise BanRefused("Of IPv4 one address is banned at a time, not a network.")
        return str(first)
    if network.prefixlen not in (64, first.max_prefixlen):
        raise BanRefused("Of IPv6 a /64 is banned: what one site or host has.")
    return str(IPv6Network((int(first), 64), strict=False))
