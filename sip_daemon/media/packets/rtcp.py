"""RTCP packets (RFC 3550 §6): sender and receiver reports, source descriptions, goodbyes; VoIP metrics of extended
reports (RFC 3611).

Always sent and read as compound packets (§6.1). Packets of other types inside a compound one (feedback) are stepped
over, and so are other blocks of an extended report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from sip_daemon.errors import RemoteProtocolError

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
EXTENDED_REPORT = 207

VOIP_METRICS = 7
"""Block type (RFC 3611 §4.7)."""

CNAME_ITEM = 1
MAX_REPORTS = 31
"""The count field has five bits."""

_HEAD = Struct("!BBH")
_SSRC = Struct("!I")
_SENDER = Struct("!QIII")
_REPORT = Struct("!IIIIII")
_BLOCK = Struct("!BBH")
_VOIP_METRICS = Struct("!IBBBBHHHHBBBBBBBB")
"""RFC 3611 §4.7 from the SSRC to MOS-CQ; the jitter buffer's three numbers after it are not read."""
_VOIP_METRICS_BYTES = 32


@dataclass(frozen=True, slots=True)
class ReceptionReport:
    """What a receiver tells about one source (§6.4.1)."""

    ssrc: int
    fraction_lost: int
    """In 256ths, since the previous report."""
    packets_lost: int
    """Since the beginning; negative when duplicates outnumber losses."""
    highest_sequence: int
    """Extended by the count of cycles."""
    jitter: int
    """In timestamp units."""
    last_sender_report: int
    """The middle 32 bits of the NTP time of the last SR from that source; 0 if there was none."""
    delay_since_last_sender_report: int
    """In units of 1/65536 s."""

    @classmethod
    def parse(cls, data: bytes, offset: int) -> ReceptionReport:
        ssrc, loss, highest, jitter, last, delay = _REPORT.unpack_from(data, offset)
        lost = loss & 0xFFFFFF
        return cls(ssrc, loss >> 24, lost - 0x1000000 if lost & 0x800000 else lost, highest, jitter, last, delay)

    def pack(self) -> bytes:
        lost = max(-0x800000, min(0x7FFFFF, self.packets_lost)) & 0xFFFFFF
        return _REPORT.pack(
            self.ssrc,
            self.fraction_lost << 24 | lost,
            self.highest_sequence & 0xFFFFFFFF,
            min(self.jitter, 0xFFFFFFFF),
            self.last_sender_report,
            min(self.delay_since_last_sender_report, 0xFFFFFFFF),
        )


@dataclass(frozen=True, slots=True)
class SenderReport:
    """§6.4.1"""

    ssrc: int
    ntp_time: int
    """64 bits: seconds since 1900 and their fraction."""
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    reports: tuple[ReceptionReport, ...] = ()

    def pack(self) -> bytes:
        body = _SENDER.pack(
            self.ntp_time, self.rtp_timestamp, self.packet_count & 0xFFFFFFFF, self.octet_count & 0xFFFFFFFF
        )
        return _pack(SENDER_REPORT, len(self.reports), _SSRC.pack(self.ssrc) + body + _pack_reports(self.reports))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """§6.4.2"""

    ssrc: int
    reports: tuple[ReceptionReport, ...] = ()

    def pack(self) -> bytes:
        return _pack(RECEIVER_REPORT, len(self.reports), _SSRC.pack(self.ssrc) + _pack_reports(self.reports))


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """§6.5, with the one item that is required."""

    ssrc: int
    cname: str

    def pack(self) -> bytes:
        name = self.cname.encode()[:255]
        chunk = _SSRC.pack(self.ssrc) + bytes((CNAME_ITEM, len(name))) + name
        return _pack(SOURCE_DESCRIPTION, 1, chunk + bytes(4 - len(chunk) % 4))


@dataclass(frozen=True, slots=True)
class Goodbye:
    """§6.6"""

    sources: tuple[int, ...]

    def pack(self) -> bytes:
        return _pack(GOODBYE, len(self.sources), b"".join(map(_SSRC.pack, self.sources)))


