"""RTP data packets (RFC 3550 §5.1).

The relay handles plain packets in place (`session.relay`); this module is for all the others, which are rare:
packets with contributing sources, header extensions or padding, and those that we look into.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from sip_daemon.errors import RemoteProtocolError

HEADER = Struct("!BBHII")
HEADER_BYTES = HEADER.size
PLAIN = 0x80
"""First octet of a packet of version 2 without padding, extension or contributing sources."""
MARKER = 0x80
SEQUENCE_MASK = 0xFFFF
TIMESTAMP_MASK = 0xFFFFFFFF

_EXTENSION = Struct("!HH")


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet, stripped of contributing sources, header extension and padding."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    @classmethod
    def parse(cls, data: bytes | bytearray | memoryview) -> RtpPacket:
        """Raises `RemoteProtocolError` for anything that is not RTP of version 2."""
        if len(data) < HEADER_BYTES:
            raise RemoteProtocolError("RTP packet is shorter than its header")
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        if first >> 6 != 2:
            raise RemoteProtocolError("RTP version is not 2")
        start, end = _payload_bounds(data, first)
        return cls(second & 0x7F, sequence, timestamp, ssrc, bytes(data[start:end]), bool(second & MARKER))

    def pack(self) -> bytes:
        second = self.payload_type | (MARKER if self.marker else 0)
        return HEADER.pack(PLAIN, second, self.sequence, self.timestamp, self.ssrc) + self.payload


def _payload_bounds(data: bytes | bytearray | memoryview, first: int) -> tuple[int, int]:
    start = HEADER_BYTES + 4 * (first & 0x0F)
    end = len(data)
    if first & 0x10:
        if end < start + _EXTENSION.size:
            raise RemoteProtocolError("RTP header extension is cut off")
        start += _EXTENSION.size + 4 * int(_EXTENSION.unpack_from(data, start)[1])
    if first & 0x20:
        padding = data[end - 1]
        if padding == 0:
            raise RemoteProtocolError("RTP padding has no length")
        end -= padding
    if start > end:
        raise RemoteProtocolError("RTP header is longer than its packet")
    return start, end


def sequence_step(sequence: int, highest: int) -> int:
    """How far `sequence` is ahead of `highest` on the circle of 16 bits: -32768 to 32767.

    `highest` may be an extended number that has counted past 16 bits.
    """
    return ((sequence - highest + 0x8000) & SEQUENCE_MASK) - 0x8000


def timestamp_step(timestamp: int, reference: int) -> int:
    """The same for timestamps, on the circle of 32 bits."""
    return ((timestamp - reference + 0x80000000) & TIMESTAMP_MASK) - 0x80000000
