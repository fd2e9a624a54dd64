"""A leg's quality over time: a bounded row of samples, however long the call.

A sample stands for one interval of `SAMPLE_SECONDS`. When `CAPACITY` of them are there, each two become one that stands
for twice the time: a call of ten hours has some hundred samples of five minutes each. They are kept packed, 42 octets
each: a worker has thousands of legs.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

SAMPLE_SECONDS: Final = 5
CAPACITY: Final = 120

_UNKNOWN: Final = 0xFFFF
_PACKED: Final = Struct("!7I7H")
_COUNTS: Final = 7
_SCALES: Final = (10, 1000, 10, 1000, 1, 10)
"""Steps for each unit of the levels that follow the counts: tenths of a millisecond, thousandths of a score ..."""


class Sample(NamedTuple):
    """One interval. "Received" is what the phone sends, "sent" is what it hears; None where nothing is known."""

    received: int = 0
    """Packets that came."""
    lost: int = 0
    """Missing among what the phone sent."""
    discarded: int = 0
    """Came too late for a jitter buffer."""
    sent: int = 0
    reported: int = 0
    """Packets to the phone that its reports of this interval speak of."""
    reported_lost: int = 0
    silent: int = 0
    """Packets that were looked at and held no sound."""
    jitter_ms: float | None = None
    mos: float | None = None
    """Of what the phone sends."""
    reported_jitter_ms: float | None = None
    reported_mos: float | None = None
    """Of what the phone hears."""
    rtt_ms: float | None = None
    level_db: float | None = None
    """Loudest of the packets that were looked at, in dB below full scale: 0 is the loudest there can be."""
    audio: int = 0
    """A set of `AudioFlag`."""

    @property
    def loss_percent(self) -> float | None:
        """Of what the phone sent, lost or too late; None when nothing came."""
        expected = self.received + self.lost
        return 100 * min(1.0, (self.lost + self.discarded) / expected) if self.received else None

    @property
    def reported_loss_percent(self) -> float | None:
        return 100 * self.reported_lost / self.reported if self.reported else None

    def merged(self, later: Sample) -> Sample:
        """The two intervals as one: counts add up; of the others the worse speaks, so that trouble stays to be seen."""
        return Sample(
            self.received + later.received,
            self.lost + later.lost,
            self.discarded + later.discarded,
            self.sent + later.sent,
            self.reported + later.reported,
            self.reported_lost + later.reported_lost,
            self.silent + later.silent,
            greatest(self.jitter_ms, later.jitter_ms),
            least(self.mos, later.mos),
            greatest(self.reported_jitter_ms, later.reported_jitter_ms),
            least(self.reported_mos, later.reported_mos),
            greatest(self.rtt_ms, later.rtt_ms),
            least(self.level_db, later.level_db),
            self.audio | later.audio,
        )

    def pack(self) -> bytes:
        counts = (min(count, 0xFFFFFFFF) for count in self[:_COUNTS])
        levels = map(scaled, self[_COUNTS:-1], _SCALES)
        return _PACKED.pack(*counts, *levels, self.audio)

    @classmethod
    def unpack(cls, data: bytes | bytearray) -> Sample:
        values = _PACKED.unpack(data)
        return cls._make((*values[:_COUNTS], *map(unscaled, values[_COUNTS:-1], _SCALES), values[-1]))


class Series:
    """The samples of one leg since it was opened."""

    def __init__(self) -> None:
        self.seconds = SAMPLE_SECONDS
        """What each sample stands for; the last may stand for less."""
        self._packed = bytearray()
        self._parts = 0
        """Intervals of `SAMPLE_SECONDS` in the last sample."""

    def __len__(self) -> int:
        return len(self._packed) // _PACKED.size

    def add(self, sample: Sample) -> None:
        """The next `SAMPLE_SECONDS`."""
        if self._parts and self._parts * SAMPLE_SECONDS < self.seconds:
            sample = Sample.unpack(self._packed[-_PACKED.size :]).merged(sample)
            del self._packed[-_PACKED.size :]
        else:
            if len(self) == CAPACITY:
                self._halve()
            self._parts = 0
        self._packed += sample.pack()
        self._parts += 1

    def samples(self) -> list[Sample]:
        size = _PACKED.size
        return [Sample.unpack(self._packed[start : start + size]) for start in range(0, len(self._packed), size)]

    def _halve(self) -> None:
        samples = self.samples()
        pairs = zip(samples[::2], samples[1::2], strict=True)
        self._packed = bytearray(b"".join(one.merged(other).pack() for one, other in pairs))
        self.seconds *= 2


def scaled(value: float | None, factor: int) -> int:
    return _UNKNOWN if value is None else max(0, min(_UNKNOWN - 1, round(value * factor)))


def unscaled(value: int, factor: int) -> float | None:
    return None if value == _UNKNOWN else value / factor


def greatest(*values: float | None) -> float | None:
    return max((value for value in values if value is not None), default=None)


def least(*values: float | None) -> float | None:
    return min((value for value in values if value is not None), default=None)