@dataclass(frozen=True, slots=True)
class VoipMetrics:
    """What a phone says of its own hearing (RFC 3611 §4.7), as far as we use it."""

    ssrc: int
    """The stream that it speaks of."""
    loss_rate: int
    """In 256ths, since the beginning."""
    discard_rate: int
    """In 256ths: what came, and too late or too early for its jitter buffer."""
    rating: int | None
    """R factor, 0 to 100."""
    mos_listening: float | None
    mos_conversation: float | None

    @classmethod
    def parse(cls, data: bytes, offset: int) -> VoipMetrics:
        """127 stands for "unavailable"; what is out of range is taken for it too."""
        values = _VOIP_METRICS.unpack_from(data, offset)
        rating, listening, conversation = values[13], values[15], values[16]
        return cls(
            values[0],
            values[1],
            values[2],
            rating if rating <= 100 else None,
            listening / 10 if 10 <= listening <= 50 else None,
            conversation / 10 if 10 <= conversation <= 50 else None,
        )


Received = SenderReport | ReceiverReport | Goodbye | VoipMetrics
"""What a peer's RTCP is read for."""

RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Goodbye


def pack_compound(packets: Sequence[RtcpPacket]) -> bytes:
    return b"".join(packet.pack() for packet in packets)


def parse_compound(data: bytes) -> list[Received]:
    """The reports, goodbyes and VoIP metrics of a compound packet, after the checks of RFC 3550 appendix A.2.

    Raises `RemoteProtocolError`. A lone report of reduced size (RFC 5506) is fine; descriptions are not returned.
    """
    packets: list[Received] = []
    offset = 0
    while offset < len(data):
        if len(data) - offset < _HEAD.size:
            raise RemoteProtocolError("RTCP packet is cut off")
        first, kind, words = _HEAD.unpack_from(data, offset)
        end = offset + 4 * (words + 1)
        if first >> 6 != 2 or end > len(data):
            raise RemoteProtocolError("RTCP packet has a wrong version or length")
        if offset == 0 and not 192 <= kind <= 223:
            raise RemoteProtocolError("RTCP packet has an unknown type")
        packets += _parse_one(data[offset:end], first & 0x1F, kind)
        offset = end
    if not data:
        raise RemoteProtocolError("RTCP packet is empty")
    return packets


def _parse_one(data: bytes, count: int, kind: int) -> Sequence[Received]:
    start = _HEAD.size + _SSRC.size
    if kind == SENDER_REPORT:
        _require(len(data) >= start + _SENDER.size + count * _REPORT.size)
        ntp, timestamp, packets, octets = _SENDER.unpack_from(data, start)
        reports = _parse_reports(data, start + _SENDER.size, count)
        return (SenderReport(_SSRC.unpack_from(data, 4)[0], ntp, timestamp, packets, octets, reports),)
    if kind == RECEIVER_REPORT:
        _require(len(data) >= start + count * _REPORT.size)
        return (ReceiverReport(_SSRC.unpack_from(data, 4)[0], _parse_reports(data, start, count)),)
    if kind == GOODBYE:
        _require(len(data) >= _HEAD.size + count * _SSRC.size)
        return (Goodbye(tuple(_SSRC.unpack_from(data, 4 + 4 * index)[0] for index in range(count))),)
    return _parse_extended(data) if kind == EXTENDED_REPORT else ()


def _parse_extended(data: bytes) -> list[VoipMetrics]:
    """RFC 3611 §2: the blocks after the sender's SSRC."""
    offset = _HEAD.size + _SSRC.size
    _require(len(data) >= offset)
    found: list[VoipMetrics] = []
    while offset < len(data):
        kind, _, words = _BLOCK.unpack_from(data, offset)
        start, offset = offset + _BLOCK.size, offset + _BLOCK.size + 4 * words
        _require(offset <= len(data))
        if kind == VOIP_METRICS:
            _require(offset - start >= _VOIP_METRICS_BYTES)
            found.append(VoipMetrics.parse(data, start))
    return found


def _require(fits: bool) -> None:
    if not fits:
        raise RemoteProtocolError("RTCP packet is shorter than its count says")


def _parse_reports(data: bytes, offset: int, count: int) -> tuple[ReceptionReport, ...]:
    return tuple(ReceptionReport.parse(data, offset + index * _REPORT.size) for index in range(count))


def _pack_reports(reports: Sequence[ReceptionReport]) -> bytes:
    return b"".join(report.pack() for report in reports)


def _pack(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body
