"""Whether there is sound in a phone's packets: one of them is looked at each second, outside the packet path.

A phone that is muted, or whose microphone is dead, goes on sending: zeros in G.711, always the same payload in other
codecs, packets of one or two octets where the codec knows "nothing new". A quiet room is far from that: the noise of
any microphone fills the lowest bits.
"""

from __future__ import annotations

import math
from typing import Final

from sip_daemon.media.audio.g711 import Law, decode

SILENT_PEAK: Final = 16
"""Of 32,768: G.711 has two codes at zero, and the next ones are at 8 (both laws); dither moves between them."""

EMPTY_BYTES: Final = 3
"""Opus and AMR say "nothing new" in so many octets (RFC 6716 §2.1.9 calls it DTX)."""


def _magnitudes(law: Law) -> bytes:
    """For each code its magnitude as a number that fits an octet and keeps the order: 256 steps of decibels."""
    pcm = memoryview(decode(bytes(range(256)), law)).cast("h")
    return bytes(_step(abs(sample)) for sample in pcm)


def _step(magnitude: int) -> int:
    """0 for digital silence, 1 to 255 for the rest: a third of a decibel each."""
    return 0 if magnitude <= SILENT_PEAK else max(1, min(255, 255 + round(3 * decibels(magnitude))))


def decibels(magnitude: int) -> float:
    """Below full scale: 0 and less."""
    return 20 * math.log10(magnitude / 32768)


_STEPS: Final = {law: _magnitudes(law) for law in Law}


class Listener:
    """What was heard of one phone since the last sample."""

    __slots__ = ("last_payload", "looked", "loudest", "silent", "silent_in_row")

    def __init__(self) -> None:
        self.looked = 0
        self.silent = 0
        self.loudest: float | None = None
        """In dB below full scale, as a positive number; None when nothing was heard, or the codec is not G.711."""
        self.silent_in_row = 0
        """Packets without sound since the last one with some: about as many seconds."""
        self.last_payload = b""

    def look(self, payload: bytes, law: Law | None) -> None:
        """At one packet's payload; `law` if it is G.711."""
        step = max(payload.translate(_STEPS[law])) if law is not None else 0
        silent = step == 0 if law is not None else self._is_the_same(payload)
        self.looked += 1
        self.silent += silent
        self.silent_in_row = self.silent_in_row + 1 if silent else 0
        if step:
            below = (255 - step) / 3
            self.loudest = below if self.loudest is None else min(self.loudest, below)

    def start_interval(self) -> None:
        self.looked = self.silent = 0
        self.loudest = None

    def _is_the_same(self, payload: bytes) -> bool:
        before, self.last_payload = self.last_payload, payload
        return len(payload) <= EMPTY_BYTES or payload == before
