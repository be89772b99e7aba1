"""The evidence of draws without replacement, in exact fractions."""

from __future__ import annotations

import math

import pytest

from stabcert.core.statistics import finite
from tests.oracles import e_value_finite, ever_true_without_replacement


def test_the_e_value_without_replacement_is_the_definition_in_exact_fractions() -> None:
    for population in (1, 2, 7, 30):
        for limit in range(0, population, max(1, population // 7)):
            for matches in range(0, limit + 1, max(1, limit // 4)):
                for failures in range(0, population - limit, max(1, (population - limit) // 4)):
                    expected = float(e_value_finite(limit, matches, failures, population))
                    value = math.exp(finite.log_e_value_finite(limit, matches, failures, population))
                    assert value == pytest.approx(expected, rel=1e-8)


def test_draws_that_contradict_a_finite_statement_decide_it() -> None:
    assert finite.log_e_value_finite(5, 6, 0, 10) == math.inf
    assert finite.log_e_value_finite(5, 0, 5, 10) == -math.inf
    assert finite.log_e_value_finite(5, 6, 4, 10) == math.inf


@pytest.mark.parametrize("population", [1, 2, 5, 9, 13])
def test_the_e_value_without_replacement_is_a_supermartingale_for_every_count_up_to_the_limit(population: int) -> None:
    def value(limit: int, matches: int, failures: int) -> float:
        return math.exp(finite.log_e_value_finite(limit, matches, failures, population))

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
        return finite.log_e_value_finite(limit, matches, failures, population) >= -math.log(delta)

    missed = [ever_true_without_replacement(k, population, certifies) for k in (limit, limit - 1, limit - 4)]
    assert max(missed) <= delta
    assert missed[0] > delta / 3  # the guarantee is used, not given away


@pytest.mark.parametrize("delta", [0.1, 0.03])
def test_the_finite_bounds_of_all_moments_hold_together(delta: float) -> None:
    population = 24
    low = {
        (s, f): finite.finite_lower(s, f, population, delta)
        for s in range(population + 1)
        for f in range(population + 1 - s)
    }
    for count in range(population + 1):
        wrong = ever_true_without_replacement(count, population, lambda s, f, count=count: low[s, f] > count)  # type: ignore[misc]
        assert wrong <= delta
        for s, f in ((count, population - count), (count // 2, (population - count) // 3)):
            assert finite.finite_upper(f, s, population, delta) == population - low[s, f]
    # At the end everything is known.
    assert all(low[s, population - s] == s for s in range(population + 1))
