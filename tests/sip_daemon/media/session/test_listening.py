"""Sound or none, in one packet a second."""

from __future__ import annotations

import pytest

from sip_daemon.media.audio.g711 import SILENCE, Law, encode
from sip_daemon.media.session.listening import Listener


def tone(peak: int, law: Law) -> bytes:
    """A square wave: its peak is all that matters here."""
    return encode(b"".join(sample.to_bytes(2, "little", signed=True) for sample in (peak, -peak)) * 80, law)


@pytest.mark.parametrize("law", Law)
def test_digital_silence_is_silence_in_both_laws(law: Law) -> None:
    listener = Listener()
    listener.look(bytes((SILENCE[law],)) * 160, law)
    listener.look(tone(8, law), law)  # dither between the codes nearest to zero
    assert (listener.looked, listener.silent, listener.silent_in_row, listener.loudest) == (2, 2, 2, None)


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize(("peak", "decibels"), [(32000, 0.2), (3277, 20.0), (328, 40.0), (50, 56.3)])
def test_the_level_is_that_of_the_peak_below_full_scale(law: Law, peak: int, decibels: float) -> None:
    listener = Listener()
    listener.look(tone(peak, law), law)
    assert listener.loudest == pytest.approx(decibels, abs=1.0)
    assert listener.silent == 0


def test_the_loudest_packet_of_an_interval_counts_and_sound_ends_the_silence() -> None:
    listener = Listener()
    for peak in (0, 300, 3000, 30):
        listener.look(tone(peak, Law.PCMU), Law.PCMU)
    assert listener.loudest == pytest.approx(20.8, abs=0.5)
    assert (listener.silent, listener.silent_in_row) == (1, 0)
    listener.start_interval()
    assert (listener.looked, listener.silent, listener.loudest) == (0, 0, None)


def test_another_codec_is_silent_when_it_says_always_the_same() -> None:
    listener = Listener()
    for payload in (b"first payload", b"second payload", b"second payload", b"second payload"):
        listener.look(payload, None)
    assert (listener.silent_in_row, listener.loudest) == (2, None)


def test_a_packet_of_a_few_octets_says_nothing_new() -> None:
    """RFC 6716 §2.1.9."""
    listener = Listener()
    for number in range(5):
        listener.look(bytes((8, number)), None)
    assert listener.silent_in_row == 5
