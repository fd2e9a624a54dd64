"""What is known of a leg's audio: now, on average, and over time. Fed by a slow timer from counters.

Each second the two directions are judged (`hearing`); every fifth second is a sample of the series. Nothing here is
called for a packet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sip_daemon.media.packets.rtcp import ReceptionReport
from sip_daemon.media.session.counters import Tally
from sip_daemon.media.session.emodel import burst_ratio, estimate
from sip_daemon.media.session.hearing import Audio, Facts, Hearing, HearingWatch
from sip_daemon.media.session.listening import Listener
from sip_daemon.media.session.receiver import Receiver
from sip_daemon.media.session.reports import ReportExchange
from sip_daemon.media.session.series import SAMPLE_SECONDS, Sample, Series
from sip_daemon.media.session.stream import SendStream

AUDIO_NUMBERS: Final = {audio: 1 << index for index, audio in enumerate(Audio)}
"""A sample's `audio`: the bits of both directions, `speaks` in the lower octet and `hears` in the upper one."""

_STATES: Final = tuple(Audio)

REPORT_LASTS: Final = 6
"""Samples without a new report until what the phone hears is unknown again."""


def worst(bits: int) -> str:
    """Of the states that are set: they are numbered from harmless to grave."""
    return _STATES[max(0, bits.bit_length() - 1)].value


@dataclass(slots=True)
class Mean:
    """Of a score over the samples that have one."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float | None) -> None:
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


class QualityMeter:
    """Of one leg, for its whole life."""

    __slots__ = (
        "_heard_codec",
        "_mean",
        "_receiver",
        "_remote_mean",
        "_reported",
        "_reports",
        "_sent",
        "_sent_before",
        "_tally",
        "_ticks",
        "_watch",
        "_without_report",
        "latest",
        "listener",
        "series",
        "started_at",
    )

    def __init__(self, receiver: Receiver, sent: SendStream, reports: ReportExchange) -> None:
        self._receiver, self._sent, self._reports = receiver, sent, reports
        self.listener = Listener()
        self.series = Series()
        self.latest = Sample()
        """The last one; what the phone hears is kept for some samples where no report came."""
        self.started_at: float | None = None
        """When the first sample began: monotonic."""
        self._watch = HearingWatch()
        self._ticks = 0
        self._tally = Tally()
        self._sent_before = 0
        self._reported: ReceptionReport | None = None
        self._without_report = 0
        self._mean, self._remote_mean = Mean(), Mean()
        self._heard_codec = ""

    @property
    def hearing(self) -> Hearing:
        return self._watch.hearing

    @property
    def mos(self) -> float | None:
        """Mean score of what the phone sends."""
        return self._mean.value

    @property
    def remote_mos(self) -> float | None:
        """Mean score of what the phone hears."""
        return self._remote_mean.value

    def values(self, now: float) -> dict[str, Any]:
        """The series for the control protocol: a list for each column, those without any value left out."""
        samples = self.series.samples()
        columns = dict(zip(Sample._fields, map(list, zip(*samples, strict=True)), strict=False))
        bits = columns.pop("audio", [])
        return {
            "seconds": self.series.seconds,
            "age": round(now - self.started_at, 1) if self.started_at is not None else 0.0,
            **{name: column for name, column in columns.items() if any(value is not None for value in column)},
            "speaks": [worst(number & 0xFF) for number in bits],
            "hears": [worst(number >> 8) for number in bits],
        }

    def start(self, facts: Facts, now: float, heard_codec: str) -> None:
        """An offer and an answer were concluded; `heard_codec` names what the phone gets."""
        self._watch.start(facts, now)
        self._heard_codec = heard_codec
        if self.started_at is None:
            self.started_at = now
            self._sent_before, self._tally = self._sent.packets, self._receiver.tally

    def tick(self, facts: Facts, now: float) -> Hearing | None:
        """Once a second. The new state, when an alarm has begun, changed or ended."""
        if self.started_at is None:
            return None
        before = self._watch.hearing
        after = self._watch.check(facts, now)
        self._ticks += 1
        if self._ticks % SAMPLE_SECONDS == 0:
            self._take_sample(after)
        return after if after is not before and (after.is_alarm or before.is_alarm) else None

    def _take_sample(self, hearing: Hearing) -> None:
        rtt = self._reports.rtt
        rtt_ms = 1000 * rtt if rtt is not None else None
        sample = self._of_reports(self._of_packets(rtt_ms), rtt_ms)
        sample = sample._replace(audio=AUDIO_NUMBERS[hearing.speaks] | AUDIO_NUMBERS[hearing.hears] << 8)
        self.listener.start_interval()
        self.series.add(sample)
        self._mean.add(sample.mos)
        self._remote_mean.add(sample.reported_mos)
        self._keep(sample)

    def _of_packets(self, rtt_ms: float | None) -> Sample:
        """What we have counted ourselves."""
        tally, sent = self._receiver.tally, self._sent.packets
        news, self._tally = tally.since(self._tally), tally
        newly_sent, self._sent_before = sent - self._sent_before, sent
        sample = Sample(news.packets, news.lost, news.discarded, newly_sent, rtt_ms=rtt_ms)
        if not news.packets:
            return sample
        codec = self._receiver.codec
        loss = min(1.0, (news.lost + news.discarded) / max(1, news.expected))
        bursts = burst_ratio(news.lost, news.gaps, loss)
        return sample._replace(
            silent=self.listener.silent,
            jitter_ms=self._receiver.jitter_ms,
            mos=estimate(codec.name if codec is not None else "", loss, bursts, rtt_ms),
            level_db=self.listener.loudest,
        )

    def _of_reports(self, sample: Sample, rtt_ms: float | None) -> Sample:
        """What the phone's last report adds: it speaks of the time since the report before."""
        report, before = self._reports.remote, self._reported
        if report is None or report is before:
            return sample
        self._reported = report
        jitter_ms = 1000 * report.jitter / self._sent.clock_rate
        if before is None:
            # The first one: its own fraction is all that there is.
            expected, lost = 256, report.fraction_lost
        else:
            expected = (report.highest_sequence - before.highest_sequence) & 0xFFFFFFFF
            lost = max(0, report.packets_lost - before.packets_lost)
        if not 0 < expected < 1 << 20:
            return sample._replace(reported_jitter_ms=jitter_ms)
        metrics = self._reports.metrics
        discarded = metrics.discard_rate / 256 if metrics is not None else 0.0
        loss = min(1.0, lost / expected + discarded)
        return sample._replace(
            reported=expected if before is not None else 0,
            reported_lost=min(lost, expected) if before is not None else 0,
            reported_jitter_ms=jitter_ms,
            reported_mos=estimate(self._heard_codec, loss, 1.0, rtt_ms),
        )

    def _keep(self, sample: Sample) -> None:
        latest = self.latest
        if sample.reported_jitter_ms is not None:
            self._without_report = 0
        else:
            self._without_report += 1
            if self._without_report < REPORT_LASTS:
                sample = sample._replace(
                    reported=latest.reported,
                    reported_lost=latest.reported_lost,
                    reported_jitter_ms=latest.reported_jitter_ms,
                    reported_mos=latest.reported_mos,
                )
        self.latest = sample
