"""G.711: mu-law and A-law (ITU-T G.711), as tables.

Between the two laws, and from either to 16-bit samples, a packet is translated by `bytes.translate`, at the speed of
C. Only the way from samples costs a step of Python for each sample; it is never taken on the packet path.
"""

from __future__ import annotations

import sys
from array import array
from enum import StrEnum

SAMPLE_RATE = 8000
BYTES_PER_MS = SAMPLE_RATE // 1000

_BIAS = 132
_CLIP = 32635


class Law(StrEnum):
    """The two companding laws, by their RTP names (RFC 3551 §4.5.14)."""

    PCMU = "PCMU"
    PCMA = "PCMA"


SILENCE: dict[Law, int] = {Law.PCMU: 0xFF, Law.PCMA: 0xD5}
"""The code of a zero sample."""


def _decode_mu_law(code: int) -> int:
    inverted = ~code & 0xFF
    magnitude = (((inverted & 0x0F) << 3) + _BIAS) << (inverted >> 4 & 7)
    return _BIAS - magnitude if inverted & 0x80 else magnitude - _BIAS


def _decode_a_law(code: int) -> int:
    toggled = code ^ 0x55
    segment = toggled >> 4 & 7
    magnitude = ((toggled & 0x0F) << 4) + 8
    if segment:
        magnitude = (magnitude + 0x100) << (segment - 1)
    return magnitude if toggled & 0x80 else -magnitude


def _encode_mu_law(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | (magnitude >> (segment + 3)) & 0x0F) & 0xFF


def _encode_a_law(sample: int) -> int:
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(sample if sample >= 0 else -sample - 1, 32767) >> 3
    segment = max(magnitude.bit_length() - 5, 0)
    code = magnitude >> 1 if segment < 2 else (magnitude >> segment) & 0x0F
    return (sign | ((segment << 4) | (code & 0x0F))) ^ 0x55


_DECODE = {
    Law.PCMU: [_decode_mu_law(code) for code in range(256)],
    Law.PCMA: [_decode_a_law(code) for code in range(256)],
}
_ENCODERS = {Law.PCMU: _encode_mu_law, Law.PCMA: _encode_a_law}
_LOW = {law: bytes(sample & 0xFF for sample in _DECODE[law]) for law in Law}
_HIGH = {law: bytes(sample >> 8 & 0xFF for sample in _DECODE[law]) for law in Law}
_ACROSS = {
    Law.PCMU: bytes(_encode_a_law(sample) for sample in _DECODE[Law.PCMU]),
    Law.PCMA: bytes(_encode_mu_law(sample) for sample in _DECODE[Law.PCMA]),
}
_encode_tables: dict[Law, bytes] = {}


def _encode_table(law: Law) -> bytes:
    """By sample as an unsigned 16-bit number. Made when first needed: 65,536 entries take some 30 ms."""
    if law not in _encode_tables:
        encode = _ENCODERS[law]
        _encode_tables[law] = bytes(
            encode(number if number < 0x8000 else number - 0x10000) for number in range(0x10000)
        )
    return _encode_tables[law]


def encode(pcm: bytes, law: Law) -> bytes:
    """16-bit little-endian samples to codes."""
    samples = array("H")
    samples.frombytes(pcm[: len(pcm) & ~1])
    if sys.byteorder == "big":
        samples.byteswap()
    return bytes(map(_encode_table(law).__getitem__, samples))


def decode(codes: bytes, law: Law) -> bytes:
    """Codes to 16-bit little-endian samples."""
    pcm = bytearray(2 * len(codes))
    pcm[0::2] = codes.translate(_LOW[law])
    pcm[1::2] = codes.translate(_HIGH[law])
    return bytes(pcm)


def convert(codes: bytes, law: Law, to: Law) -> bytes:
    """Codes of one law to those of the other."""
    return codes if law is to else codes.translate(_ACROSS[law])
