"""A leg's samples: packed, bounded, and merged for long calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_daemon.media.session.series import CAPACITY, SAMPLE_SECONDS, Sample, Series

COUNT = st.integers(0, 0xFFFFFFFF)


def level(most: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(0, most)


SAMPLES = st.builds(
    Sample, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT,
    level(6000), level(4.5), level(6000), level(4.5), level(60000), level(90), st.integers(0, 0xFFFF),
)  # fmt: skip


@given(SAMPLES)
def test_a_sample_is_packed_without_loss_of_meaning(sample: Sample) -> None:
    again = Sample.unpack(sample.pack())
    assert again[:7] == sample[:7]
    assert again.audio == sample.audio
    for name, exactness in (("mos", 0.001), ("jitter_ms", 0.1), ("rtt_ms", 1.0), ("level_db", 0.1)):
        assert getattr(again, name) == pytest.approx(getattr(sample, name), abs=exactness)


def test_two_intervals_as_one_add_their_counts_and_keep_the_worse_of_the_rest() -> None:
    one = Sample(250, 2, 1, 250, jitter_ms=3.0, mos=4.4, rtt_ms=20.0, level_db=12.0, audio=1)
    other = Sample(240, 10, 0, 250, jitter_ms=1.0, mos=3.1, reported_mos=4.0, level_db=30.0, audio=2)
    assert one.merged(other) == Sample(
        490, 12, 1, 500, jitter_ms=3.0, mos=3.1, reported_mos=4.0, rtt_ms=20.0, level_db=12.0, audio=3
    )


def test_a_short_call_keeps_each_sample() -> None:
    series = Series()
    for number in range(CAPACITY):
        series.add(Sample(received=number))
    assert [sample.received for sample in series.samples()] == list(range(CAPACITY))
    assert series.seconds == SAMPLE_SECONDS


def test_a_call_of_ten_hours_keeps_at_most_as_many_of_more_seconds_each() -> None:
    series, added = Series(), 10 * 3600 // SAMPLE_SECONDS
    for _ in range(added):
        series.add(Sample(received=1))
    assert CAPACITY / 2 < len(series) <= CAPACITY
    assert series.seconds == 320
    samples = series.samples()
    assert sum(sample.received for sample in samples) == added
    assert {sample.received for sample in samples[:-1]} == {320 // SAMPLE_SECONDS}


def test_a_moment_of_trouble_stays_to_be_seen_in_a_long_call() -> None:
    series = Series()
    for number in range(5000):
        series.add(Sample(mos=1.5 if number == 77 else 4.4))
    assert sum(sample.mos is not None and sample.mos < 2 for sample in series.samples()) == 1


def test_what_overflows_is_cut_off_at_the_greatest_value() -> None:
    assert Sample.unpack(Sample(rtt_ms=1e9, received=1 << 40).pack())[:1] == (0xFFFFFFFF,)
    assert Sample.unpack(Sample(rtt_ms=1e9).pack()).rtt_ms == 0xFFFE


def test_loss_is_told_of_what_was_sent_and_not_where_nothing_came() -> None:
    assert Sample(received=90, lost=10, discarded=5).loss_percent == 15
    assert Sample(received=10, discarded=50).loss_percent == 100
    assert Sample(lost=10).loss_percent is None
    assert Sample(reported=200, reported_lost=3).reported_loss_percent == 1.5
    assert Sample().reported_loss_percent is None
