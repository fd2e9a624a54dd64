"""Watches that what has ended is freed at once, by reference counting alone.

A circle of references is freed by the garbage collector only. With the thresholds of a server that is late, so memory
grows with the calls that were, and when it comes it takes so long that every packet and message has to wait.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

PACKAGE = "sip_daemon."


class GarbageWatch:
    """What the package leaves to the collector, of all that was made since."""

    def __init__(self) -> None:
        gc.freeze()  # what was there before is not looked at, which makes looking cheap

    def check(self) -> None:
        """Raises `AssertionError` which names the kinds of objects."""
        before = len(gc.garbage)
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            gc.collect()
        finally:
            gc.set_debug(0)
        found, gc.garbage[before:] = gc.garbage[before:], []
        kinds = Counter(type(one).__qualname__ for one in found if type(one).__module__.startswith(PACKAGE))
        assert not kinds, f"circles of references were left behind: {dict(kinds)}"


@contextmanager
def watched_garbage() -> Iterator[GarbageWatch]:
    """Without collections by themselves meanwhile, which would hide what they collect."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield GarbageWatch()
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
