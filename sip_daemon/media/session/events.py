"""What a leg reports by itself."""

from __future__ import annotations

from dataclasses import dataclass

from sip_daemon.media.packets.dtmf import KeyPress


@dataclass(frozen=True, slots=True)
class Silent:
    """Audio is due, and nothing has come for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """What was played has ended by itself."""


LegEvent = KeyPress | Silent | Finished
