"""Which protocol a datagram belongs to, RFC 7983 §7 and RFC 5761 §4."""

from __future__ import annotations

import pytest

from sip_daemon.media.packets.demux import PacketKind, packet_kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x00\x01", PacketKind.STUN),
        (b"\x03\x01", PacketKind.STUN),
        (b"\x14\xfe", PacketKind.DTLS),
        (b"\x3f\xfe", PacketKind.DTLS),
        (b"\x80\x00", PacketKind.RTP),
        (b"\xbf\xff", PacketKind.RTP),
        (b"\x80\xc8", PacketKind.RTCP),
        (b"\x81\xcb", PacketKind.RTCP),
        (b"\x80\xe0", PacketKind.RTP),
        (b"\x80\x80", PacketKind.RTP),
        (b"\x10\x00", PacketKind.OTHER),
        (b"\x40\x00", PacketKind.OTHER),
        (b"\xc0\x00", PacketKind.OTHER),
        (b"\x80", PacketKind.OTHER),
        (b"", PacketKind.OTHER),
    ],
)
def test_the_first_octets_decide(data: bytes, kind: PacketKind) -> None:
    assert packet_kind(data) is kind
