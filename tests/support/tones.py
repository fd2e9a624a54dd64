"""Tones that phones play, and the measure of what the other one heard.

Every phone plays a tone of its own; a recording is cut into windows of 50 ms, and in each the power at the expected
frequency (Goertzel) is compared with the total. So a test can tell whether the right audio arrived, for how long,
with which gaps and how clean.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WINDOW_SECONDS = 0.05
HEARD_SHARE = 0.5
"""A window counts as heard when more than half of its power is at the tone."""
SILENCE_RMS = 100.0

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a recording says about one tone."""

    heard_seconds: float
    longest_gap_seconds: float
    """Between the first and the last window in which the tone was heard."""
    snr_db: float
    """Median over the windows in which it was heard."""


def write_tone(path: Path, frequency: float, *, seconds: float = 60.0, rate: int = 8000) -> Path:
    """A mono 16-bit WAV at about a quarter of full scale."""
    time = np.arange(int(seconds * rate)) / rate
    samples = (8000 * np.sin(2 * np.pi * frequency * time)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def read_samples(path: Path, channel: int = 0) -> tuple[Samples, int]:
    """The samples of one channel and the rate; a recording that its program did not close is read as far as it goes."""
    with wave.open(str(path), "rb") as file:
        rate, channels = file.getframerate(), file.getnchannels()
        frames = file.readframes(1 << 30)
    samples = np.frombuffer(frames[: len(frames) // (2 * channels) * 2 * channels], dtype="<i2").astype(np.float64)
    return samples.reshape(-1, channels)[:, channel], rate


def listen(path: Path, frequency: float, channel: int = 0) -> Hearing:
    """Measure one tone in a WAV file."""
    samples, rate = read_samples(path, channel)
    return measure(samples, rate, frequency)


def measure(samples: Samples, rate: int, frequency: float) -> Hearing:
    size = int(rate * WINDOW_SECONDS)
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    phase = 2 * np.pi * frequency * np.arange(size) / rate
    tone = ((windows @ np.cos(phase)) ** 2 + (windows @ np.sin(phase)) ** 2) * 2 / size
    total = (windows**2).sum(axis=1)
    loud = np.sqrt(total / size) > SILENCE_RMS
    heard = loud & (tone > HEARD_SHARE * total)
    if not heard.any():
        return Hearing(0.0, 0.0, float("-inf"))
    noise = np.maximum(total[heard] - tone[heard], 1e-9)
    return Hearing(
        heard_seconds=float(heard.sum() * WINDOW_SECONDS),
        longest_gap_seconds=longest_gap(heard) * WINDOW_SECONDS,
        snr_db=float(np.median(10 * np.log10(tone[heard] / noise))),
    )


def longest_gap(heard: NDArray[np.bool_]) -> int:
    """The longest run of unheard windows between the first and the last heard one."""
    positions = np.flatnonzero(heard)
    return int(np.diff(positions).max(initial=1)) - 1
