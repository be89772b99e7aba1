"""Means before and after, paired differences, their coverage, and the test of masked inputs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import prod
from statistics import fmean

import numpy as np
import pytest
from scipy import stats

from stabcert.core.adaptation.confidence import overconfidence, poisson_binomial_cdf
from stabcert.core.adaptation.division import reporting_order, reporting_part
from stabcert.core.adaptation.result import ComparedInput, MaskedShare, ModelReading
from stabcert.core.adaptation.summary import summarise_comparison
from stabcert.core.curve.result import Estimate, MaskStability, SmoothedInput, TriedAdditions
from stabcert.core.statistics.means import difference_lower, difference_upper, mean_interval
from stabcert.errors import InputError, ParameterError

ONE, HALF = Fraction(1), Fraction(1, 2)


def reading(
    agreements: int,
    *,
    clean: bool = True,
    correct: int | None = None,
    near_ties: int = 0,
    near_tie: bool = False,
    radius: int | None = 2,
    masked: int = 0,
    removed: int | None = 3,
) -> ModelReading:
    """A model on an input of 8 features; class 0 is the original model's."""
    prediction = 0 if clean else 1
    right = None if correct is None else int(correct > 0)
    additions = (TriedAdditions(1, 1, 4, 3, 0, False),)
    mask = MaskStability(masked, False, masked == prediction, 6, radius, additions)
    unsmoothed = SmoothedInput(ONE, 8, prediction, near_tie, None, None, 0, (mask,))
    smoothed = replace(
        unsmoothed,
        keep_probability=HALF,
        correct=None if correct is None else bool(right),
        decremental_radius=removed,
        masks=(replace(mask, additions=()),),
    )
    return ModelReading(
        prediction,
        near_tie,
        (
            MaskedShare(ONE, 8, 1, int(clean), right, 0, 0.9, clean),
            MaskedShare(HALF, 4, 4, agreements, correct, near_ties, 0.5, agreements > 0),
        ),
        (unsmoothed, smoothed),
    )


def compared(before: ModelReading, after: ModelReading) -> ComparedInput:
    return ComparedInput(8, before, after)


def test_means_and_differences_are_those_of_the_counts() -> None:
    inputs = [compared(reading(i % 3), reading(3 + i % 2, clean=i > 0)) for i in range(20)]
    found = summarise_comparison(inputs, delta=0.1)
    assert (found.inputs, found.labelled, found.delta) == (20, 0, 0.1)
    before, after = [i % 3 / 4 for i in range(20)], [(3 + i % 2) / 4 for i in range(20)]
    for measure in (found.find("agreement", HALF), found.find("masked agreement")):
        assert measure is not None
        assert measure.before == Estimate(fmean(before), *mean_interval(before, 0.1))
        assert measure.after == Estimate(fmean(after), *mean_interval(after, 0.1))
        gains = np.subtract(after, before)
        expected = Estimate(fmean(gains), difference_lower(gains, 0.05), difference_upper(gains, 0.05))
        assert measure.difference == expected
    clean = found.find("agreement", ONE)
    assert clean is not None
    assert (clean.before.mean, clean.after.mean, clean.difference.mean) == (1.0, 0.95, pytest.approx(-0.05))
    interval = stats.binomtest(19, 20).proportion_ci(0.9, "exact")
    assert (clean.after.lower, clean.after.upper) == pytest.approx((interval.low, interval.high))
    assert found.find("accuracy", ONE) is None
    assert found.find("certified accuracy", HALF, 1) is None


def test_proved_radii_count_where_the_original_class_is_kept() -> None:
    other = reading(0, masked=1, radius=5)
    found = summarise_comparison(
        [compared(reading(4, radius=2), other), compared(other, reading(4, radius=6))], delta=0.1
    )
    proved = found.find("proved radius", HALF, 1)
    share = found.find("proved share", HALF)
    assert proved is not None
    assert share is not None
    assert (proved.before.mean, proved.after.mean) == (0.5, 0.5)
    assert (share.before.mean, share.after.mean) == (pytest.approx(1 / 6), 0.5)
    assert (found.mean_radii[0].before, found.mean_radii[0].after) == (1.0, 3.0)


@pytest.mark.parametrize(("removed", "radius_1"), [(0, 0.0), (1, 1.0), (None, 0.0)])
def test_certified_needs_the_class_and_the_radius(removed: int | None, radius_1: float) -> None:
    right = reading(4, correct=4, removed=removed)
    found = summarise_comparison([compared(right, reading(4, correct=0, removed=3))], delta=0.1)
    for name in ("certified agreement", "certified accuracy"):
        measure = found.find(name, HALF, 1)  # type: ignore[arg-type]
        assert measure is not None
        assert measure.before.mean == radius_1
    accuracy = found.find("certified accuracy", HALF, 1)
    assert accuracy is not None
    assert accuracy.after.mean == 0.0  # wrong, however stable


