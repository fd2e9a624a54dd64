"""What a leg reports by itself."""

from __future__ import annotations

from dataclasses import dataclass

from sip_daemon.media.packets.dtmf import KeyPress
from sip_daemon.media.session.hearing import Hearing


@dataclass(frozen=True, slots=True)
class Silent:
    """Audio is due, and nothing has come for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """What was played has ended by itself."""


@dataclass(frozen=True, slots=True)
class HearingChanged:
    """One-way audio, or silence where a voice should be, has begun, changed or ended."""

    hearing: Hearing


LegEvent = KeyPress | Silent | Finished | HearingChanged
