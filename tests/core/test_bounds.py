"""Bounds of a rate: golden values, exact coverage, and the definitions they must agree with."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stabcert.core import bounds
from stabcert.errors import ParameterError
from tests.core.golden import GOLDEN
from tests.oracles import e_value, e_value_finite, ever_above, ever_true_without_replacement

LOG_10 = math.log(10)
DELTAS = st.floats(1e-6, 0.5)
COUNTS = st.tuples(st.integers(0, 300), st.integers(0, 300)).filter(lambda counts: sum(counts) > 0)


@pytest.mark.parametrize(("epsilon", "delta", "samples"), GOLDEN["hoeffding_sample_size"])
def test_the_hoeffding_sample_size_is_the_golden_one(epsilon: float, delta: float, samples: int) -> None:
    assert bounds.hoeffding_sample_size(epsilon, delta) == samples


@pytest.mark.parametrize(("samples", "delta", "epsilon"), GOLDEN["hoeffding_epsilon"])
def test_the_hoeffding_half_width_is_the_golden_one(samples: int, delta: float, epsilon: float) -> None:
    assert bounds.hoeffding_epsilon(samples, delta) == pytest.approx(epsilon, abs=1e-15)


@pytest.mark.parametrize(("matches", "samples", "delta", "low", "high"), GOLDEN["clopper_pearson_interval"])
def test_the_clopper_pearson_interval_is_the_golden_one(
    matches: int, samples: int, delta: float, low: float, high: float
) -> None:
    assert bounds.clopper_pearson_interval(matches, samples, delta) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(("matches", "samples", "delta", "low"), GOLDEN["clopper_pearson_lower"])
def test_the_one_sided_clopper_pearson_bound_is_the_golden_one(
    matches: int, samples: int, delta: float, low: float
) -> None:
    assert bounds.clopper_pearson_lower(matches, samples, delta) == pytest.approx(low, abs=1e-12)


@pytest.mark.parametrize(("threshold", "matches", "failures", "value"), GOLDEN["log_e_value"])
def test_the_e_value_is_the_golden_one(threshold: float, matches: int, failures: int, value: float) -> None:
    assert bounds.log_e_value(threshold, matches, failures) == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize(("matches", "failures", "delta", "low"), GOLDEN["anytime_lower"])
def test_the_anytime_lower_bound_is_the_golden_one(matches: int, failures: int, delta: float, low: float) -> None:
    assert bounds.anytime_lower(matches, failures, delta) == pytest.approx(low, abs=1e-10)


@pytest.mark.parametrize(("matches", "failures", "delta", "high"), GOLDEN["anytime_upper"])
def test_the_anytime_upper_bound_is_the_golden_one(matches: int, failures: int, delta: float, high: float) -> None:
    assert bounds.anytime_upper(matches, failures, delta) == pytest.approx(high, abs=1e-10)


@pytest.mark.parametrize(("limit", "matches", "failures", "population", "value"), GOLDEN["log_e_value_finite"])
def test_the_e_value_without_replacement_is_the_golden_one(
    limit: int, matches: int, failures: int, population: int, value: float
) -> None:
    assert bounds.log_e_value_finite(limit, matches, failures, population) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("matches", "samples", "population", "delta", "low"), GOLDEN["hypergeometric_lower"])
def test_the_hypergeometric_bound_is_the_golden_one(
    matches: int, samples: int, population: int, delta: float, low: int
) -> None:
    assert bounds.hypergeometric_lower(matches, samples, population, delta) == low


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_a_delta_outside_of_0_to_1_is_refused(delta: float) -> None:
    with pytest.raises(ParameterError, match="delta"):
        bounds.check_delta(delta)
    with pytest.raises(ParameterError, match="delta"):
        bounds.hoeffding_sample_size(0.1, delta)


@pytest.mark.parametrize("epsilon", [0.0, 1.0, -0.1, math.nan, math.inf])
def test_an_epsilon_outside_of_0_to_1_is_refused(epsilon: float) -> None:
    with pytest.raises(ParameterError, match="epsilon"):
        bounds.hoeffding_sample_size(epsilon, 0.1)


@given(st.floats(0.005, 0.9), st.floats(1e-6, 0.9))
def test_the_hoeffding_sample_size_is_the_smallest_that_reaches_epsilon(epsilon: float, delta: float) -> None:
    samples = bounds.hoeffding_sample_size(epsilon, delta)
    assert 2 * math.exp(-2 * samples * epsilon**2) <= delta * (1 + 1e-9)
    if samples > 1:
        assert 2 * math.exp(-2 * (samples - 1) * epsilon**2) > delta * (1 - 1e-9)
    assert bounds.hoeffding_epsilon(samples, delta) <= epsilon * (1 + 1e-12)


@pytest.mark.parametrize("samples", [10, 30, 150])
@pytest.mark.parametrize("delta", [0.1, 0.01])
def test_fixed_sample_bounds_miss_with_probability_at_most_delta_at_every_rate(samples: int, delta: float) -> None:
    counts = np.arange(samples + 1)
    for lower, upper in (
        (bounds.clopper_pearson_lower, bounds.clopper_pearson_upper),
        (bounds.hoeffding_lower, bounds.hoeffding_upper),
    ):
        lows = np.array([lower(s, samples, delta) for s in range(samples + 1)])
        highs = np.array([upper(s, samples, delta) for s in range(samples + 1)])
        # The worst rates are the bounds themselves, approached from the side that is missed.
        for rate in np.concatenate([np.linspace(0, 1, 401), np.clip(lows - 1e-10, 0, 1), np.clip(highs + 1e-10, 0, 1)]):
            law = stats.binom.pmf(counts, samples, rate)
            assert law[lows > rate].sum() <= delta * (1 + 1e-6)
            assert law[highs < rate].sum() <= delta * (1 + 1e-6)


def test_clopper_pearson_is_tight_and_the_papers_interval_is_not() -> None:
    counts, samples, delta = np.arange(151), 150, 0.1
    exact = np.array([bounds.clopper_pearson_interval(s, samples, delta) for s in counts])
    half = bounds.hoeffding_epsilon(samples, delta)
    coverage_exact, coverage_paper = [], []
    for rate in np.linspace(0.0005, 0.9995, 4001):
        law = stats.binom.pmf(counts, samples, rate)
        coverage_exact.append(law[(exact[:, 0] <= rate) & (rate <= exact[:, 1])].sum())
        coverage_paper.append(law[np.abs(counts / samples - rate) <= half].sum())
    assert min(coverage_exact) == pytest.approx(0.9003, abs=3e-4)
    assert min(coverage_paper) == pytest.approx(0.9826, abs=3e-4)


@pytest.mark.parametrize("delta", [0.1, 0.03])
@pytest.mark.parametrize(("population", "samples"), [(10, 4), (37, 20), (60, 59), (150, 30)])
def test_the_hypergeometric_bound_is_the_smallest_count_that_is_not_refuted(
    population: int, samples: int, delta: float
) -> None:
    total = math.comb(population, samples)

    def at_least(matches: int, count: int) -> Fraction:
        hits = range(matches, min(count, samples) + 1)
        return Fraction(
            sum(math.comb(count, i) * math.comb(population - count, samples - i) for i in hits),
            total,
        )

    lows = [bounds.hypergeometric_lower(s, samples, population, delta) for s in range(samples + 1)]
    for matches, low in enumerate(lows):
        assert low == next(k for k in range(population + 1) if at_least(matches, k) > delta)
        assert bounds.hypergeometric_upper(samples - matches, samples, population, delta) == population - low
    for count in range(population + 1):
        missing = [s for s, low in enumerate(lows) if low > count]
        assert not missing or at_least(min(missing), count) <= delta


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
    assert all(bounds.log_e_value_finite(k, 0, 0, 40) == pytest.approx(0.0, abs=1e-12) for k in range(40))


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


def test_the_e_value_without_replacement_is_the_definition_in_exact_fractions() -> None:
    for population in (1, 2, 7, 30):
        for limit in range(0, population, max(1, population // 7)):
            for matches in range(0, limit + 1, max(1, limit // 4)):
                for failures in range(0, population - limit, max(1, (population - limit) // 4)):
                    expected = float(e_value_finite(limit, matches, failures, population))
                    value = math.exp(bounds.log_e_value_finite(limit, matches, failures, population))
                    assert value == pytest.approx(expected, rel=1e-8)


def test_draws_that_contradict_a_finite_statement_decide_it() -> None:
    assert bounds.log_e_value_finite(5, 6, 0, 10) == math.inf
    assert bounds.log_e_value_finite(5, 0, 5, 10) == -math.inf
    assert bounds.log_e_value_finite(5, 6, 4, 10) == math.inf


@pytest.mark.parametrize("population", [1, 2, 5, 9, 13])
def test_the_e_value_without_replacement_is_a_supermartingale_for_every_count_up_to_the_limit(population: int) -> None:
    def value(limit: int, matches: int, failures: int) -> float:
        return math.exp(bounds.log_e_value_finite(limit, matches, failures, population))

    for limit in range(population):
        for count in range(limit + 1):
            for matches in range(count + 1):
                for failures in range(population - count + 1):
                    left = population - matches - failures
                    if not left or failures > population - limit - 1:
                        continue  # nothing left to draw, or no evidence left to lose
                    up = (count - matches) * (value(limit, matches + 1, failures) if matches < count else 0.0)
                    more = population - count - failures
                    down = more * (value(limit, matches, failures + 1) if more else 0.0)
                    assert (up + down) / left <= value(limit, matches, failures) * (1 + 1e-8)


@pytest.mark.parametrize(("population", "limit", "delta"), [(20, 17, 0.1), (20, 9, 0.1), (57, 51, 0.1), (57, 51, 0.02)])
def test_a_false_certification_without_replacement_has_probability_at_most_delta(
    population: int, limit: int, delta: float
) -> None:
    def certifies(matches: int, failures: int) -> bool:
        return bounds.log_e_value_finite(limit, matches, failures, population) >= -math.log(delta)

    missed = [ever_true_without_replacement(k, population, certifies) for k in (limit, limit - 1, limit - 4)]
    assert max(missed) <= delta
    assert missed[0] > delta / 3  # the guarantee is used, not given away


@pytest.mark.parametrize("delta", [0.1, 0.03])
def test_the_finite_bounds_of_all_moments_hold_together(delta: float) -> None:
    population = 24
    low = {
        (s, f): bounds.finite_lower(s, f, population, delta)
        for s in range(population + 1)
        for f in range(population + 1 - s)
    }
    for count in range(population + 1):
        wrong = ever_true_without_replacement(count, population, lambda s, f, count=count: low[s, f] > count)  # type: ignore[misc]
        assert wrong <= delta
        for s, f in ((count, population - count), (count // 2, (population - count) // 3)):
            assert bounds.finite_upper(f, s, population, delta) == population - low[s, f]
    # At the end everything is known.
    assert all(low[s, population - s] == s for s in range(population + 1))


def test_the_finite_bound_is_the_smallest_count_that_is_not_rejected() -> None:
    population, delta = 30, 0.1
    for matches in range(0, 28, 3):
        for failures in range(0, population - matches + 1, 4):
            possible = range(matches, population - failures + 1)
            kept = [
                count
                for count in possible
                if count == population - failures or e_value_finite(count, matches, failures, population) < 1 / delta
            ]
            assert bounds.finite_lower(matches, failures, population, delta) == min(kept)


@given(COUNTS, DELTAS)
def test_all_bounds_are_rates_and_ordered(counts: tuple[int, int], delta: float) -> None:
    matches, failures = counts
    samples = matches + failures
    rate = matches / samples
    for low, high in (
        (bounds.clopper_pearson_lower(matches, samples, delta), bounds.clopper_pearson_upper(matches, samples, delta)),
        (bounds.hoeffding_lower(matches, samples, delta), bounds.hoeffding_upper(matches, samples, delta)),
        (bounds.anytime_lower(matches, failures, delta), bounds.anytime_upper(matches, failures, delta)),
        bounds.clopper_pearson_interval(matches, samples, delta),
    ):
        assert 0.0 <= low <= rate <= high <= 1.0


@given(COUNTS, DELTAS, DELTAS)
def test_lower_bounds_grow_with_matches_and_with_delta(
    counts: tuple[int, int], delta: float, other_delta: float
) -> None:
    matches, failures = counts
    samples = matches + failures
    small, large = sorted((delta, other_delta))
    for lower in (
        lambda s, d: bounds.clopper_pearson_lower(s, samples, d),
        lambda s, d: bounds.hoeffding_lower(s, samples, d),
        lambda s, d: bounds.anytime_lower(s, samples - s, d),
        lambda s, d: float(bounds.finite_lower(s, samples - s, samples + 50, d)),
        lambda s, d: float(bounds.hypergeometric_lower(s, samples, samples + 50, d)),
    ):
        assert lower(matches, small) <= lower(matches, large) + 1e-12
        if failures:
            assert lower(matches, delta) <= lower(matches + 1, delta) + 1e-12


def test_evidence_grows_with_matches_and_shrinks_with_the_threshold() -> None:
    thresholds = np.linspace(0.05, 0.95, 19)
    for matches, failures in ((10, 0), (40, 3), (150, 12), (5, 5)):
        values = [bounds.log_e_value(float(t), matches, failures) for t in thresholds]
        rejected = [value >= LOG_10 for value in values]
        assert rejected == sorted(rejected, reverse=True)  # what is rejected is everything below one number
        assert all(a < b for a, b in pairwise(bounds.log_e_value(0.9, s, failures) for s in range(60)))


@given(st.floats(0.001, 1.0), st.integers(1, 10**6))
def test_the_smallest_count_is_the_first_whose_rate_reaches_the_threshold(threshold: float, population: int) -> None:
    count = bounds.smallest_count(threshold, population)
    assert count / population >= threshold
    assert count == 0 or (count - 1) / population < threshold


@pytest.mark.parametrize(
    ("threshold", "population", "count"), [(0.9, 10, 9), (0.7, 10, 7), (1.0, 57, 57), (0.3, 10, 3), (2 / 3, 3, 2)]
)
def test_a_threshold_that_is_a_multiple_needs_exactly_that_count(threshold: float, population: int, count: int) -> None:
    assert bounds.smallest_count(threshold, population) == count
