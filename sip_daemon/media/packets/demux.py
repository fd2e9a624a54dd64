"""Telling apart what shares a port, by the first octets (RFC 7983 §7, RFC 5761 §4)."""

from __future__ import annotations

from enum import StrEnum


class PacketKind(StrEnum):
    """What a datagram claims to be."""

    STUN = "stun"
    DTLS = "dtls"
    RTP = "rtp"
    RTCP = "rtcp"
    OTHER = "other"


RTCP_TYPES = range(192, 224)
"""As second octet: RTP payload types 64 to 95 with the marker bit set are never used beside RTCP (RFC 5761 §4)."""


def packet_kind(data: bytes | bytearray | memoryview) -> PacketKind:
    """By RFC 7983 §7. Two octets are looked at; everything after them is the parsers' matter."""
    if len(data) < 2:
        return PacketKind.OTHER
    first = data[0]
    if 128 <= first <= 191:
        return PacketKind.RTCP if data[1] in RTCP_TYPES else PacketKind.RTP
    if 20 <= first <= 63:
        return PacketKind.DTLS
    return PacketKind.STUN if first <= 3 else PacketKind.OTHER
