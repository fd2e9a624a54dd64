"""Payload types: what is the same codec, and which number it gets."""

from __future__ import annotations

import pytest

from sip_daemon.errors import LocalProtocolError
from sip_daemon.sdp.codec import RELAYABLE, STATIC_CODECS, Codec, numbered_apart

OPUS = Codec(111, "opus", 48000, 2)
EVENTS = Codec(101, "telephone-event", 8000, 1, "0-15")


def test_the_same_codec_may_have_another_number_and_case_of_name() -> None:
    assert OPUS.same_as(Codec(96, "OPUS", 48000, 2, "useinbandfec=1"))


@pytest.mark.parametrize(
    "other", [Codec(111, "opus", 48000), Codec(111, "opus", 16000, 2), Codec(111, "SILK", 48000, 2)]
)
def test_another_name_rate_or_channel_count_is_another_codec(other: Codec) -> None:
    assert not OPUS.same_as(other)


def test_telephone_events_at_two_rates_are_two_codecs() -> None:
    assert not EVENTS.same_as(Codec(110, "telephone-event", 48000))


def test_amr_octet_aligned_is_another_format_than_amr_bandwidth_efficient() -> None:
    """RFC 4867 §8.3.1: octet-align defaults to 0 and can't be negotiated."""
    aligned = Codec(97, "AMR", 8000, 1, "octet-align=1; mode-set=0,2")
    assert not aligned.same_as(Codec(98, "AMR", 8000))
    assert Codec(99, "AMR", 8000, 1, "octet-align=0").same_as(Codec(98, "AMR", 8000))


def test_events_and_comfort_noise_alone_are_no_speech() -> None:
    assert not EVENTS.is_speech
    assert not Codec(13, "CN", 8000).is_speech
    assert OPUS.is_speech


def test_formats_that_point_at_other_numbers_are_not_relayed() -> None:
    assert not {"RED", "RTX", "ULPFEC", "FLEXFEC-03"} & RELAYABLE
    assert Codec(96, "iLBC", 8000).is_relayable


def test_only_g711_at_8_khz_is_playable() -> None:
    assert STATIC_CODECS[8].is_playable
    assert not Codec(96, "PCMA", 16000).is_playable
    assert not STATIC_CODECS[9].is_playable


def test_a_codec_keeps_its_number_where_nothing_was_announced() -> None:
    assert numbered_apart((OPUS, EVENTS), ()) == (OPUS, EVENTS)


def test_a_codec_gets_the_number_that_it_had_on_this_leg() -> None:
    """RFC 3264 §8.3.2."""
    assert numbered_apart((OPUS,), (Codec(96, "opus", 48000, 2),))[0].payload_type == 96


def test_a_number_that_meant_something_else_on_this_leg_is_not_used_again() -> None:
    (events,) = numbered_apart((EVENTS,), (Codec(101, "opus", 48000, 2),))
    assert events.payload_type == 96


def test_two_codecs_never_share_a_number() -> None:
    placed = numbered_apart((OPUS, EVENTS), (Codec(101, "opus", 48000, 2), Codec(111, "telephone-event", 8000)))
    assert [codec.payload_type for codec in placed] == [101, 111]


def test_running_out_of_dynamic_numbers_is_our_own_mistake() -> None:
    used = [Codec(number, f"x{number}", 8000) for number in range(96, 128)]
    with pytest.raises(LocalProtocolError):
        numbered_apart((EVENTS,), used)
