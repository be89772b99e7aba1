"""What smoothing does to an exact spectrum: variance, noise stability, tail mass, and their bounds."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.spectrum.result import BasisKind
from tests.core.boolean_functions import (
    masks_of,
    measure,
    random_values,
    smoothing,
    soft,
)
from tests.core.spectrum.spectrum_cases import BASES, LAMBDAS, TABLE, exact
from tests.doubles import Unanimity


@pytest.mark.parametrize(("basis", "bias"), BASES)
@pytest.mark.parametrize("rho", LAMBDAS)
def test_noise_stability_is_the_mean_product_at_correlated_masks(
    basis: BasisKind, bias: float | None, rho: float
) -> None:
    n, p = 4, bias or 0.5
    values = np.random.default_rng(3).random(2**n)
    stay = {(a, b): rho * (a == b) + (1 - rho) * (p if b else 1 - p) for a, b in product((0, 1), repeat=2)}
    stability = sum(
        measure(n, p)[i] * math.prod(stay[pair] for pair in zip(x, y, strict=True)) * values[i] * values[j]
        for i, x in enumerate(masks_of(n))
        for j, y in enumerate(masks_of(n))
    )
    step = exact(soft(values), target_class=1, basis=basis, bias=bias, keep_probabilities=[rho]).smoothing[0]
    assert step.noise_stability.value == pytest.approx(stability, abs=1e-13)


@pytest.mark.parametrize(("basis", "bias"), BASES)
@pytest.mark.parametrize("keep", LAMBDAS)
def test_the_variance_is_that_of_the_smoothed_function_over_the_masks_that_are_named(
    basis: BasisKind, bias: float | None, keep: float
) -> None:
    values = np.random.default_rng(4).random(2**5)
    step = exact(soft(values), target_class=1, basis=basis, bias=bias, keep_probabilities=[keep]).smoothing[0]
    chance, smoothed = measure(5, step.variance_over), smoothing(5, keep) @ values
    variance = chance @ smoothed**2 - (chance @ smoothed) ** 2
    assert step.variance.value == pytest.approx(variance, abs=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("bias", [None, 0.3, 0.7])
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), keep=st.floats(0, 1))
def test_smoothing_reduces_the_variance_at_least_to_its_bound(
    bias: float | None, seed: int, n: int, keep: float
) -> None:
    """E5: Theorem A.8 with its factor (l - p) / (1 - p), and nothing where l is not above p."""
    values = random_values(n, np.random.default_rng(seed))
    basis: BasisKind = "standard" if bias is None else "biased"
    before, after = exact(
        soft(values), target_class=1, basis=basis, bias=bias, keep_probabilities=[1.0, keep]
    ).smoothing
    p = bias or 0.5
    assert (after.variance_bound is None) == (keep <= p)
    if after.variance_bound is not None:
        assert after.variance_bound == pytest.approx((keep - p) / (1 - p) * before.variance.value, abs=1e-12)
        assert after.variance.value <= after.variance_bound + 1e-12


def test_e5_a_keep_probability_of_p_has_no_bound_instead_of_a_division_by_zero() -> None:
    (step,) = exact(soft(TABLE), target_class=1, keep_probabilities=[0.5]).smoothing
    assert (step.variance_bound, step.variance_over) == (None, 0.5)


def test_e5_the_variance_of_one_set_shrinks_by_the_factor_to_the_power_of_its_size() -> None:
    """The published proof ends with (l - p) / sqrt(p - p^2) instead, which is 1 here: no shrinking at all."""
    p, keep = 0.2, 0.6
    values = [0.5 + 0.05 * math.prod((p - kept) / 0.4 for kept in mask) for mask in masks_of(3)]
    before, after = exact(
        soft(values), target_class=1, basis="biased", bias=p, keep_probabilities=[1.0, keep]
    ).smoothing
    assert after.variance.value == pytest.approx(before.variance.value * 0.5**3, abs=1e-15)
    assert (keep - p) / math.sqrt(p - p * p) == pytest.approx(1.0)


@pytest.mark.slow
@pytest.mark.parametrize("basis", ["standard", "monotone"])
@given(seed=st.integers(0, 10**6), n=st.integers(1, 7), keep=st.floats(0, 1))
def test_smoothing_contracts_the_tail_mass_at_least_to_its_bound(
    basis: BasisKind, seed: int, n: int, keep: float
) -> None:
    values = random_values(n, np.random.default_rng(seed))
    (step,) = exact(soft(values), target_class=1, basis=basis, keep_probabilities=[keep]).smoothing
    assert step.tail_mass is not None
    assert step.tail_mass_bound is not None
    assert (np.array(step.tail_mass) <= np.array(step.tail_mass_bound) + 1e-12).all()


def test_the_tail_mass_bound_is_the_binomial_tail_of_theorem_a4() -> None:
    parity = [float(sum(mask) % 2) for mask in masks_of(4)]
    (step,) = exact(soft(parity), target_class=1, keep_probabilities=[0.7]).smoothing
    tails = [sum(math.comb(4, j) * 0.7**j * 0.3 ** (4 - j) for j in range(k, 5)) for k in range(5)]
    assert step.tail_mass_bound == pytest.approx([1.0, *[0.5 * tail for tail in tails[1:]]], abs=1e-14)
    assert step.tail_mass is not None
    assert step.tail_mass[1:] == pytest.approx(step.tail_mass_bound[1:], abs=1e-14)  # parity attains it


def test_the_monotone_tail_mass_bound_is_a_power_and_attained_by_a_conjunction() -> None:
    (step,) = exact(Unanimity(3), target_class=1, basis="monotone", keep_probabilities=[0.7]).smoothing
    assert step.tail_mass_bound == pytest.approx([1, 0.7, 0.7**2, 0.7**3], abs=1e-15)
    assert step.tail_mass == pytest.approx([0.7**3] * 4, abs=1e-15)


def test_the_biased_basis_has_no_tail_mass_bound() -> None:
    (step,) = exact(soft(TABLE), basis="biased", bias=0.3, keep_probabilities=[0.7]).smoothing
    assert step.tail_mass_bound is None
