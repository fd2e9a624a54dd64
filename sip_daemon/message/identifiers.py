"""Random identifiers: tags, branches and Call-IDs (RFC 3261 §8.1.1.4, §8.1.1.7, §19.3).

One rule: they come from the system's random source, since a guessed tag or Call-ID lets a stranger into a dialog.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from secrets import token_hex

from sip_daemon.message.via import MAGIC_COOKIE

WORD_LENGTH = 16
"""Hexadecimal digits: 64 bits."""
WORDS_AT_ONCE = 256


def new_tag() -> str:
    """A From or To tag: 64 random bits."""
    return next(_words)


def new_branch() -> str:
    """A Via branch with the magic cookie."""
    return f"{MAGIC_COOKIE}{next(_words)}{next(_words)}"


def new_call_id() -> str:
    """A Call-ID without a host part: where we live is nobody's business."""
    return next(_words) + next(_words)


def _draw() -> list[str]:
    # Many at once: the system call costs as much as parsing a header field or two.
    digits = token_hex(WORDS_AT_ONCE * WORD_LENGTH // 2)
    return [digits[start : start + WORD_LENGTH] for start in range(0, len(digits), WORD_LENGTH)]


def _endless() -> Iterator[str]:
    return chain.from_iterable(iter(_draw, None))


_words = _endless()


def _renew() -> None:
    global _words
    _words = _endless()


# A forked process would go on with the same words as its parent.
os.register_at_fork(after_in_child=_renew)
