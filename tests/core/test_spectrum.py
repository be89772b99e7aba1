"""The exact spectrum: every number against its definition, its targets, what smoothing does, refusals."""

from __future__ import annotations

import math
import tracemalloc
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.spectrum import degree_weights
from stabcert.core.spectrum_result import BasisKind, Quantity, Spectrum
from stabcert.core.spectrum_target import TargetFunction
from stabcert.core.transforms import exact_cost
from stabcert.core.types import MaskedPredictor, Masks, Probs
from tests.core.boolean_functions import (
    Tribes,
    by_degree,
    code,
    masks_of,
    measure,
    random_values,
    smoothing,
    soft,
    subsets,
    synthesis,
)
from tests.core.helpers import GOLDEN
from tests.doubles import Counting, Majority, Parity, Table, Unanimity

TABLE = np.array(GOLDEN["table_of_3_features"])
BASES: list[tuple[BasisKind, float | None]] = [("standard", None), ("monotone", None), ("biased", 0.3)]
LAMBDAS = (1.0, 0.9, 0.5, 0.2, 0.0)


def exact(predictor: MaskedPredictor, **arguments: Any) -> Spectrum:
    spectrum = degree_weights(predictor, rng=np.random.default_rng(0), exact_max=20, **arguments)
    assert spectrum.exact
    return spectrum


def weights(spectrum: Spectrum, keep_probability: float = 1.0) -> list[float]:
    return [one.weight.value for one in spectrum.degrees if one.keep_probability == keep_probability]


def quantities(spectrum: Spectrum) -> list[Quantity]:
    found = [one.weight for one in spectrum.degrees] + [one.value for one in spectrum.coefficients]
    found += [step.variance for step in spectrum.smoothing] + [step.noise_stability for step in spectrum.smoothing]
    return [*found, spectrum.total_influence, *(spectrum.restriction.weights if spectrum.restriction else ())]


def test_the_spectrum_of_the_table_is_the_golden_one() -> None:
    spectrum = exact(soft(TABLE), target_class=1)
    assert weights(spectrum) == pytest.approx(GOLDEN["table_weights_by_degree"], abs=1e-15)
    assert spectrum.values == pytest.approx(GOLDEN["table_standard"], abs=1e-15)


@pytest.mark.parametrize(("basis", "bias"), BASES)
@pytest.mark.parametrize("keep", LAMBDAS)
def test_weight_and_mass_are_those_of_the_smoothed_function(basis: BasisKind, bias: float | None, keep: float) -> None:
    values = np.random.default_rng(1).random(2**5)
    spectrum = exact(soft(values), target_class=1, basis=basis, bias=bias, keep_probabilities=[keep])
    coefficients = np.linalg.solve(synthesis(5, basis, bias or 0.5), smoothing(5, keep) @ values)
    assert weights(spectrum, keep) == pytest.approx(by_degree(coefficients**2), abs=1e-12)
    assert [one.mass for one in spectrum.degrees] == pytest.approx(by_degree(np.abs(coefficients)), abs=1e-12)


@pytest.mark.parametrize(
    ("predictor", "expected"),
    [
        (Parity(5), [1 / 4, 0, 0, 0, 0, 1 / 4]),
        (Majority(3), [1 / 4, 3 / 16, 0, 1 / 16]),
        (Unanimity(4), [math.comb(4, k) / 4**4 for k in range(5)]),
        (Unanimity(9, [2, 7]), [1 / 16, 2 / 16, 1 / 16, *[0] * 7]),
    ],
)
def test_known_functions_have_their_known_weights(predictor: MaskedPredictor, expected: list[float]) -> None:
    assert weights(exact(predictor, target_class=1)) == pytest.approx(expected, abs=1e-15)


def test_tribes_have_the_weights_of_the_product_of_their_negations() -> None:
    """1 - tribes is a product of independent functions, so its weights are those of a product of polynomials."""
    one_tribe = np.array([(1 - 2**-3) ** 2, *[math.comb(3, k) / 4**3 for k in (1, 2, 3)]])
    product_of_four = np.array([1.0])
    for _ in range(4):
        product_of_four = np.convolve(product_of_four, one_tribe)
    found = weights(exact(Tribes(12, 3), target_class=1))
    assert found[1:] == pytest.approx(product_of_four[1:].tolist(), abs=1e-14)


@pytest.mark.parametrize(("basis", "bias"), BASES)
def test_total_influence_is_the_mean_variance_from_each_feature_alone(basis: BasisKind, bias: float | None) -> None:
    n, p = 5, bias or 0.5
    values = np.random.default_rng(2).random(2**n)
    influence = 0.0
    for i in range(n):
        partner = np.array([values[index ^ (1 << i)] for index in range(2**n)])
        influence += measure(n, p) @ (p * (1 - p) * (values - partner) ** 2)
    found = exact(soft(values), target_class=1, basis=basis, bias=bias).total_influence
    assert found.value == pytest.approx(influence, abs=1e-13)


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


