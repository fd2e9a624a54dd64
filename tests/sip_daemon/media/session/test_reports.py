"""RTCP made and consumed, RFC 3550 §6.4."""

from __future__ import annotations

import pytest

from sip_daemon.media.packets.rtcp import (
    Goodbye,
    ReceiverReport,
    ReceptionReport,
    SenderReport,
    VoipMetrics,
    parse_compound,
)
from sip_daemon.media.session.reports import NTP_EPOCH, ReportExchange, next_interval
from sip_daemon.media.session.stream import ReceiveStream, SendStream

OURS, THEIRS = 0x111, 0x222


def exchange() -> ReportExchange:
    return ReportExchange(OURS, "cname", wall_clock_offset=1_000_000.0)


def sent(packets: int = 1) -> SendStream:
    stream = SendStream(OURS, 99, 4840)
    for index in range(packets):
        stream.count(100 + index, 5000 + 160 * index, 160, 10.0)
    return stream


def test_who_has_sent_reports_as_a_sender() -> None:
    (report,) = parse_compound(exchange().make(sent(), None, 10.5))
    assert isinstance(report, SenderReport)
    assert report.ntp_time >> 32 == NTP_EPOCH + 1_000_010
    assert (report.rtp_timestamp, report.packet_count, report.octet_count) == (9000, 1, 160)


def test_who_has_sent_nothing_since_the_last_report_reports_as_a_receiver() -> None:
    made, stream = exchange(), sent()
    made.make(stream, None, 10.5)
    assert parse_compound(made.make(stream, None, 15.0)) == [ReceiverReport(OURS)]


def test_a_report_tells_what_was_received() -> None:
    stream = ReceiveStream(THEIRS, 500, 0, 8000, 0.0)
    for sequence in (500, 501, 503):
        stream.count(sequence, 0, 160, 0.0)
    (report,) = parse_compound(exchange().make(sent(0), stream, 1.0))
    assert isinstance(report, ReceiverReport)
    (block,) = report.reports
    assert (block.ssrc, block.packets_lost, block.fraction_lost, block.highest_sequence) == (THEIRS, 1, 64, 503)
    assert (block.last_sender_report, block.delay_since_last_sender_report) == (0, 0)


def test_the_peers_last_sender_report_is_named_with_its_age() -> None:
    made, stream = exchange(), ReceiveStream(THEIRS, 500, 0, 8000, 0.0)
    made.receive(SenderReport(THEIRS, 0xAAAA_1234_5678_BBBB, 0, 0, 0), 10.0)
    (report,) = parse_compound(made.make(sent(0), stream, 12.5))
    assert isinstance(report, ReceiverReport)
    assert report.reports[0].last_sender_report == 0x12345678
    assert report.reports[0].delay_since_last_sender_report == round(2.5 * 65536)


def test_the_round_trip_is_what_neither_side_spent_waiting() -> None:
    """RFC 3550 figure 2."""
    made = exchange()
    (ours,) = parse_compound(made.make(sent(), None, 10.0))
    assert isinstance(ours, SenderReport)
    block = ReceptionReport(OURS, 0, 3, 100, 80, ours.ntp_time >> 16 & 0xFFFFFFFF, 2 * 65536)
    made.receive(ReceiverReport(THEIRS, (block,)), 12.05)
    assert made.rtt == pytest.approx(0.05, abs=0.001)
    assert made.remote == block
    assert (made.taken, made.about_us) == (1, 1)


def test_an_impossible_round_trip_is_not_believed() -> None:
    made = exchange()
    made.receive(ReceiverReport(THEIRS, (ReceptionReport(OURS, 0, 0, 0, 0, 0x7FFF0000, 0),)), 12.0)
    assert made.rtt is None


@pytest.mark.parametrize(("early", "rtt"), [(0.004, 0.0), (0.02, None)])
def test_a_delay_that_was_rounded_up_makes_no_round_trip_below_zero(early: float, rtt: float | None) -> None:
    made = exchange()
    (ours,) = parse_compound(made.make(sent(), None, 10.0))
    assert isinstance(ours, SenderReport)
    block = ReceptionReport(OURS, 0, 0, 100, 0, ours.ntp_time >> 16 & 0xFFFFFFFF, 2 * 65536)
    made.receive(ReceiverReport(THEIRS, (block,)), 12.0 - early)
    assert made.rtt == rtt


def test_metrics_of_our_stream_are_kept_and_those_of_others_are_not() -> None:
    """RFC 3611 §4.7."""
    made = exchange()
    ours = VoipMetrics(OURS, 1, 2, 80, 4.0, 3.9)
    for metrics in (ours, VoipMetrics(0x999, 9, 9, 9, 1.0, 1.0)):
        made.receive(metrics, 1.0)
    assert (made.metrics, made.taken) == (ours, 0)


def test_reports_are_five_seconds_apart_on_average() -> None:
    """RFC 3550 §6.3.1: from half to one and a half times the interval, divided by e - 3/2."""
    intervals = [next_interval() for _ in range(500)]
    assert 2.5 / 1.21828 <= min(intervals) < 2.5
    assert 5.5 < max(intervals) <= 7.5 / 1.21828


def test_reports_about_others_are_ignored() -> None:
    made = exchange()
    made.receive(ReceiverReport(THEIRS, (ReceptionReport(0x999, 0, 9, 0, 9, 1, 0),)), 1.0)
    made.receive(Goodbye((THEIRS,)), 1.0)
    assert (made.rtt, made.remote) == (None, None)
    assert (made.taken, made.about_us) == (1, 0)


def test_the_last_packet_says_goodbye() -> None:
    assert parse_compound(exchange().make(sent(), None, 1.0, goodbye=True))[-1] == Goodbye((OURS,))
