"""Estimates of weights by degree: golden values, exact means over all samples, the coverage of intervals."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from stabcert.core.spectrum.weight_estimates import (
    check_degree,
    estimate_weights,
    krawtchouk,
    samples_for_weight,
    weight_interval,
)
from stabcert.errors import ParameterError
from tests.core.boolean_functions import basis_function, by_degree, masks_of, measure, smoothing, synthesis
from tests.core.helpers import FALSE_ALARM, GOLDEN

pytestmark = pytest.mark.slow


def weights_of(values: np.ndarray, p: float = 0.5) -> list[float]:
    n_features = len(values).bit_length() - 1
    return by_degree(np.linalg.solve(synthesis(n_features, "biased", p), values) ** 2)


@pytest.mark.parametrize(("n", "k", "numbers"), GOLDEN["krawtchouk"])
def test_krawtchouk_numbers_are_the_golden_ones(n: int, k: int, numbers: list[int]) -> None:
    assert krawtchouk(n, k)[k] == numbers


def test_krawtchouk_numbers_are_exact_where_floats_are_not() -> None:
    """The generating polynomial (1 + t)^(n - d) (1 - t)^d at t = 1: all numbers of one distance add up to 0 or 2^n."""
    rows = krawtchouk(120, 120)
    assert [sum(row[d] for row in rows) for d in range(121)] == [2**120, *[0] * 120]


def test_krawtchouk_numbers_are_the_sums_of_their_definition() -> None:
    def number(n: int, k: int, d: int) -> int:
        return sum((-1) ** j * math.comb(d, j) * math.comb(n - d, k - j) for j in range(k + 1))

    for n in range(1, 9):
        assert krawtchouk(n, n) == [[number(n, k, d) for d in range(n + 1)] for k in range(n + 1)]


def test_the_estimates_of_five_masks_are_the_golden_ones() -> None:
    masks = np.array([[0, 0, 0], [1, 0, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1]], dtype=bool)
    estimates = estimate_weights(masks, np.array([1.0, 0, 1, 1, 0]), 3)
    assert estimates == pytest.approx(GOLDEN["weight_estimates_of_5_masks"], abs=1e-15)


@pytest.mark.parametrize(("estimate", "samples", "n", "degree", "delta", "lower", "upper"), GOLDEN["weight_interval"])
def test_the_interval_is_the_golden_one(
    estimate: float, samples: int, n: int, degree: int, delta: float, lower: float, upper: float
) -> None:
    found = weight_interval(estimate, samples=samples, n_features=n, degree=degree, delta=delta, half_range=0.5)
    assert found == pytest.approx((lower, upper), abs=1e-13)


@pytest.mark.parametrize("p", [0.5, 0.2, 0.7])
def test_the_estimate_is_the_sum_over_pairs_and_sets_of_its_definition(p: float) -> None:
    rng = np.random.default_rng(1)
    n, samples = 5, 12
    masks, values = rng.random((samples, n)) < p, rng.uniform(-1, 1, samples)
    slow = [0.0] * (n + 1)
    for chosen in masks_of(n):
        row = [basis_function(chosen, tuple(int(kept) for kept in mask), "biased", p) for mask in masks]
        pairs = [(i, j) for i in range(samples) for j in range(samples) if i != j]
        slow[sum(chosen)] += sum(values[i] * values[j] * row[i] * row[j] for i, j in pairs) / len(pairs)
    assert estimate_weights(masks, values, n, p) == pytest.approx(slow, abs=1e-10)


def test_many_samples_are_summed_in_blocks_like_few() -> None:
    rng = np.random.default_rng(2)
    masks, values = rng.random((2500, 7)) < 0.5, rng.uniform(-1, 1, 2500)
    signs = 1.0 - 2.0 * masks
    first_degree = ((values @ signs) ** 2).sum() - 7 * (values**2).sum()
    assert estimate_weights(masks, values, 1)[1] == pytest.approx(first_degree / (2500 * 2499), abs=1e-12)


@pytest.mark.parametrize("p", [0.5, 0.3])
@pytest.mark.parametrize(("n", "samples"), [(2, 3), (3, 2), (1, 5)])
def test_the_mean_estimate_over_all_samples_is_the_weight(n: int, samples: int, p: float) -> None:
    values = np.random.default_rng(n).random(2**n)
    every, chance = np.array(masks_of(n), dtype=bool), measure(n, p)
    mean = np.zeros(n + 1)
    for drawn in product(range(2**n), repeat=samples):
        rows = list(drawn)
        mean += chance[rows].prod() * estimate_weights(every[rows], values[rows], n, p)
    assert mean == pytest.approx(weights_of(values, p), abs=1e-12)


def test_the_mean_estimate_from_values_under_noise_is_the_weight_of_the_smoothed_function() -> None:
    n, keep = 2, 0.7
    values = np.random.default_rng(5).random(2**n)
    every, noise = np.array(masks_of(n), dtype=bool), smoothing(n, keep)
    mean = np.zeros(n + 1)
    for drawn in product(range(2**n), repeat=2):
        for seen in product(range(2**n), repeat=2):
            chance = 4.0**-n * noise[drawn[0], seen[0]] * noise[drawn[1], seen[1]]
            mean += chance * estimate_weights(every[list(drawn)], values[list(seen)], n)
    assert mean == pytest.approx(weights_of(noise @ values), abs=1e-12)


def test_the_published_estimator_is_biased_by_its_noise_floor() -> None:
    """The mean of squared sampled coefficients: too large by (E h^2 - its mean) / N for each of them, exactly."""
    n, samples = 2, 3
    values = np.random.default_rng(3).random(2**n)
    every = masks_of(n)
    coefficients = np.linalg.solve(synthesis(n, "standard"), values)
    mean = np.zeros(2**n)
    for drawn in product(range(2**n), repeat=samples):
        estimated = [
            np.mean([values[row] * basis_function(chosen, every[row], "standard") for row in drawn]) for chosen in every
        ]
        mean += np.square(estimated) / 4.0 ** (n * samples / 2)
    floor = (np.mean(values**2) - coefficients**2) / samples
    assert mean == pytest.approx(coefficients**2 + floor, abs=1e-13)
    assert (floor > 0.01).any()


def test_the_published_estimate_exceeds_all_that_is_possible_where_ours_does_not() -> None:
    """Of 196 features and 1024 samples, summed over the sets of two: above the largest possible 1/4 by an order."""
    n, samples = 196, 1024
    rng = np.random.default_rng(4)
    masks = rng.random((samples, n)) < 0.5
    values = (masks[:, 0] ^ masks[:, 1]).astype(float) - 0.5  # all weight, 1/4, on one set of two
    signs = 1.0 - 2.0 * masks
    pairs = np.triu_indices(n, k=1)
    published = (((signs.T * values) @ signs / samples)[pairs] ** 2).sum()
    assert published > 4
    assert estimate_weights(masks, values, 2)[2] == pytest.approx(0.25, abs=0.1)


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("p", [0.5, 0.3])
def test_the_variance_that_the_interval_rests_on_bounds_the_true_one(degree: int, p: float) -> None:
    """Variance of the kernel given one mask, and in total, by enumeration of pairs: at most c^2 W and c^4 C(n, k)."""
    n, c = 3, 0.5
    chance = measure(n, p)
    every = masks_of(n)
    rng = np.random.default_rng(6)
    basis = synthesis(n, "biased", p)[:, [sum(chosen) == degree for chosen in every]]
    for values in [rng.uniform(-c, c, 2**n) for _ in range(20)] + [rng.choice([-c, c], 2**n) for _ in range(20)]:
        kernel = values[:, None] * values[None] * (basis @ basis.T)
        weight = weights_of(values, p)[degree]
        given_one = kernel @ chance
        assert given_one @ chance == pytest.approx(weight, abs=1e-12)
        assert chance @ given_one**2 - weight**2 <= c**2 * weight + 1e-12
        assert chance @ kernel**2 @ chance - weight**2 <= c**4 * math.comb(n, degree) + 1e-12


FUNCTIONS = {
    "parity": lambda rows: rows.sum(axis=1) % 2 - 0.5,
    "majority": lambda rows: (rows.sum(axis=1) > 3) - 0.5,
    "and": lambda rows: rows.all(axis=1) - 0.5,
    "one feature": lambda rows: rows[:, 2] - 0.5,
    "constant": lambda rows: np.full(len(rows), 0.5),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("samples", [2, 16, 256])
def test_the_interval_holds_at_least_as_often_as_promised(name: str, samples: int) -> None:
    n, delta, trials = 7, 0.2, 300
    function = FUNCTIONS[name]
    truth = weights_of(np.asarray(function(np.array(masks_of(n))), dtype=float))
    rng = np.random.default_rng(7)
    misses = np.zeros(n + 1, dtype=int)
    for _ in range(trials):
        masks = rng.random((samples, n)) < 0.5
        estimates = estimate_weights(masks, np.asarray(function(masks), dtype=float), n)
        for k in range(1, n + 1):
            lower, upper = weight_interval(
                float(estimates[k]), samples=samples, n_features=n, degree=k, delta=delta, half_range=0.5
            )
            assert 0 <= lower <= upper <= 0.25
            misses[k] += not lower - 1e-12 <= truth[k] <= upper + 1e-12
    assert misses.max() <= binom.isf(FALSE_ALARM / n, trials, delta)


@pytest.mark.parametrize("estimate", [-0.3, -0.01, 0.0, 0.2, 0.4])
def test_an_interval_is_never_empty(estimate: float) -> None:
    for samples in (2, 100, 10**6):
        lower, upper = weight_interval(estimate, samples=samples, n_features=9, degree=2, delta=0.1, half_range=0.5)
        assert 0 <= lower < upper <= 0.25


def test_the_samples_that_are_named_make_the_interval_narrow_and_few_less_do_not() -> None:
    arguments = {"n_features": 196, "degree": 2, "delta": 0.1, "half_range": 0.5}
    samples = samples_for_weight(0.125, weight=0.02, **arguments)

    def width(n: int) -> float:
        lower, upper = weight_interval(0.02, samples=n, **arguments)
        return upper - lower

    assert width(samples) <= 0.125 < width(int(0.9 * samples))


def test_a_degree_with_too_many_sets_is_refused_before_numbers_overflow() -> None:
    check_degree(1000, 100, 0.5)
    with pytest.raises(ParameterError, match="degree must be smaller"):
        check_degree(2000, 1000, 0.5)


def test_a_biased_degree_whose_sums_would_cancel_is_refused() -> None:
    check_degree(196, 3, 0.05)
    with pytest.raises(ParameterError, match="degree must be smaller"):
        check_degree(196, 8, 0.05)


def test_the_largest_degree_that_is_not_refused_gives_finite_numbers() -> None:
    n = 900
    masks = np.random.default_rng(9).random((50, n)) < 0.5
    values = np.full(50, 0.5)
    check_degree(n, n, 0.5)
    assert np.isfinite(estimate_weights(masks, values, n // 2)).all()
    assert math.comb(n, n // 2) > 1e260
