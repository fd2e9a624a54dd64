"""G.711 against the tables of ITU-T G.711."""

from __future__ import annotations

import struct

import pytest

from sip_daemon.media.audio.g711 import SILENCE, Law, convert, decode, encode

ALL_CODES = bytes(range(256))
MU_LAW_MINUS_ZERO = 0x7F


def samples(pcm: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(pcm) // 2}h", pcm))


@pytest.mark.parametrize(
    ("law", "code", "sample"),
    [
        (Law.PCMU, 0x00, -32124),
        (Law.PCMU, 0x80, 32124),
        (Law.PCMU, 0xFF, 0),
        (Law.PCMU, 0xFE, 8),
        (Law.PCMA, 0x2A, -32256),
        (Law.PCMA, 0xAA, 32256),
        (Law.PCMA, 0xD5, 8),
        (Law.PCMA, 0x55, -8),
    ],
)
def test_codes_stand_for_the_samples_of_the_recommendation(law: Law, code: int, sample: int) -> None:
    assert samples(decode(bytes((code,)), law)) == [sample]


@pytest.mark.parametrize("law", Law)
def test_every_code_survives_decoding_and_encoding(law: Law) -> None:
    expected = ALL_CODES.replace(bytes((MU_LAW_MINUS_ZERO,)), b"\xff") if law is Law.PCMU else ALL_CODES
    assert encode(decode(ALL_CODES, law), law) == expected


@pytest.mark.parametrize("law", Law)
def test_every_sample_is_near_what_its_code_stands_for(law: Law) -> None:
    pcm = struct.pack("<65536h", *range(-32768, 32768))
    for sample, heard in zip(samples(pcm), samples(decode(encode(pcm, law), law)), strict=True):
        assert abs(sample - heard) <= max(8, abs(sample) // 16 if abs(sample) < 32256 else 644)


@pytest.mark.parametrize("law", Law)
def test_silence_is_the_code_of_zero(law: Law) -> None:
    assert encode(bytes(2), law) == bytes((SILENCE[law],))


def test_the_laws_are_converted_into_each_other() -> None:
    assert convert(b"\xff\x80\x00", Law.PCMU, Law.PCMA) == encode(decode(b"\xff\x80\x00", Law.PCMU), Law.PCMA)
    assert convert(b"\xd5\xaa\x2a", Law.PCMA, Law.PCMU) == encode(decode(b"\xd5\xaa\x2a", Law.PCMA), Law.PCMU)
    assert convert(b"same", Law.PCMA, Law.PCMA) == b"same"


def test_half_a_sample_at_the_end_is_left_out() -> None:
    assert encode(b"\x00\x00\x00", Law.PCMA) == b"\xd5"