@pytest.mark.parametrize(("basis", "bias"), [one for one in BASES if one[0] != "monotone"])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_restricted_weights_are_the_mean_over_every_restriction(
    basis: BasisKind, bias: float | None, size: int
) -> None:
    n, p = 5, bias or 0.5
    values = np.random.default_rng(5).random(2**n)
    mean = np.zeros(size + 1)
    choices = [s for s in subsets(range(n), size) if len(s) == size]
    for left in choices:
        others = [i for i in range(n) if i not in left]
        for fixed, chance in zip(masks_of(n - size), measure(n - size, p), strict=True):
            base = code([i for i, kept in zip(others, fixed, strict=True) if kept])
            table = [values[base | code([left[i] for i in range(size) if mask[i]])] for mask in masks_of(size)]
            coefficients = np.linalg.solve(synthesis(size, basis, p), table)
            mean += chance * np.array(by_degree(coefficients**2)) / len(choices)
    found = exact(soft(values), target_class=1, basis=basis, bias=bias, restrict=size).restriction
    assert found is not None
    assert (found.size, found.draws) == (size, 0)
    assert [one.value for one in found.weights] == pytest.approx(mean.tolist(), abs=1e-12)


def test_the_largest_coefficients_come_first_with_the_features_they_belong_to() -> None:
    spectrum = exact(soft(TABLE), target_class=1, top=3)
    assert [one.features for one in spectrum.coefficients] == [(), (2,), (0, 2)]
    assert [one.value.value for one in spectrum.coefficients] == pytest.approx([0.3875, -0.1625, 0.1625])


def test_coefficients_that_are_zero_are_not_listed() -> None:
    assert [one.features for one in exact(Parity(4), target_class=1).coefficients] == [(), (0, 1, 2, 3)]


def test_a_degree_leaves_out_the_higher_ones_and_changes_nothing_else() -> None:
    whole, part = exact(soft(TABLE)), exact(soft(TABLE), degree=1)
    assert part.degrees == whole.degrees[:2]
    assert part.smoothing == whole.smoothing


@pytest.mark.parametrize(("basis", "bias"), BASES)
def test_everything_exact_says_so_and_has_no_width(basis: BasisKind, bias: float | None) -> None:
    spectrum = exact(soft(TABLE), basis=basis, bias=bias, keep_probabilities=LAMBDAS, restrict=2)
    assert spectrum.delta is None
    for found in quantities(spectrum):
        assert found.exact
        assert found.meaningful
        assert found.lower == found.value == found.upper


@pytest.mark.parametrize("n", [1, 5, 13])
def test_every_mask_is_evaluated_once(n: int) -> None:
    counting = Counting(Majority(n))
    spectrum = exact(counting, keep_probabilities=LAMBDAS, restrict=1)
    assert spectrum.evaluations == counting.rows == len(np.unique(counting.masks, axis=0)) == 2**n


@pytest.mark.parametrize(("n", "expected"), [(14, True), (15, False)])
def test_the_spectrum_is_exact_up_to_14_features_by_default(n: int, expected: bool) -> None:
    spectrum = degree_weights(Majority(n), n_samples=10, rng=np.random.default_rng(0))
    assert spectrum.exact is expected


THREE = Table([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.3, 0.1, 0.6]])


@pytest.mark.parametrize(
    ("target", "target_class", "chosen", "other", "mean"),
    [
        ("probability", None, 2, None, (0.3 + 0.1 + 0.7 + 0.6) / 4),
        ("probability", 1, 1, None, (0.5 + 0.3 + 0.2 + 0.1) / 4),
        ("margin", None, 2, 0, (0.1 - 0.5 + 0.6 + 0.3) / 4),
        ("margin", 1, 1, 2, (0.2 + 0.2 - 0.5 - 0.5) / 4),
        ("indicator", None, 2, None, 1 / 2),
        ("indicator", 1, 1, None, 1 / 4),
    ],
)
def test_a_target_is_a_number_of_each_mask(
    target: Any, target_class: int | None, chosen: int, other: int | None, mean: float
) -> None:
    spectrum = exact(THREE, target=target, target_class=target_class)
    assert (spectrum.target, spectrum.target_class, spectrum.other_class) == (target, chosen, other)
    assert spectrum.values is not None
    assert spectrum.values[0] == pytest.approx(mean, abs=1e-15)


@pytest.mark.parametrize("target", ["probability", "margin"])
def test_no_value_is_above_what_is_possible_if_probabilities_sum_to_1_almost(target: Any) -> None:
    function = TargetFunction(Table([[0.0, 1 + 9e-7], [0.0, 1 + 9e-7]]), target, 1)
    assert function.table().tolist() == [1.0, 1.0]


def test_sampled_and_exact_spectra_have_the_same_target() -> None:
    sampled = degree_weights(THREE, target="margin", exact_max=0, n_samples=4, rng=np.random.default_rng(0))
    assert (sampled.target_class, sampled.other_class) == (2, 0)


@pytest.mark.parametrize("basis", ["standard", "monotone"])
def test_the_memory_of_the_whole_spectrum_is_about_what_is_announced(basis: BasisKind) -> None:
    class Light:
        n_features = 17

        def __call__(self, masks: Masks, /) -> Probs:
            return np.full((len(masks), 2), 0.5)

    tracemalloc.start()
    exact(Light(), keep_probabilities=[1.0, 0.5], basis=basis)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    announced = exact_cost(17).memory_bytes
    assert announced / 2 < peak <= announced
