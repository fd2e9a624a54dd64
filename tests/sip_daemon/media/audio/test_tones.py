"""Call progress tones: their frequencies, levels and cadence."""

from __future__ import annotations

import math
import struct

import pytest

from sip_daemon.media.audio.g711 import SILENCE, Law, decode
from sip_daemon.media.audio.tones import TONE_TABLE, render
from sip_daemon.media_plane import TONES


def samples(codes: bytes, law: Law) -> list[int]:
    pcm = decode(codes, law)
    return list(struct.unpack(f"<{len(pcm) // 2}h", pcm))


def level(values: list[int], frequency: float) -> float:
    """Of one frequency, in dBm0 (Goertzel)."""
    angle = 2 * math.pi * frequency / 8000
    real = sum(value * math.cos(angle * index) for index, value in enumerate(values))
    imaginary = sum(value * math.sin(angle * index) for index, value in enumerate(values))
    return 20 * math.log10(2 * math.hypot(real, imaginary) / len(values) / 32767) + 3.17


def test_the_seam_promises_the_tones_that_there_are() -> None:
    assert set(TONE_TABLE) == TONES


@pytest.mark.parametrize("law", Law)
def test_the_test_tone_is_1004_hz_at_minus_10_dbm0(law: Law) -> None:
    values = samples(render("test", law), law)
    assert level(values, 1004) == pytest.approx(-10, abs=0.2)
    assert level(values, 2008) < -40


def test_the_dial_tone_has_its_two_frequencies() -> None:
    values = samples(render("dial", Law.PCMA), Law.PCMA)
    assert [level(values, frequency) for frequency in (350, 440)] == [pytest.approx(-13, abs=0.2)] * 2


@pytest.mark.parametrize(("name", "on", "off"), [("busy", 0.5, 0.5), ("congestion", 0.25, 0.25), ("ringback", 2, 4)])
def test_cadences_are_kept(name: str, on: float, off: float) -> None:
    codes = render(name, Law.PCMU)
    assert len(codes) == (on + off) * 8000
    assert set(codes[round(on * 8000) :]) == {SILENCE[Law.PCMU]}
    assert len(set(codes[: round(on * 8000)])) > 10


@pytest.mark.parametrize("name", ["dial", "test"])
def test_a_steady_tone_ends_where_it_begins(name: str) -> None:
    """Each frequency makes whole periods in one round."""
    definition = TONE_TABLE[name]
    assert all(
        (frequency * definition.segments[0].seconds).is_integer() for frequency in definition.segments[0].frequencies
    )