def test_near_ties_count_against_the_lower_and_for_the_upper_bound() -> None:
    open_ = [compared(reading(4), reading(1, near_ties=3)) for _ in range(30)]
    found = summarise_comparison(open_, delta=0.1).find("agreement", HALF)
    assert found is not None
    assert found.after.mean == 0.25
    assert found.after.upper == 1.0
    assert found.difference.lower < -0.75 < found.difference.mean + 1e-9
    tied = [compared(reading(0, near_tie=True), reading(4)) for _ in range(30)]
    found = summarise_comparison(tied, delta=0.1).find("agreement", HALF)
    assert found is not None
    assert (found.after.mean, found.after.upper) == (0.0, 1.0)


def test_what_cannot_be_summarised_is_refused() -> None:
    with pytest.raises(InputError, match="at least one input"):
        summarise_comparison([], delta=0.1)
    one = compared(reading(4), reading(4))
    other = replace(one, after=replace(one.after, shares=one.after.shares[:1]))
    with pytest.raises(InputError, match="same keep shares"):
        summarise_comparison([one, other], delta=0.1)
    with pytest.raises(ParameterError, match="delta"):
        summarise_comparison([one], delta=0.0)


@pytest.mark.slow
def test_intervals_of_the_gain_cover_it() -> None:
    """150 samples of 15 inputs from a population with a known gain: misses are binomial with at most 0.2 of them."""
    rng = np.random.default_rng(0)
    misses = 0
    for _ in range(150):
        inputs = [compared(reading(int(rng.binomial(4, 0.3))), reading(int(rng.binomial(4, 0.6)))) for _ in range(15)]
        found = summarise_comparison(inputs, delta=0.2).find("masked agreement")
        assert found is not None
        misses += not found.difference.lower <= 0.3 <= found.difference.upper
    assert stats.binom.sf(misses - 1, 150, 0.2) > 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_the_law_of_the_agreements_is_that_of_all_outcomes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.random(int(rng.integers(1, 9))).tolist()
    law = np.zeros(len(probabilities) + 1)
    for outcome in product((0, 1), repeat=len(probabilities)):
        law[sum(outcome)] += prod(p if one else 1 - p for p, one in zip(probabilities, outcome, strict=True))
    for count in range(len(probabilities) + 1):
        assert poisson_binomial_cdf(count, probabilities) == pytest.approx(min(1.0, law[: count + 1].sum()), rel=1e-8)


def test_an_honest_model_is_rarely_called_overconfident() -> None:
    rng, p_values = np.random.default_rng(1), []
    for _ in range(1000):
        confidences = rng.uniform(0.3, 1.0, 30)
        p_values.append(overconfidence(confidences, (rng.random(30) < confidences).tolist(), HALF).p_value)
    for level in (0.01, 0.1, 0.3):
        assert stats.binom.sf(np.sum(np.array(p_values) <= level) - 1, 1000, level) > 1e-9


def test_a_model_that_states_more_than_it_holds_is_found() -> None:
    found = overconfidence([0.9] * 20, [True, None, *[False] * 18], HALF)
    assert (found.inputs, found.agreements, found.agreement) == (20, 2, 0.1)
    assert found.confidence == pytest.approx(0.9)
    assert found.p_value == pytest.approx(stats.binom.cdf(2, 20, 0.9), rel=1e-6)
    assert overconfidence([1.0, 1.0], [False, True], HALF).p_value < 1e-9
    assert overconfidence([0.5, 0.5], [True, True], HALF).p_value == 1.0


def test_the_reporting_part_is_drawn_by_seed_and_content_alone() -> None:
    hashes = [f"{i:064x}" for i in range(50)]
    chosen = reporting_part(hashes, share=0.2, seed=0)
    assert len(chosen) == 10
    assert chosen == reporting_part([*hashes[::-1], *hashes], share=0.2, seed=0)
    assert chosen != reporting_part(hashes, share=0.2, seed=1)
    assert chosen == reporting_order(hashes, seed=0)[:10]
    with pytest.raises(InputError, match="at least 2 to report on, got 4 distinct"):
        reporting_part(hashes[:4], share=0.2, seed=0)
    with pytest.raises(ParameterError, match="between 0 and 1"):
        reporting_part(hashes, share=1.0, seed=0)
