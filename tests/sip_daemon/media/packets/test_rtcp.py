"""RTCP, RFC 3550 §6."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.media.packets.rtcp import (
    Goodbye,
    ReceiverReport,
    ReceptionReport,
    SenderReport,
    SourceDescription,
    VoipMetrics,
    pack_compound,
    parse_compound,
)

U32 = st.integers(0, 0xFFFFFFFF)
REPORTS = st.builds(
    ReceptionReport,
    ssrc=U32,
    fraction_lost=st.integers(0, 255),
    packets_lost=st.integers(-0x800000, 0x7FFFFF),
    highest_sequence=U32,
    jitter=U32,
    last_sender_report=U32,
    delay_since_last_sender_report=U32,
)
BLOCKS = st.lists(REPORTS, max_size=3).map(tuple)
SENDER_REPORTS = st.builds(SenderReport, U32, st.integers(0, 2**64 - 1), U32, U32, U32, BLOCKS)
RECEIVER_REPORTS = st.builds(ReceiverReport, U32, BLOCKS)


@given(st.one_of(SENDER_REPORTS, RECEIVER_REPORTS))
def test_reports_make_the_round_trip(report: SenderReport | ReceiverReport) -> None:
    assert parse_compound(report.pack()) == [report]


@given(st.binary(max_size=120))
def test_any_bytes_parse_or_raise_the_one_documented_error(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        parse_compound(data)


def test_a_compound_packet_yields_reports_and_goodbyes_in_order() -> None:
    report, goodbye = ReceiverReport(1), Goodbye((1, 2))
    data = pack_compound([report, SourceDescription(1, "someone"), goodbye])
    assert parse_compound(data) == [report, goodbye]


def metrics(ssrc: int = 7, *, rating: int = 92, listening: int = 41, conversation: int = 127) -> bytes:
    """A packet of extended reports: first a receiver reference time, then VoIP metrics (RFC 3611 §4.4, §4.7)."""
    reference = b"\x04\x00\x00\x02" + bytes(8)
    block = struct.pack(
        "!BBHIBBBBHHHHBBBBBBBBBBHHH",
        7, 0, 8, ssrc, 3, 5, 0, 0, 0, 0, 40, 80, 0, 0, 0, 16, rating, 127, listening, conversation, 0, 0, 60, 80, 200,
    )  # fmt: skip
    body = reference + block
    return struct.pack("!BBHI", 0x80, 207, 1 + len(body) // 4, 99) + body


def test_voip_metrics_of_an_extended_report_are_read_and_other_blocks_stepped_over() -> None:
    report = ReceiverReport(1)
    assert parse_compound(report.pack() + metrics()) == [report, VoipMetrics(7, 3, 5, 92, 4.1, None)]


def test_what_a_phone_does_not_measure_is_unknown() -> None:
    """RFC 3611 §4.7.5: 127."""
    (read,) = parse_compound(metrics(rating=127, listening=127))
    assert read == VoipMetrics(7, 3, 5, None, None, None)


@pytest.mark.parametrize(("at", "value"), [(23, 3), (23, 9)], ids=["metrics too short", "block too long"])
def test_a_block_that_does_not_fit_its_report_is_refused(at: int, value: int) -> None:
    data = bytearray(metrics())
    data[at] = value
    with pytest.raises(RemoteProtocolError):
        parse_compound(bytes(data))


@given(st.binary(max_size=60).map(lambda body: body + bytes(-len(body) % 4)))
def test_any_extended_report_parses_or_raises_the_one_documented_error(body: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        parse_compound(struct.pack("!BBHI", 0x80, 207, 1 + len(body) // 4, 99) + body)


@pytest.mark.parametrize("length", range(1, 9))
def test_a_description_ends_at_a_word_with_at_least_one_zero(length: int) -> None:
    data = SourceDescription(1, "n" * length).pack()
    assert len(data) % 4 == 0
    assert data[-1] == 0
    assert int.from_bytes(data[2:4], "big") == len(data) // 4 - 1


def test_an_unknown_type_inside_a_compound_packet_is_stepped_over() -> None:
    feedback = b"\x81\xce\x00\x02" + bytes(8)
    assert parse_compound(ReceiverReport(1).pack() + feedback) == [ReceiverReport(1)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\xc9\x00",
        b"\x40\xc9\x00\x01" + bytes(4),
        b"\x80\xc9\x00\x09" + bytes(4),
        b"\x81\xc9\x00\x01" + bytes(4),
        b"\x80\xc8\x00\x01" + bytes(4),
        b"\x85\xcb\x00\x01" + bytes(4),
        b"\x80\x00\x00\x01" + bytes(4),
    ],
    ids=["empty", "short", "version", "length", "no block", "no sender", "sources", "not RTCP"],
)
def test_a_packet_shorter_than_it_says_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_compound(data)


def test_a_loss_count_beyond_24_bits_stays_at_the_limit() -> None:
    report = ReceptionReport(1, 0, 0x1000000, 0, 0, 0, 0)
    assert ReceptionReport.parse(report.pack(), 0).packets_lost == 0x7FFFFF
