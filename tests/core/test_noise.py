"""Noise masks: what they keep, how often, and which of them exist."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from stabcert.core.noise import exact_keep_masks, grid_count, keep_masks_from, quantized_keep_masks, tie_free_counts
from stabcert.errors import ParameterError
from tests.core.helpers import FALSE_ALARM, GOLDEN


@pytest.mark.parametrize(("values", "keep", "quantization", "rows"), GOLDEN["quantized_keep_masks"])
def test_masks_of_given_values_are_golden(values: list[int], keep: int, quantization: int, rows: list[str]) -> None:
    masks = keep_masks_from(values, keep=keep, quantization=quantization)
    assert ["".join(str(int(value)) for value in row) for row in masks] == rows


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 20), st.booleans(), st.integers(0, 10**6))
def test_each_feature_is_kept_in_exactly_keep_masks(n: int, q: int, keep: int, balanced: bool, seed: int) -> None:
    keep = min(keep, q)
    rng = np.random.default_rng(seed)
    masks = quantized_keep_masks(n, keep=keep, quantization=q, rng=rng, balanced=balanced)
    assert masks.shape == (q, n)
    assert masks.dtype == np.bool_
    assert (masks.sum(axis=0) == keep).all()


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 20), st.integers(0, 10**6))
def test_balanced_masks_keep_nearly_equally_many_features(n: int, q: int, keep: int, seed: int) -> None:
    keep = min(keep, q)
    sizes = quantized_keep_masks(n, keep=keep, quantization=q, rng=np.random.default_rng(seed)).sum(axis=1)
    assert sizes.max() - sizes.min() <= 1


def test_masks_that_keep_everything_are_no_noise() -> None:
    assert quantized_keep_masks(5, keep=8, quantization=8, rng=np.random.default_rng(0)).all()


def test_the_same_generator_gives_the_same_masks_and_another_one_others() -> None:
    first, again, other = (
        quantized_keep_masks(30, keep=7, quantization=64, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("keep", [0, -1, 9])
def test_masks_that_keep_nothing_or_more_than_everything_are_refused(keep: int) -> None:
    with pytest.raises(ParameterError, match="from 1 to the quantization 8"):
        quantized_keep_masks(5, keep=keep, quantization=8, rng=np.random.default_rng(0))


@pytest.mark.parametrize(("n_features", "quantization"), [(0, 8), (5, 0)])
def test_masks_of_nothing_are_refused(n_features: int, quantization: int) -> None:
    with pytest.raises(ParameterError, match="at least 1"):
        quantized_keep_masks(n_features, keep=1, quantization=quantization, rng=np.random.default_rng(0))


def test_every_fraction_on_the_grid_has_its_count_exactly() -> None:
    """Not so in floating-point arithmetic: int(15 / 22 * 22) is 14."""
    assert int(15 / 22 * 22) == 14
    for q in range(1, 65):
        assert [grid_count(Fraction(keep, q), q) for keep in range(1, q + 1)] == list(range(1, q + 1))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Fraction(3, 10), r"lambda must be .* 1/64 .*, got 0\.3. Use 19/64 \(0\.296875\) or 20/64 \(0\.3125\)$"),
        (Fraction(0.3), r"Use 19/64 \(0\.296875\) or 20/64 \(0\.3125\)$"),
        (Fraction(1, 1000), r"Use 1/64 \(0\.015625\)$"),
        (Fraction(999, 1000), r"Use 63/64 \(0\.984375\) or 64/64 \(1\)$"),
        (Fraction(0), r"Use 1/64 \(0\.015625\)$"),
        (Fraction(-1, 2), r"Use 1/64 \(0\.015625\)$"),
        (Fraction(3, 2), r"Use 64/64 \(1\)$"),
    ],
)
def test_off_the_grid_both_neighbours_are_named(asked: Fraction, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        grid_count(asked, 64)


def test_tie_free_counts_are_golden() -> None:
    for radius, count in GOLDEN["tie_free_counts_64"].items():
        assert tie_free_counts(64, int(radius))[-1] == count
    assert tie_free_counts(64, 48) == (31, 15, 10, 7, 6, 5, 4, 3, 2, 1)
    assert tie_free_counts(64, 0) == tie_free_counts(2, 5) == ()


@given(st.integers(1, 100), st.integers(1, 60))
def test_a_tie_free_count_is_the_largest_that_certifies_its_radius(q: int, n_free: int) -> None:
    """A unanimous vote has a lead of q, of which a class of lower index leaves q - 1 to lose."""
    counts = tie_free_counts(q, n_free)
    assert list(counts) == sorted(set(counts), reverse=True)
    for radius in range(1, n_free + 1):
        largest = max((keep for keep in range(1, q + 1) if 2 * keep * radius <= q - 1), default=None)
        assert largest is None or largest in counts


@pytest.mark.parametrize("probability", [Fraction(1, 3), Fraction(1, 8), Fraction(0.1), Fraction(1, 10**12)])
def test_independent_noise_keeps_with_the_given_probability(probability: Fraction) -> None:
    draws = 10**5
    kept = exact_keep_masks(10, keep_probability=probability, draws=draws, rng=np.random.default_rng(3))
    assert kept.shape == (draws, 10)
    low, high = binom.ppf([FALSE_ALARM / 20, 1 - FALSE_ALARM / 20], draws, float(probability))
    assert ((low <= kept.sum(axis=0)) & (kept.sum(axis=0) <= high)).all()


class Digits:
    """Hands out given digits to base 2^62, as a generator would."""

    def __init__(self, *digits: list[int]) -> None:
        self.digits = list(digits)

    def integers(self, _end: int, size: int) -> np.ndarray:
        drawn = np.array(self.digits.pop(0), dtype=np.int64)
        assert len(drawn) == size
        return drawn


def test_a_probability_between_two_digits_is_decided_by_further_digits() -> None:
    third = 2**62 // 3  # 1/3 = third / 2^62 + (1/3) / 2^62, as 2^62 = 1 modulo 3
    rng = Digits([third - 1, third, third, third + 1], [third - 1, third + 1])
    kept = exact_keep_masks(4, keep_probability=Fraction(1, 3), draws=1, rng=rng)  # type: ignore[arg-type]
    assert kept.tolist() == [[True, True, False, False]]
    assert rng.digits == []


def test_a_number_equal_to_the_probability_is_not_below_it() -> None:
    rng = Digits([2**61 - 1, 2**61, 2**61 + 1])
    kept = exact_keep_masks(3, keep_probability=Fraction(1, 2), draws=1, rng=rng)  # type: ignore[arg-type]
    assert kept.tolist() == [[True, False, False]]
