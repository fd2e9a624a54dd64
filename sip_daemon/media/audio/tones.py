"""Call progress tones (ITU-T E.182, North American precise tone plan), made as G.711 codes.

A tone is a list of segments: frequencies and a length. A repeating tone ends where it began, so that it loops without
a click: each segment's length is a whole number of periods, or ends in silence.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

from sip_daemon.media.audio.g711 import SAMPLE_RATE, Law, encode

FULL_SCALE_DBM0 = 3.17
"""The level of a full-scale sine in G.711 mu-law (ITU-T G.711 table 5)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Some frequencies at once, in Hz; none is silence."""

    frequencies: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class ToneDefinition:
    """`level` is in dBm0 for each frequency."""

    segments: tuple[Segment, ...]
    level: float = -13.0
    repeats: bool = True


TONE_TABLE: dict[str, ToneDefinition] = {
    "dial": ToneDefinition((Segment((350, 440), 1.0),)),
    "ringback": ToneDefinition((Segment((440, 480), 2.0), Segment((), 4.0)), -19.0),
    "busy": ToneDefinition((Segment((480, 620), 0.5), Segment((), 0.5)), -24.0),
    "congestion": ToneDefinition((Segment((480, 620), 0.25), Segment((), 0.25)), -24.0),
    "information": ToneDefinition(
        (Segment((950,), 0.33), Segment((1400,), 0.33), Segment((1800,), 0.33), Segment((), 1.0))
    ),
    "beep": ToneDefinition((Segment((1000,), 0.25),), repeats=False),
    "test": ToneDefinition((Segment((1004,), 1.0),), -10.0),
}
"""`test` is 1004 Hz, not 1000: a divisor of the sampling rate would meet only a few codes (ITU-T O.133)."""


def render(name: str, law: Law) -> bytes:
    """One round of the tone. Raises `KeyError` for a name that is not in the table."""
    definition = TONE_TABLE[name]
    amplitude = 32767 * 10 ** ((definition.level - FULL_SCALE_DBM0) / 20)
    samples = array("h")
    for segment in definition.segments:
        samples.extend(_segment(segment, amplitude))
    return encode(samples.tobytes(), law)


def _segment(segment: Segment, amplitude: float) -> array[int]:
    count = round(segment.seconds * SAMPLE_RATE)
    steps = [2 * math.pi * frequency / SAMPLE_RATE for frequency in segment.frequencies]
    return array("h", (round(amplitude * sum(math.sin(step * index) for step in steps)) for index in range(count)))
