"""Random identifiers: tags, branches and Call-IDs (RFC 3261 §8.1.1.4, §8.1.1.7, §19.3).

One rule: they come from the system's random source, since a guessed tag or Call-ID lets a stranger into a dialog.
"""

from __future__ import annotations

from secrets import token_hex

from sip_daemon.message.via import MAGIC_COOKIE


def new_tag() -> str:
    """A From or To tag: 64 random bits."""
    return token_hex(8)


def new_branch() -> str:
    """A Via branch with the magic cookie."""
    return MAGIC_COOKIE + token_hex(12)


def new_call_id() -> str:
    """A Call-ID without a host part: where we live is nobody's business."""
    return token_hex(16)
