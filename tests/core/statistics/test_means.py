"""Bounds on the mean of values in [0, 1]: exact miss probabilities by enumeration of every outcome."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stabcert.core.statistics.bounds import clopper_pearson_lower, hoeffding_epsilon
from stabcert.core.statistics.means import (
    difference_lower,
    difference_upper,
    log_e_value,
    mean_interval,
    mean_lower,
    mean_upper,
)
from stabcert.errors import InputError, ParameterError
from tests.core.helpers import difference_interval

LAWS: list[tuple[Sequence[float], Sequence[float]]] = [
    ([0, 1], [0.1, 0.9]),
    ([0, 1], [0.5, 0.5]),
    ([0, 1], [0.98, 0.02]),
    ([0, 0.5, 1], [0.2, 0.3, 0.5]),
    ([0.4, 0.9, 1], [0.05, 0.15, 0.8]),
    ([0, 0.1, 1], [0.3, 0.65, 0.05]),
    ([0.2, 0.5, 0.7, 0.8], [0.1, 0.2, 0.3, 0.4]),
]
SHARES = st.lists(st.integers(0, 10).map(lambda tenths: tenths / 10), min_size=1, max_size=30)


def outcomes(support: Sequence[float], weights: Sequence[float], n: int) -> Iterator[tuple[list[float], float]]:
    """Every sample of n values, up to order, with its probability."""
    for head in product(range(n + 1), repeat=len(support) - 1):
        if sum(head) <= n:
            counts = [*head, n - sum(head)]
            probability = float(stats.multinomial.pmf(counts, n, weights))
            yield [x for x, count in zip(support, counts, strict=True) for _ in range(count)], probability


def slow_e_value(mean: Fraction, values: Sequence[float]) -> float:
    """The definition with whole numbers of bets, in exact arithmetic for each product."""
    bets = [Fraction(math.sin(math.pi * j / 32) ** 2) for j in range(1, 17)]
    return float(sum(math.prod(1 + c * (Fraction(x) / mean - 1) for x in values) for c in bets) / 16)


@pytest.mark.slow
@pytest.mark.parametrize(("support", "weights"), LAWS)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_no_law_is_missed_more_often_than_promised(support: Sequence[float], weights: Sequence[float], n: int) -> None:
    """Every outcome, no simulation; both sides and the interval, at levels at which the bounds do move."""
    mean = float(np.dot(support, weights))
    for delta in (0.1, 0.7):
        below = above = either = 0.0
        for values, probability in outcomes(support, weights, n):
            below += probability * (mean_lower(values, delta) > mean)
            above += probability * (mean_upper(values, delta) < mean)
            either += probability * (mean_lower(values, delta / 2) > mean or mean_upper(values, delta / 2) < mean)
        assert max(below, above, either) <= delta


def test_the_bound_of_certain_ones_would_be_missed_if_it_were_a_little_larger() -> None:
    """All ones at the mean just under the bound: their probability is within a factor of 1.5 of delta."""
    n, delta = 40, 0.05
    probability = mean_lower(np.ones(n), delta) ** n
    assert delta / 4 < probability <= delta


@pytest.mark.parametrize(("support", "weights"), LAWS)
def test_the_evidence_has_expectation_one_at_the_true_mean_and_less_above_it(
    support: Sequence[float], weights: Sequence[float]
) -> None:
    mean = float(np.dot(support, weights))
    for candidate, expected in ((mean, 1.0), (min(1.0, mean * 1.05), None)):
        total = sum(p * math.exp(log_e_value(candidate, values)) for values, p in outcomes(support, weights, 6))
        assert total == pytest.approx(expected, rel=1e-9) if expected else total < 1.0


@given(SHARES, st.integers(1, 99))
def test_the_evidence_is_that_of_the_definition(values: list[float], percent: int) -> None:
    exact = slow_e_value(Fraction(percent, 100), values)
    assert math.exp(log_e_value(percent / 100, values)) == pytest.approx(exact, rel=1e-9, abs=1e-300)


@pytest.mark.slow
@given(SHARES, st.sampled_from([0.01, 0.05, 0.1, 0.5]))
def test_the_bound_is_the_largest_rejected_mean(values: list[float], delta: float) -> None:
    low = mean_lower(values, delta)
    if low > 0:
        assert slow_e_value(Fraction(low), values) >= 1 / delta
        assert slow_e_value(Fraction(low) + Fraction(1, 10**6), values) < 1 / delta
    else:
        assert slow_e_value(Fraction(1, 10**6), values) < 1 / delta


@pytest.mark.slow
@given(SHARES, st.randoms(use_true_random=False))
def test_the_order_of_the_values_does_not_matter_in_the_last_bit(values: list[float], random: object) -> None:
    shuffled = values[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert mean_interval(shuffled, 0.1) == mean_interval(values, 0.1)


@pytest.mark.parametrize("n", [1, 3, 20, 1000])
def test_values_that_are_all_one_have_a_bound_in_closed_form(n: int) -> None:
    """The average over the bets of (1 + c (1 / L - 1))^n is 1 / delta at the bound L."""
    delta = 0.1
    low = mean_lower(np.ones(n), delta)
    average = np.mean([(1 + math.sin(math.pi * j / 32) ** 2 * (1 / low - 1)) ** n for j in range(1, 17)])
    assert average == pytest.approx(1 / delta, rel=1e-6)
    assert low < clopper_pearson_lower(n, n, delta)
    assert mean_upper(np.ones(n), delta) == 1.0


@pytest.mark.slow
@given(SHARES)
def test_a_smaller_delta_gives_a_wider_interval_around_the_mean(values: list[float]) -> None:
    mean = float(np.mean(values))
    before = (mean, mean)
    for delta in (0.5, 0.2, 0.1, 0.01, 1e-6):
        low, high = mean_interval(values, delta)
        assert 0.0 <= low <= before[0] + 1e-12
        assert before[1] - 1e-12 <= high <= 1.0
        before = (low, high)


@pytest.mark.slow
@given(SHARES)
def test_an_interval_shares_delta_between_its_ends(values: list[float]) -> None:
    assert mean_interval(values, 0.2) == (mean_lower(values, 0.1), mean_upper(values, 0.1))


@given(SHARES)
def test_the_bounds_are_mirror_images(values: list[float]) -> None:
    mirrored = [1.0 - value for value in values]
    assert mean_upper(values, 0.1) == 1.0 - mean_lower(mirrored, 0.1)


@pytest.mark.slow
@given(SHARES, st.integers(0, 29), st.integers(1, 10))
def test_a_larger_value_never_lowers_a_bound(values: list[float], position: int, tenths: int) -> None:
    raised = values[:]
    raised[position % len(values)] = min(1.0, raised[position % len(values)] + tenths / 10)
    for before, after in zip(mean_interval(values, 0.1), mean_interval(raised, 0.1), strict=True):
        assert after >= before - 1e-12


def test_values_that_vary_little_are_bounded_far_tighter_than_by_hoeffding() -> None:
    values = np.tile([0.85, 0.9, 0.95], 100)
    low, high = mean_interval(values, 0.1)
    assert high - low < 0.45 * 2 * hoeffding_epsilon(len(values), 0.1)
    assert 0.9 - low < 0.25 * hoeffding_epsilon(len(values), 0.1)


def test_differences_that_are_mostly_zero_have_a_narrow_interval() -> None:
    low, high = difference_interval([0.0] * 180 + [1.0] * 18 + [-1.0] * 2, 0.1)
    assert 0.0 < low < 0.08 < high < 0.2  # the mean is 0.08; Hoeffding's interval is 0.08 +- 0.17


@pytest.mark.slow
@given(st.lists(st.integers(-10, 10).map(lambda tenths: tenths / 10), min_size=1, max_size=20))
def test_the_interval_of_a_difference_turns_with_its_sign(values: list[float]) -> None:
    low, high = difference_interval(values, 0.1)
    assert difference_interval([-value for value in values], 0.1) == (-high, -low)
    assert (low, high) == (difference_lower(values, 0.05), difference_upper(values, 0.05))
    assert -1.0 <= low <= float(np.mean(values)) + 1e-12 <= high + 2e-12 <= 1.0 + 2e-12


@pytest.mark.slow
@pytest.mark.parametrize(("values", "weights"), [([-1, 0, 1], [0.05, 0.8, 0.15]), ([-0.3, 0, 0.7], [0.1, 0.6, 0.3])])
def test_no_difference_is_missed_more_often_than_promised(values: list[float], weights: list[float]) -> None:
    mean = float(np.dot(values, weights))
    for delta in (0.05, 0.3, 0.7):
        missed = 0.0
        for sample, probability in outcomes(values, weights, 9):
            low, high = difference_interval(sample, delta)
            missed += probability * (not low <= mean <= high)
        assert missed <= delta


@pytest.mark.parametrize("values", [[], [1.1], [-0.1, 0.5], [math.nan], [[0.5]]])
def test_what_is_not_a_row_of_shares_is_refused(values: list[float]) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        mean_lower(values, 0.1)


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1])
def test_what_is_not_a_failure_probability_is_refused(delta: float) -> None:
    with pytest.raises(ParameterError, match="delta"):
        mean_lower([0.5], delta)


@pytest.mark.parametrize("values", [[0.0], [0.0] * 50, [1e-300], [1e-12, 0.0], [1.0], [1.0 - 2**-53] * 10**4])
def test_values_at_the_edge_of_arithmetic_are_bounded(values: list[float]) -> None:
    low, high = mean_interval(values, 0.1)
    assert 0.0 <= low <= np.mean(values) <= high <= 1.0
