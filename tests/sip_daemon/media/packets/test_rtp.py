"""RTP data packets, RFC 3550 §5.1."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.media.packets.rtp import RtpPacket, sequence_step, timestamp_step

PACKETS = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=64),
    marker=st.booleans(),
)
HEAD = bytes.fromhex("0007 00000050 0000abcd")


@given(PACKETS)
def test_a_packet_makes_the_round_trip(packet: RtpPacket) -> None:
    assert RtpPacket.parse(packet.pack()) == packet


@given(st.binary(max_size=80))
def test_any_bytes_parse_or_raise_the_one_documented_error(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        RtpPacket.parse(data)


def test_contributing_sources_are_stepped_over() -> None:
    assert RtpPacket.parse(b"\x82\x00" + HEAD + bytes(8) + b"audio").payload == b"audio"


def test_a_header_extension_is_stepped_over() -> None:
    assert RtpPacket.parse(b"\x90\x00" + HEAD + b"\xbe\xde\x00\x01" + bytes(4) + b"audio").payload == b"audio"


def test_padding_is_taken_off() -> None:
    assert RtpPacket.parse(b"\xa0\x00" + HEAD + b"audio\x00\x00\x03").payload == b"audio"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x00" + HEAD[:-1],
        b"\x40\x00" + HEAD,
        b"\x8f\x00" + HEAD,
        b"\x90\x00" + HEAD + b"\xbe",
        b"\x90\x00" + HEAD + b"\xbe\xde\xff\xff",
        b"\xa0\x00" + HEAD + b"a\x00",
        b"\xa0\x00" + HEAD + b"a\xff",
    ],
    ids=["empty", "short", "version", "sources", "extension head", "extension", "no padding length", "padding"],
)
def test_a_header_that_does_not_fit_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        RtpPacket.parse(data)


@pytest.mark.parametrize(
    ("sequence", "highest", "step"), [(5, 4, 1), (0, 0xFFFF, 1), (0xFFFF, 0, -1), (3, 0x20000, 3), (0x8000, 0, -0x8000)]
)
def test_sequence_numbers_are_compared_on_their_circle(sequence: int, highest: int, step: int) -> None:
    assert sequence_step(sequence, highest) == step


def test_timestamps_are_compared_on_their_circle() -> None:
    assert timestamp_step(80, 0xFFFFFFB0) == 160
    assert timestamp_step(0xFFFFFFB0, 80) == -160
