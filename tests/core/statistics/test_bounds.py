"""Bounds of a rate from a fixed number of draws, and the golden values of all bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stabcert.core.statistics import bounds, finite
from stabcert.errors import ParameterError
from tests.core.helpers import GOLDEN, clopper_pearson_interval
from tests.oracles import e_value_finite

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
    assert clopper_pearson_interval(matches, samples, delta) == pytest.approx((low, high), abs=1e-12)


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
    assert finite.log_e_value_finite(limit, matches, failures, population) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("matches", "samples", "population", "delta", "low"), GOLDEN["hypergeometric_lower"])
def test_the_hypergeometric_bound_is_the_golden_one(
    matches: int, samples: int, population: int, delta: float, low: int
) -> None:
    assert finite.hypergeometric_lower(matches, samples, population, delta) == low


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


@pytest.mark.slow
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
    exact = np.array([clopper_pearson_interval(s, samples, delta) for s in range(samples + 1)])
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

    lows = [finite.hypergeometric_lower(s, samples, population, delta) for s in range(samples + 1)]
    for matches, low in enumerate(lows):
        assert low == next(k for k in range(population + 1) if at_least(matches, k) > delta)
        assert finite.hypergeometric_upper(samples - matches, samples, population, delta) == population - low
    for count in range(population + 1):
        missing = [s for s, low in enumerate(lows) if low > count]
        assert not missing or at_least(min(missing), count) <= delta


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
            assert finite.finite_lower(matches, failures, population, delta) == min(kept)


@given(COUNTS, DELTAS)
def test_all_bounds_are_rates_and_ordered(counts: tuple[int, int], delta: float) -> None:
    matches, failures = counts
    samples = matches + failures
    rate = matches / samples
    for low, high in (
        (bounds.clopper_pearson_lower(matches, samples, delta), bounds.clopper_pearson_upper(matches, samples, delta)),
        (bounds.hoeffding_lower(matches, samples, delta), bounds.hoeffding_upper(matches, samples, delta)),
        (bounds.anytime_lower(matches, failures, delta), bounds.anytime_upper(matches, failures, delta)),
        clopper_pearson_interval(matches, samples, delta),
    ):
        assert 0.0 <= low <= rate <= high <= 1.0


@pytest.mark.slow
@given(COUNTS, DELTAS, DELTAS)
def test_lower_bounds_grow_with_matches_and_with_delta(
    counts: tuple[int, int], delta: float, other_delta: float
) -> None:
    matches, failures = counts
    samples = matches + failures
    small, large = sorted((delta, other_delta))
    lowers: list[Callable[[int, float], float]] = [
        lambda s, d: bounds.clopper_pearson_lower(s, samples, d),
        lambda s, d: bounds.hoeffding_lower(s, samples, d),
        lambda s, d: bounds.anytime_lower(s, samples - s, d),
        lambda s, d: float(finite.finite_lower(s, samples - s, samples + 50, d)),
        lambda s, d: float(finite.hypergeometric_lower(s, samples, samples + 50, d)),
    ]
    for lower in lowers:
        assert lower(matches, small) <= lower(matches, large) + 1e-12
        if failures:
            assert lower(matches, delta) <= lower(matches + 1, delta) + 1e-12


@given(st.floats(0.001, 1.0), st.integers(1, 10**6))
def test_the_smallest_count_is_the_first_whose_rate_reaches_the_threshold(threshold: float, population: int) -> None:
    count = finite.smallest_count(threshold, population)
    assert count / population >= threshold
    assert count == 0 or (count - 1) / population < threshold


@pytest.mark.parametrize(
    ("threshold", "population", "count"), [(0.9, 10, 9), (0.7, 10, 7), (1.0, 57, 57), (0.3, 10, 3), (2 / 3, 3, 2)]
)
def test_a_threshold_that_is_a_multiple_needs_exactly_that_count(threshold: float, population: int, count: int) -> None:
    assert finite.smallest_count(threshold, population) == count


def _tail(matches: int, samples: int, rate: Fraction) -> Fraction:
    """P(``matches`` or more of ``samples``), exactly."""
    return sum(
        (math.comb(samples, i) * rate**i * (1 - rate) ** (samples - i) for i in range(matches, samples + 1)),
        Fraction(0),
    )


@pytest.mark.slow
@pytest.mark.parametrize("delta", [0.9, 0.5, 0.1, 0.05, 1e-3, 1e-12, 1e-99, 1e-120, 1e-290])
@pytest.mark.parametrize("samples", [1, 2, 7, 30, 60])
def test_clopper_pearson_bounds_are_rounded_to_the_side_on_which_they_hold(samples: int, delta: float) -> None:
    for matches in range(samples + 1):
        lower = bounds.clopper_pearson_lower(matches, samples, delta)
        upper = bounds.clopper_pearson_upper(matches, samples, delta)
        assert matches == 0 or _tail(matches, samples, Fraction(lower)) <= Fraction(delta)
        assert matches == samples or _tail(samples - matches, samples, 1 - Fraction(upper)) <= Fraction(delta)


@pytest.mark.parametrize("delta", [1e-291, 1e-300, 5e-324])
def test_a_delta_whose_shares_would_not_be_numbers_is_refused(delta: float) -> None:
    with pytest.raises(ParameterError, match=r"at least 1e-290|between 0 and 1"):
        bounds.check_delta(delta)


def test_the_anytime_upper_bound_is_rounded_up() -> None:
    for matches, failures in ((140, 10), (0, 10), (3, 1)):
        lower = bounds.anytime_lower(failures, matches, 0.1)
        assert Fraction(bounds.anytime_upper(matches, failures, 0.1)) >= 1 - Fraction(lower)
