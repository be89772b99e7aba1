"""The simplest lambda with the same frozen noise, against brute force over denominators and over the masks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.choice import DEFAULT_LAMBDAS, frozen_smoothing
from stabcert.core.same_noise import USUAL, simplest_above, simplest_keep_probability
from tests.doubles import Table


def by_brute_force(low: Fraction, high: Fraction) -> Fraction:
    for denominator in [*USUAL, *range(1, 10**6)]:
        numerator = low * denominator // 1 + 1
        if Fraction(numerator, denominator) <= high:
            return Fraction(numerator, denominator)
    raise AssertionError


@given(st.fractions(0, 1, max_denominator=300), st.fractions(0, 1, max_denominator=300))
def test_the_simplest_denominator_is_found(one: Fraction, other: Fraction) -> None:
    low, high = min(one, other), max(one, other)
    if low < high:
        assert simplest_above(low, high) == by_brute_force(low, high)


def masks(keep_probability: float, n: int, draws: int, seed: int) -> np.ndarray:
    predictor = Table(np.eye(2)[np.zeros(2**n, dtype=int)])
    return frozen_smoothing(predictor, keep_probability, draws=draws, seed=seed).keep_masks


@given(st.floats(0, 1), st.integers(1, 9), st.integers(1, 70), st.integers(0, 1000))
def test_the_simplest_lambda_has_the_same_masks(keep_probability: float, n: int, draws: int, seed: int) -> None:
    simplest = simplest_keep_probability(keep_probability, n, draws=draws, seed=seed)
    expected = masks(keep_probability, n, draws, seed)
    if not expected.any():
        assert simplest == 0
    else:
        # At the end of the interval the fraction and its float may be on different sides of a number.
        found = [masks(float(one), n, draws, seed) for one in (simplest, np.nextafter(float(simplest), 1))]
        assert any((one == expected).all() for one in found)


@pytest.mark.parametrize("keep_probability", [*DEFAULT_LAMBDAS, 0.7, 0.9, 0.3, 0.2, 1 / 3, 2 / 3, 0.85, 0.95])
@pytest.mark.parametrize("n", [8, 12, 49, 196])
def test_usual_lambdas_are_the_simplest_ones_of_their_neighbours(keep_probability: float, n: int) -> None:
    """So certificates that were made before keep their numbers."""
    for seed in range(20):
        simplest = simplest_keep_probability(keep_probability, n, draws=64, seed=seed)
        assert float(simplest) == keep_probability
        near = np.nextafter(keep_probability, 1)
        if (masks_of(near, n, seed) == masks_of(keep_probability, n, seed)).all():
            assert simplest_keep_probability(float(near), n, draws=64, seed=seed) == simplest


def masks_of(keep_probability: float, n: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 64]).random((64, n)) < keep_probability


def test_noise_that_drops_nothing_or_everything_has_one_name() -> None:
    assert simplest_keep_probability(1 - 1e-12, 9, draws=64, seed=0) == 1
    assert simplest_keep_probability(1e-12, 9, draws=64, seed=0) == 0
