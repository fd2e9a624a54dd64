"""What is kept of one message, or of the news of a connection."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from sip_daemon.flow import Flow


class Kind(IntEnum):
    """What an entry tells of."""

    RECEIVED = 0
    SENT = 1
    NOTE = 2
    """News of the transport in words of ours: connected, closed and why, not sent and why."""


RECEIVED: Final = int(Kind.RECEIVED)
SENT: Final = int(Kind.SENT)
"""Plain numbers for those who tell of each message: an enum's member costs them a look-up."""


class Entry(NamedTuple):
    """Kept as it came; whoever looks pays for reading it."""

    serial: int
    """Grows by one with each entry of this process: the order, and a reader's bookmark."""
    at: float
    """Monotonic seconds."""
    kind: int
    """A `Kind`."""
    flow: Flow
    data: bytes
    """The message, cut off after `MAX_MESSAGE_BYTES`; of a note its text."""
