"""Samples, scores and states from a leg's counters, second by second."""

from __future__ import annotations

import pytest

from sip_daemon.flow import TransportAddress
from sip_daemon.media.packets.rtcp import ReceiverReport, ReceptionReport, VoipMetrics
from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.description import LegDescription
from sip_daemon.media.session.hearing import Audio, Hearing
from sip_daemon.media.session.quality import QualityMeter
from sip_daemon.media.session.receiver import Receiver
from sip_daemon.media.session.reports import ReportExchange
from sip_daemon.media.session.stream import SendStream
from tests.sip_daemon.media.session.test_hearing import BEGIN
from tests.support.media_worker import PCMU

PEER = ("192.0.2.1", 4000)
OURS = 0x111


class Phone:
    """Sends 50 packets a second, of which some are lost, and reports now and then."""

    def __init__(self) -> None:
        self.receiver, self.sent = Receiver(), SendStream(OURS, 0, 0)
        self.receiver.describe(LegDescription(TransportAddress(*PEER), (PCMU,), (PCMU,)))
        self.reports = ReportExchange(OURS, "cname", wall_clock_offset=0.0)
        self.meter = QualityMeter(self.receiver, self.sent, self.reports)
        self.now = 0.0
        self.number = 0
        self.changes: list[Hearing] = []
        self.meter.start(BEGIN, self.now, "PCMU")

    def live(self, seconds: int, lost_every: int = 0) -> None:
        for _ in range(seconds):
            for _ in range(50):
                self.now += 0.02
                self.number += 1
                if not lost_every or self.number % lost_every:
                    packet = RtpPacket(0, self.number & 0xFFFF, self.number * 160, 7, b"\x01" * 160)
                    self.receiver.accept(packet.pack(), PEER, self.now)
                self.sent.count(self.number & 0xFFFF, self.number * 160, 160, self.now)
            self.tick()

    def tick(self) -> None:
        report = self.reports.remote
        facts = BEGIN._replace(
            received=self.receiver.packets, sent=self.sent.packets, reports=self.reports.taken,
            heard_up_to=report.highest_sequence if report is not None else None,
        )  # fmt: skip
        change = self.meter.tick(facts, self.now)
        if change is not None:
            self.changes.append(change)

    def report(self, highest: int, lost: int, *, fraction: int = 0, jitter: int = 0) -> None:
        block = ReceptionReport(OURS, fraction, lost, highest, jitter, 0, 0)
        self.reports.receive(ReceiverReport(7, (block,)), self.now)


def test_a_clean_stream_has_the_best_score_that_the_codec_allows() -> None:
    phone = Phone()
    phone.live(10)
    assert len(phone.meter.series) == 2
    assert phone.meter.latest.received == 250
    assert phone.meter.latest.loss_percent == 0
    assert phone.meter.mos == pytest.approx(4.41, abs=0.01)
    assert phone.meter.remote_mos is None


def test_loss_is_told_for_its_interval_and_lowers_the_score() -> None:
    phone = Phone()
    phone.live(5)
    phone.live(5, lost_every=20)
    phone.live(5)
    scores = [sample.mos for sample in phone.meter.series.samples()]
    losses = [sample.loss_percent for sample in phone.meter.series.samples()]
    assert losses == [0, pytest.approx(5, abs=0.5), pytest.approx(0, abs=0.4)]  # the last one shows in the next
    assert scores[1] == pytest.approx(3.93, abs=0.05)  # R = 93.2 - 95 x 5 / (5 + 25.1) = 77.4
    assert phone.meter.mos == pytest.approx(sum(score or 0 for score in scores) / 3, abs=0.01)


def test_what_the_phone_reports_is_counted_from_report_to_report() -> None:
    phone = Phone()
    phone.report(100, 0)
    phone.live(5)
    phone.report(350, 10, jitter=40)
    phone.live(5)
    sample = phone.meter.series.samples()[1]
    assert (sample.reported, sample.reported_lost, sample.reported_jitter_ms) == (250, 10, 5.0)
    assert sample.reported_mos == pytest.approx(4.03, abs=0.01)  # R = 93.2 - 95 x 4 / (4 + 25.1) = 80.1


def test_the_first_report_has_its_own_fraction_only() -> None:
    phone = Phone()
    phone.report(100, 50, fraction=26)
    phone.live(5)
    sample = phone.meter.latest
    assert sample.reported == 0
    assert sample.reported_mos == pytest.approx(3.40, abs=0.01)


def test_without_new_reports_the_last_one_stands_for_half_a_minute() -> None:
    phone = Phone()
    phone.report(100, 0)
    phone.live(5)
    phone.live(25)
    assert phone.meter.latest.reported_mos is not None
    assert phone.meter.series.samples()[-1].reported_mos is None
    phone.live(5)
    assert phone.meter.latest.reported_mos is None


def test_what_the_phone_discards_is_lost_to_its_listener() -> None:
    """RFC 3611 §4.7.1."""
    phone = Phone()
    phone.report(100, 0)
    phone.reports.receive(VoipMetrics(OURS, 0, 26, None, None, None), 0.0)
    phone.live(5)
    assert phone.meter.latest.reported_mos is not None
    assert phone.meter.latest.reported_mos < 3.4


def test_an_interval_without_a_packet_has_no_score() -> None:
    phone = Phone()
    for _ in range(5):
        phone.now += 1
        phone.tick()
    assert phone.meter.latest.mos is None
    assert phone.meter.hearing.speaks is Audio.NOTHING


def test_alarms_are_told_when_they_begin_and_end_and_nothing_else_is() -> None:
    phone = Phone()
    for _ in range(6):
        phone.now += 1
        phone.tick()
    phone.live(3)
    assert [change.speaks for change in phone.changes] == [Audio.NOTHING, Audio.FINE]


def test_before_an_offer_and_an_answer_there_is_nothing_to_tell() -> None:
    phone = Phone()
    meter = QualityMeter(phone.receiver, phone.sent, phone.reports)
    assert meter.tick(BEGIN, 1.0) is None
    assert meter.values(2.0) == {"seconds": 5, "age": 0.0, "speaks": [], "hears": []}


def test_the_series_is_told_in_columns_and_unknown_ones_are_left_out() -> None:
    phone = Phone()
    phone.live(12)
    values = phone.meter.values(phone.now)
    assert (values["seconds"], values["age"]) == (5, 12.0)
    assert values["received"] == [250, 250]
    assert values["speaks"] == ["fine", "fine"]
    assert "reported_mos" not in values
    assert "rtt_ms" not in values
