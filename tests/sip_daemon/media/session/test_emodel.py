"""The E-model against the reference values of ITU-T G.107 and G.113."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_daemon.media.session.emodel import (
    burst_ratio,
    delay_impairment,
    estimate,
    loss_impairment,
    opinion_score,
    transmission_rating,
)


@pytest.mark.parametrize(
    ("rating", "score"),
    [(93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0), (-5, 1.0), (100, 4.5)],
)
def test_a_rating_has_the_score_of_annex_b(rating: float, score: float) -> None:
    """G.107 table B.1, and its formula at the ends."""
    assert opinion_score(rating) == pytest.approx(score, abs=0.01)


def test_nothing_wrong_gives_the_default_rating() -> None:
    assert transmission_rating("PCMA/8000", 0.0, 1.0, 0.0) == 93.2


@pytest.mark.parametrize(("delay", "impairment"), [(0, 0), (100, 0), (200, 3.04), (300, 14.76), (400, 24.07)])
def test_delay_costs_as_the_formula_of_7_4_says(delay: float, impairment: float) -> None:
    assert delay_impairment(delay) == pytest.approx(impairment, abs=0.05)


@pytest.mark.parametrize(
    ("codec", "loss", "impairment"),
    [("PCMU/8000", 0.0, 0.0), ("PCMU/8000", 0.01, 3.64), ("G729/8000", 0.0, 11.0), ("g729/8000", 0.02, 19.0)],
)
def test_loss_costs_by_the_codecs_robustness(codec: str, loss: float, impairment: float) -> None:
    """G.107 §7.5 with Ie and Bpl of G.113 appendix I: 95 x 1 / (1 + 25.1), 11 + 84 x 2 / (2 + 19)."""
    assert loss_impairment(codec, loss, 1.0) == pytest.approx(impairment, abs=0.01)


def test_bursts_cost_more_than_losses_by_chance() -> None:
    assert loss_impairment("PCMU", 0.05, 2.0) > loss_impairment("PCMU", 0.05, 1.0)
    assert burst_ratio(lost=10, gaps=10, loss=0.05) == 1.0
    assert burst_ratio(lost=20, gaps=5, loss=0.05) == pytest.approx(3.8)


def test_a_codec_that_the_standard_does_not_know_is_rated_too() -> None:
    assert estimate("opus/48000/2", 0.0, 1.0, None) == pytest.approx(4.41, abs=0.005)


def test_without_a_round_trip_the_way_is_short() -> None:
    assert estimate("PCMU", 0.0, 1.0, None) == estimate("PCMU", 0.0, 1.0, 10.0)
    assert estimate("PCMU", 0.0, 1.0, 600.0) < 3.9


@given(st.floats(0, 1), st.floats(1, 100), st.floats(0, 60_000))
def test_a_score_is_always_one_and_worse_with_more_loss(loss: float, bursts: float, rtt: float) -> None:
    score = estimate("PCMU", loss, bursts, rtt)
    assert 1.0 <= score <= 4.5
    assert score <= estimate("PCMU", loss / 2, bursts, rtt)
