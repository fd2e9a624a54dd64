"""Who sent a request: digest authentication (RFC 3261 §22, RFC 8760).

    authenticator   challenges, and answers to them
    used_nonces     the guard against replays

The rule: no socket, no clock and no database. Passwords are known as hashes only.
"""

from sip_daemon.authentication.authenticator import (
    BAD_CREDENTIALS,
    Authenticated,
    AuthenticationLimits,
    Authenticator,
    Challenge,
    Denied,
    Verdict,
    digest_response,
)

__all__ = [
    "BAD_CREDENTIALS",
    "Authenticated",
    "AuthenticationLimits",
    "Authenticator",
    "Challenge",
    "Denied",
    "Verdict",
    "digest_response",
]
