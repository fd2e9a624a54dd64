"""What we can do, as it is told to peers: only what works stands here (RFC 3261 §20.1, §20.5, §20.37)."""

from __future__ import annotations

ALLOW = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "REGISTER")
"""The methods we answer; everything else gets 405."""

ACCEPT = "application/sdp"
"""The only kind of body that we read."""

SUPPORTED: frozenset[str] = frozenset({"100rel", "timer"})
"""Option tags that a peer may Require of a call (RFC 3262, 4028); those of registration are the registrar's."""


def capability_headers() -> list[tuple[str, str]]:
    """For a 200 to OPTIONS (RFC 3261 §11.2)."""
    return [("Allow", ", ".join(ALLOW)), ("Accept", ACCEPT), ("Supported", ", ".join(sorted(SUPPORTED)))]
