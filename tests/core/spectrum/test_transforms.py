"""Transforms and smoothing of tables: golden values, the definitions by brute force, and their algebra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.spectrum.result import BasisKind
from stabcert.core.spectrum.transforms import (
    MAX_EXACT_FEATURES,
    degrees_of,
    every_mask,
    exact_cost,
    features_of,
    mass_by_degree,
    smooth_coefficients,
    transform,
    weights_by_degree,
)
from stabcert.errors import InputError, ParameterError
from tests.core.boolean_functions import (
    by_degree,
    inverse_transform,
    masks_of,
    measure,
    sizes,
    smooth_values,
    smoothing,
    synthesis,
)
from tests.core.helpers import GOLDEN

TABLE = np.array(GOLDEN["table_of_3_features"])
BASES: list[tuple[BasisKind, float | None]] = [
    ("standard", None),
    ("monotone", None),
    ("biased", 0.5),
    ("biased", 0.3),
    ("biased", 0.85),
]
PROBABILITIES = st.floats(0, 1)


@st.composite
def tables(draw: st.DrawFn, largest: int = 8) -> np.ndarray:
    n_features = draw(st.integers(1, largest))
    return np.random.default_rng(draw(st.integers(0, 2**32))).uniform(-1, 1, size=2**n_features)


def n_of(table: np.ndarray) -> int:
    return len(table).bit_length() - 1


def test_the_standard_coefficients_are_the_golden_ones() -> None:
    assert transform(TABLE, "standard") == pytest.approx(GOLDEN["table_standard"], abs=1e-15)


def test_the_monotone_coefficients_are_the_golden_ones() -> None:
    assert transform(TABLE, "monotone") == pytest.approx(GOLDEN["table_monotone"], abs=1e-15)


def test_the_weights_by_degree_are_the_golden_ones() -> None:
    weights = weights_by_degree(transform(TABLE, "standard"))
    assert weights == pytest.approx(GOLDEN["table_weights_by_degree"], abs=1e-15)


def test_the_smoothed_values_are_the_golden_ones() -> None:
    assert smooth_values(TABLE, 0.75) == pytest.approx(GOLDEN["table_smoothed_0.75"], abs=1e-15)


def test_the_standard_coefficients_of_the_smoothed_function_are_the_golden_ones() -> None:
    smoothed = smooth_coefficients(transform(TABLE, "standard"), 0.75, "standard")
    assert smoothed == pytest.approx(GOLDEN["table_smoothed_0.75_standard"], abs=1e-15)


def test_the_standard_coefficients_of_the_majority_of_three_are_the_golden_ones() -> None:
    majority = [float(sum(mask) >= 2) for mask in masks_of(3)]
    assert transform(majority, "standard").tolist() == GOLDEN["majority_3_standard"]


def test_a_table_lists_the_masks_with_feature_0_changing_fastest() -> None:
    (masks,) = every_mask(3)
    assert masks.astype(int).tolist() == [list(mask) for mask in masks_of(3)]


def test_many_masks_come_in_chunks_and_each_once() -> None:
    masks = np.concatenate(list(every_mask(14)))
    assert (masks @ (1 << np.arange(14)) == np.arange(2**14)).all()


@pytest.mark.parametrize("code", [0, 1, 2, 5, 2**20 + 1])
def test_the_features_of_an_entry_are_its_bits(code: int) -> None:
    assert sum(2**i for i in features_of(code)) == code


def test_the_degree_of_an_entry_is_how_many_features_it_has() -> None:
    assert degrees_of(6).tolist() == sizes(6).tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("basis", "bias"), BASES)
@pytest.mark.parametrize("n_features", [1, 2, 5, 8])
def test_a_transform_solves_the_definition(n_features: int, basis: BasisKind, bias: float | None) -> None:
    values = np.random.default_rng(n_features).random(2**n_features)
    by_definition = np.linalg.solve(synthesis(n_features, basis, bias or 0.5), values)
    assert transform(values, basis, bias) == pytest.approx(by_definition, abs=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize(("basis", "bias"), BASES)
@given(table=tables())
def test_the_inverse_gives_the_values_back(basis: BasisKind, bias: float | None, table: np.ndarray) -> None:
    assert inverse_transform(transform(table, basis, bias), basis, bias) == pytest.approx(table, abs=1e-12)
    assert transform(inverse_transform(table, basis, bias), basis, bias) == pytest.approx(table, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("basis", "bias"), BASES)
@given(table=tables(), factor=st.floats(-3, 3))
def test_a_transform_is_linear(basis: BasisKind, bias: float | None, table: np.ndarray, factor: float) -> None:
    other = table[::-1]
    together = transform(table + factor * other, basis, bias)
    assert together == pytest.approx(transform(table, basis, bias) + factor * transform(other, basis, bias), abs=1e-11)


@pytest.mark.parametrize(("basis", "bias"), [one for one in BASES if one[0] != "monotone"])
@given(table=tables())
def test_squared_coefficients_add_up_to_the_mean_square(
    basis: BasisKind, bias: float | None, table: np.ndarray
) -> None:
    mean_square = measure(n_of(table), bias or 0.5) @ table**2
    assert weights_by_degree(transform(table, basis, bias)).sum() == pytest.approx(mean_square, abs=1e-12)


@given(table=tables(6))
def test_weights_and_mass_are_sums_over_the_sets_of_each_degree(table: np.ndarray) -> None:
    assert weights_by_degree(table) == pytest.approx(by_degree(table**2), abs=1e-12)
    assert mass_by_degree(table) == pytest.approx(by_degree(np.abs(table)), abs=1e-12)


@pytest.mark.parametrize("n_features", [1, 3, 6])
@pytest.mark.parametrize("keep_probability", [0.0, 0.2, 0.75, 1.0])
def test_smoothing_is_the_mean_over_all_noise(n_features: int, keep_probability: float) -> None:
    values = np.random.default_rng(n_features).random(2**n_features)
    by_definition = smoothing(n_features, keep_probability) @ values
    assert smooth_values(values, keep_probability) == pytest.approx(by_definition, abs=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize(("basis", "bias"), BASES)
@given(table=tables(), keep_probability=PROBABILITIES)
def test_smoothing_of_the_coefficients_is_smoothing_of_the_values(
    basis: BasisKind, bias: float | None, table: np.ndarray, keep_probability: float
) -> None:
    smoothed = smooth_coefficients(transform(table, basis, bias), keep_probability, basis, bias)
    assert inverse_transform(smoothed, basis, bias) == pytest.approx(smooth_values(table, keep_probability), abs=1e-11)


@given(table=tables(), first=PROBABILITIES, second=PROBABILITIES)
def test_smoothing_twice_is_smoothing_with_the_product(table: np.ndarray, first: float, second: float) -> None:
    assert smooth_values(smooth_values(table, first), second) == pytest.approx(
        smooth_values(table, first * second), abs=1e-12
    )


@pytest.mark.slow
@pytest.mark.parametrize(("basis", "bias"), BASES)
@given(table=tables(), keep_probability=PROBABILITIES, degree=st.integers(0, 8))
def test_smoothing_never_raises_the_degree(
    basis: BasisKind, bias: float | None, table: np.ndarray, keep_probability: float, degree: int
) -> None:
    low = np.where(degrees_of(n_of(table)) <= degree, table, 0.0)
    smoothed = smooth_coefficients(low, keep_probability, basis, bias)
    assert (smoothed[degrees_of(n_of(table)) > degree] == 0).all()


@given(table=tables(), keep_probability=PROBABILITIES)
def test_smoothing_keeps_the_sum_of_the_standard_coefficients(table: np.ndarray, keep_probability: float) -> None:
    smoothed = smooth_coefficients(table, keep_probability, "standard")
    assert smoothed.sum() == pytest.approx(table.sum(), abs=1e-11)


def test_the_coefficients_of_and_have_the_signs_of_e1_and_not_the_published_ones() -> None:
    """E1: the signs that were published are those of NOR."""
    conjunction = transform([0, 0, 0, 1], "standard")
    assert conjunction.tolist() == [0.25, -0.25, -0.25, 0.25]
    published = np.full(4, 0.25)
    assert inverse_transform(published, "standard").tolist() == [1, 0, 0, 0]


def test_smoothing_and_multiplies_it_by_the_squared_keep_probability() -> None:
    """E1: the published coefficients, ((2 - l)^2, l (2 - l), l (2 - l), l^2) / 4, are those of the smoothed NOR."""
    keep = 0.6
    smoothed = smooth_coefficients(transform([0, 0, 0, 1], "standard"), keep, "standard")
    assert smoothed == pytest.approx(keep**2 * np.array([0.25, -0.25, -0.25, 0.25]), abs=1e-15)
    published = np.array([(2 - keep) ** 2, keep * (2 - keep), keep * (2 - keep), keep**2]) / 4
    assert inverse_transform(published, "standard") == pytest.approx(smooth_values([1, 0, 0, 0], keep), abs=1e-15)


def test_a_transform_of_20_features_is_exact_to_rounding() -> None:
    values = np.random.default_rng(0).random(2**20)
    coefficients = transform(values, "standard")
    assert coefficients @ coefficients == pytest.approx(np.mean(values**2), rel=1e-12)
    signs = 1 - 2 * (degrees_of(20) & 1)
    assert coefficients[-1] == pytest.approx(np.mean(values * signs), abs=1e-15)


@pytest.mark.parametrize("table", [[], [1.0, 2.0, 3.0], [[1.0, 2.0]], [1.0, np.nan]])
def test_what_is_not_a_table_is_refused(table: list[float]) -> None:
    with pytest.raises(InputError, match="2\\^n finite numbers"):
        transform(table, "standard")


@pytest.mark.parametrize("bias", [None, 0.0, 1.0, -0.1, float("nan")])
def test_a_biased_basis_needs_a_probability(bias: float | None) -> None:
    with pytest.raises(ParameterError, match="for example biased"):
        transform([0.0, 1.0], "biased", bias)


def test_a_bias_does_not_belong_to_another_basis() -> None:
    with pytest.raises(ParameterError, match="the monotone basis does not have a bias"):
        transform([0.0, 1.0], "monotone", 0.3)


def test_an_unknown_basis_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ParameterError, match="must be 'standard', 'monotone' or 'biased'"):
        transform([0.0, 1.0], "fourier")  # type: ignore[arg-type]


def test_the_cost_is_known_before_anything_is_evaluated() -> None:
    cost = exact_cost(20)
    assert cost.evaluations == 2**20
    assert 2**20 * 8 < cost.memory_bytes < 2**20 * 100


@pytest.mark.parametrize("n_features", [0, MAX_EXACT_FEATURES + 1, 196])
def test_a_spectrum_that_is_too_large_to_be_exact_is_refused_with_the_way_out(n_features: int) -> None:
    with pytest.raises(ParameterError, match=r"exact_max .* n_samples, or restrict="):
        exact_cost(n_features)
