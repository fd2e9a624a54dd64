"""How much is too much, and for how long: one value object, passed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DefenceLimits:
    """The defaults let a person mistype, a site boot and a provider ping, and stop a guesser within a minute."""

    failures: int = 10
    """Wrong credentials, or messages on a connection that are no SIP, until a source is kept out; 0: never."""
    failure_seconds: float = 60.0
    """One of them is forgiven in that time: a phone with a wrong password tries about once a minute."""
    strangers: int = 50
    """Requests without an account, each answered by a challenge or a refusal, that nothing good follows."""
    stranger_seconds: float = 2.0
    """One of them is forgiven in that time: a provider's OPTIONS every few seconds is welcome."""
    grace_seconds: float = 5.0
    """So long a source may ask without an answer to any challenge: a site's phones all ask before the first answers."""
    first_ban_seconds: float = 300.0
    """Twice as long each time that the source comes back for more, up to `longest_ban_seconds`."""
    longest_ban_seconds: float = 86_400.0
    memory_seconds: float = 86_400.0
    """After the end of a ban: so long it is known how often there was one."""
    mute_seconds: float = 30.0
    """For a source that may be forged: short, since whoever it belongs to may have done nothing."""
    ration_rate: float = 1.0 / 6.0
    """Tries a second that are left to strangers where a registered phone lives: ten a minute for each account."""
    ration_burst: float = 5.0
    max_bans: int = 10_000
    max_suspects: int = 10_000
    refresh_seconds: float = 5.0
    """How often it is looked up, at the most, where the registered phones are."""
