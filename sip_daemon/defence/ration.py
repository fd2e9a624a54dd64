"""What strangers may still try from a source that cannot be banned, because a registered phone lives there.

A guesser behind the same NAT as good phones, or a captured machine on the LAN, is slowed down to where guessing leads
nowhere. Good phones are not: requests from the socket of a registered phone are not counted at all, and an account that
is registered from this source has a ration of its own, so that a phone which comes back on another port finds its own
untouched.
"""

from __future__ import annotations

from sip_daemon.defence.limits import DefenceLimits
from sip_daemon.message import Request
from sip_daemon.transport import TokenBucket

MAX_ACCOUNTS = 1000
"""Rations kept for one source; the oldest makes room."""


class Ration:
    """The rations of one source: one for each account registered there, and one for all else."""

    __slots__ = ("_accounts", "_limits", "_rest")

    def __init__(self, limits: DefenceLimits, now: float) -> None:
        self._limits = limits
        self._rest = self._bucket(now)
        self._accounts: dict[str, TokenBucket] = {}

    def takes(self, account: str | None, now: float) -> bool:
        """Whether one more request is let in: of an account that is registered from here, or of anybody (None)."""
        if account is None:
            return self._rest.take(now)
        bucket = self._accounts.get(account)
        if bucket is None:
            if len(self._accounts) >= MAX_ACCOUNTS:
                del self._accounts[next(iter(self._accounts))]
            bucket = self._accounts[account] = self._bucket(now)
        return bucket.take(now)

    def _bucket(self, now: float) -> TokenBucket:
        limits = self._limits
        return TokenBucket(limits.ration_rate, limits.ration_burst, limits.ration_burst, now)


def account_of(request: Request) -> str | None:
    """The account that a request speaks of. Only what it is rationed by, never what is decided by."""
    credentials = request.authorizations
    return credentials[0].username if credentials else request.from_.uri.user
