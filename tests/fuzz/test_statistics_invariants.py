"""Bounds for any counts: within [0, 1], on either side of what was seen, and moved by a draw in one direction alone.

Wrong variants this file has been seen to kill: `matches` for `matches + 1`; an underflow that counts as evidence; a
bisection that returns the end that is not rejected; NaN from scipy's inverse.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stabcert.core.statistics import bounds, finite
from stabcert.core.statistics.means import mean_interval
from stabcert.core.statistics.sequential import SequentialTest, samples_to_certify
from tests.core.helpers import difference_interval
from tests.fuzz.strategies import examples

pytestmark = pytest.mark.slow

counts = st.tuples(st.integers(0, 60) | st.integers(0, 10**6), st.integers(0, 60) | st.integers(0, 10**6)).filter(any)
deltas = st.sampled_from([1e-300, 1e-9, 0.01, 0.1, 0.5, 0.99]) | st.floats(1e-12, 0.999)


@examples(150)
@given(counts=counts, delta=deltas)
def test_bounds_of_independent_draws(counts: tuple[int, int], delta: float) -> None:
    matches, failures = counts
    samples = matches + failures
    rate = matches / samples
    for lower, upper in (
        (
            bounds.clopper_pearson_lower(matches, samples, delta / 2),
            bounds.clopper_pearson_upper(matches, samples, delta / 2),
        ),
        (bounds.hoeffding_lower(matches, samples, delta / 2), bounds.hoeffding_upper(matches, samples, delta / 2)),
        (bounds.anytime_lower(matches, failures, delta / 2), bounds.anytime_upper(matches, failures, delta / 2)),
    ):
        assert 0.0 <= lower <= rate <= upper <= 1.0
    assert bounds.anytime_lower(matches, failures, delta) <= bounds.anytime_lower(matches + 1, failures, delta) + 1e-12
    assert bounds.anytime_lower(matches, failures + 1, delta) <= bounds.anytime_lower(matches, failures, delta) + 1e-12
    one = bounds.clopper_pearson_lower(matches, samples, delta)
    assert bounds.clopper_pearson_lower(matches, samples + 1, delta) <= one + 1e-12
    assert one <= bounds.clopper_pearson_lower(matches + 1, samples + 1, delta) + 1e-12


@examples(40)
@given(data=st.data(), population=st.integers(1, 400) | st.integers(1, 10**4), delta=deltas)
def test_bounds_of_draws_without_replacement(data: st.DataObject, population: int, delta: float) -> None:
    samples = data.draw(st.integers(1, min(population, 300)))
    matches = data.draw(st.integers(0, samples))
    failures = samples - matches
    for lower, upper in (
        (
            finite.hypergeometric_lower(matches, samples, population, delta / 2),
            finite.hypergeometric_upper(matches, samples, population, delta / 2),
        ),
        (
            finite.finite_lower(matches, failures, population, delta / 2),
            finite.finite_upper(matches, failures, population, delta / 2),
        ),
    ):
        # No fewer than the matches that were seen, no more than all but the failures.
        assert matches <= lower <= upper <= population - failures
        # The estimate lies between two numbers of members, and either of them may be certain enough: 1 of 5 seen of 6.
        assert lower - 1 < matches * population / samples < upper + 1
    if samples < population:
        more = finite.finite_lower(matches + 1, failures, population, delta)
        fewer = finite.finite_lower(matches, failures + 1, population, delta)
        assert fewer <= finite.finite_lower(matches, failures, population, delta) <= more


@examples(60)
@given(counts=counts, delta=deltas, more=st.floats(0, 1))
def test_a_bound_is_a_rate_that_was_rejected_and_no_rate_from_the_one_seen_on_is(
    counts: tuple[int, int], delta: float, more: float
) -> None:
    matches, failures = counts
    lower, rate = bounds.anytime_lower(matches, failures, delta), matches / (matches + failures)
    assert lower == 0.0 or bounds.log_e_value(lower, matches, failures) >= -math.log(delta)
    # Each likelihood ratio to a rate above what was seen is at most 1, and so is their mean; also where it underflows.
    assert bounds.log_e_value(rate + more * (1 - rate), matches, failures) <= 1e-6
    if matches + failures <= 120:
        least = finite.finite_lower(matches, failures, matches + failures + 7, delta)
        evidence = finite.log_e_value_finite(least - 1, matches, failures, matches + failures + 7)
        assert least == 0 or evidence >= -math.log(delta)


@examples(40)
@given(
    threshold=st.floats(0.01, 1.0),
    delta=deltas,
    population=st.none() | st.integers(1, 60),
    draws=st.lists(st.sampled_from(["match", "failure", "tie"]), max_size=60),
)
def test_a_sequential_test_says_nothing_that_its_bounds_do_not(
    threshold: float, delta: float, population: int | None, draws: list[str]
) -> None:
    test = SequentialTest(threshold, delta_certify=delta, delta_refute=delta, population=population)
    for draw in draws[:population]:
        if test.decided:
            break
        test.add(match=draw != "failure", near_tie=draw == "tie")
        lower, upper = test.lower, test.upper
        assert 0.0 <= lower <= upper <= 1.0
        assert lower <= (test.matches + test.near_ties) / test.samples
        assert test.matches / test.samples <= upper
        assert not (test.certified and test.refuted)
        assert test.certified == (lower >= threshold)
        assert test.refuted <= (upper < threshold)


@examples(30)
@given(threshold=st.floats(0.05, 0.99), delta=st.floats(0.001, 0.9), failures=st.integers(0, 4))
def test_the_samples_that_certify_are_enough_and_one_fewer_is_not(
    threshold: float, delta: float, failures: int
) -> None:
    needed = samples_to_certify(threshold, delta, failures=failures)
    assert needed is not None
    assert bounds.log_e_value(threshold, needed - failures, failures) >= -math.log(delta)
    assume(needed > failures + 1)
    assert bounds.log_e_value(threshold, needed - 1 - failures, failures) < -math.log(delta)


@examples(40)
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=30), delta=st.floats(1e-6, 0.99))
def test_bounds_of_means(values: list[float], delta: float) -> None:
    lower, upper = mean_interval(values, delta)
    assert 0.0 <= lower <= sum(values) / len(values) + 1e-9
    assert sum(values) / len(values) - 1e-9 <= upper <= 1.0
    differences = [value - values[0] for value in values]
    lower, upper = difference_interval(differences, delta)
    assert -1.0 <= lower <= upper <= 1.0
