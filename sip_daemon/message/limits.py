"""How much of a message we read before we refuse it.

One rule: every loop over a peer's bytes is bounded by a figure on this page.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """Bounds for one SIP message. The defaults leave room for the longest message of RFC 4475."""

    max_message_bytes: int = 65_535
    """Head and body together: what fits into a datagram. More is answered with 413."""
    max_head_bytes: int = 16_384
    """Start line and header fields. More is answered with 413."""
    max_headers: int = 128
    """Header lines. More is answered with 400."""
    max_uri_length: int = 2_048
    """Characters of a Request-URI. More is answered with 414 (RFC 3261 §21.4.11)."""


DEFAULT_LIMITS = MessageLimits()
