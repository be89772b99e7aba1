"""The exact spectrum: every number against its definition, its targets, what it costs."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from stabcert.core.spectrum.analyse import degree_weights
from stabcert.core.spectrum.result import BasisKind, Quantity, Spectrum
from stabcert.core.spectrum.target import TargetFunction
from stabcert.core.spectrum.transforms import exact_cost
from stabcert.core.types import MaskedPredictor, Masks, Probs
from tests.core.boolean_functions import (
    Tribes,
    by_degree,
    code,
    masks_of,
    measure,
    smoothing,
    soft,
    subsets,
    synthesis,
)
from tests.core.helpers import GOLDEN
from tests.core.spectrum.spectrum_cases import BASES, LAMBDAS, TABLE, exact
from tests.doubles import Counting, Majority, Parity, Table, Unanimity


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
