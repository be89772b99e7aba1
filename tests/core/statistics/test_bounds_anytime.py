"""The evidence of independent draws and the bounds that hold at every moment."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.statistics import bounds, finite
from tests.core.helpers import GOLDEN
from tests.oracles import e_value, ever_above

LOG_10 = math.log(10)


@given(st.floats(0.005, 0.9), st.floats(1e-6, 0.9))
def test_the_hoeffding_sample_size_is_the_smallest_that_reaches_epsilon(epsilon: float, delta: float) -> None:
    samples = bounds.hoeffding_sample_size(epsilon, delta)
    assert 2 * math.exp(-2 * samples * epsilon**2) <= delta * (1 + 1e-9)
    if samples > 1:
        assert 2 * math.exp(-2 * (samples - 1) * epsilon**2) > delta * (1 - 1e-9)
    assert bounds.hoeffding_epsilon(samples, delta) <= epsilon * (1 + 1e-12)


@pytest.mark.parametrize(
    ("threshold", "matches", "failures"),
    [(0.9, 0, 0), (0.9, 29, 0), (0.9, 0, 7), (0.5, 1, 1), (0.1, 3, 40), (0.99, 600, 2), (0.02, 5, 5), (0.75, 80, 41)],
)
def test_the_e_value_is_the_mixture_of_likelihood_ratios_above_the_threshold(
    threshold: float, matches: int, failures: int
) -> None:
    expected = e_value(threshold, matches, failures)
    assert math.exp(bounds.log_e_value(threshold, matches, failures)) == pytest.approx(expected, rel=1e-8)


def test_without_draws_there_is_no_evidence() -> None:
    assert all(bounds.log_e_value(t, 0, 0) == pytest.approx(0.0, abs=1e-12) for t in (0.0, 0.01, 0.5, 0.9, 0.999))
    assert all(finite.log_e_value_finite(k, 0, 0, 40) == pytest.approx(0.0, abs=1e-12) for k in range(40))


def test_nothing_can_refute_that_the_rate_is_at_most_1_and_one_match_refutes_that_it_is_0() -> None:
    assert bounds.log_e_value(1.0, 10**6, 0) == -math.inf
    assert bounds.log_e_value(0.0, 1, 100) == math.inf


def test_the_e_value_is_a_supermartingale_at_every_rate_up_to_the_threshold() -> None:
    for threshold in (0.02, 0.3, 0.5, 0.9, 0.98):
        for matches in (0, 1, 5, 28, 200):
            for failures in (0, 1, 4, 30):
                now = bounds.log_e_value(threshold, matches, failures)
                up = math.exp(bounds.log_e_value(threshold, matches + 1, failures) - now)
                down = math.exp(bounds.log_e_value(threshold, matches, failures + 1) - now)
                assert threshold * up + (1 - threshold) * down == pytest.approx(1.0, abs=1e-8)
                for rate in np.linspace(0, threshold, 9):
                    assert rate * up + (1 - rate) * down <= 1 + 1e-8


def smallest_that_certify(threshold: float, delta: float, horizon: int) -> list[int]:
    """For each n the smallest number of matches at which the e-value reaches 1 / delta."""
    smallest, wanted = [1], 0
    for n in range(1, horizon + 1):
        while wanted <= n and bounds.log_e_value(threshold, wanted, n - wanted) < -math.log(delta):
            wanted += 1
        smallest.append(wanted)
    return smallest


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "probability"), GOLDEN["ever_above_0.1_within_5000"])
def test_the_anytime_bound_is_ever_wrong_with_the_golden_probability_which_is_below_delta(
    rate: float, probability: float
) -> None:
    missed = ever_above(rate, smallest_that_certify(rate, 0.1, 5000))
    assert missed <= 0.1
    assert missed == pytest.approx(probability, abs=1e-4)


@pytest.mark.parametrize(("threshold", "delta"), [(0.9, 0.1), (0.5, 0.05), (0.98, 0.01), (0.07, 0.1)])
def test_a_false_certification_has_probability_at_most_delta_at_every_rate_below(
    threshold: float, delta: float
) -> None:
    smallest = smallest_that_certify(threshold, delta, 300)
    for rate in np.linspace(0, threshold, 12):
        assert ever_above(float(rate), smallest) <= delta


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("delta", [0.1, 0.02])
def test_the_anytime_bounds_of_all_moments_hold_together(rate: float, delta: float) -> None:
    """Each side by itself: the lower bound exceeds the rate at no moment, the upper bound falls below it at none."""
    too_many_matches, too_many_failures = [1], [1]
    matches = failures = 0
    for n in range(1, 80):
        while matches <= n and bounds.anytime_lower(matches, n - matches, delta) <= rate:
            matches += 1
        while failures <= n and bounds.anytime_upper(n - failures, failures, delta) >= rate:
            failures += 1
        too_many_matches.append(matches)
        too_many_failures.append(failures)
    assert ever_above(rate, too_many_matches) <= delta
    assert ever_above(1 - rate, too_many_failures) <= delta


def test_evidence_grows_with_matches_and_shrinks_with_the_threshold() -> None:
    thresholds = np.linspace(0.05, 0.95, 19)
    for matches, failures in ((10, 0), (40, 3), (150, 12), (5, 5)):
        values = [bounds.log_e_value(float(t), matches, failures) for t in thresholds]
        rejected = [value >= LOG_10 for value in values]
        assert rejected == sorted(rejected, reverse=True)  # what is rejected is everything below one number
        assert all(a < b for a, b in pairwise(bounds.log_e_value(0.9, s, failures) for s in range(60)))
