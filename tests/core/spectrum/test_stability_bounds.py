"""Stability bounds from monotone coefficients: golden values, random search, what is evaluated and refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stabcert.core.spectrum.small_sets import containment, moebius, smooth_sets, steps_of
from stabcert.core.spectrum.stability_bounds import bounds_cost, stability_bounds
from stabcert.core.spectrum.transforms import transform
from stabcert.errors import InputError, ParameterError
from tests.core.boolean_functions import code, smooth_values, soft, subsets
from tests.core.helpers import GOLDEN
from tests.core.spectrum.stability_cases import (
    CASES,
    HALF,
    Smooth,
    movements,
    of_class_1,
    random_case,
    smoothed_by_definition,
)
from tests.doubles import Batchy, Counting, Table, Threshold
from tests.oracles import stability_rate


@pytest.mark.parametrize(("radius", "keep", "sets", "degrees"), GOLDEN["stability_bounds_of_the_table"])
def test_the_bounds_of_the_table_are_the_golden_ones(radius: int, keep: str, sets: float, degrees: float) -> None:
    found = of_class_1(GOLDEN["table_of_3_features"], (1, 0, 0), radius, keep_probability=Fraction(keep))
    assert (found.sets, found.degrees) == pytest.approx((sets, degrees), abs=1e-14)


def test_the_probability_that_an_addition_contains_a_set_is_the_golden_fraction() -> None:
    assert [str(containment(5, 3, size)) for size in range(4)] == GOLDEN["containment_5_3"]


def test_operators_on_small_sets_are_those_on_all_sets_cut_off() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(2**6)
    sets = subsets(range(6), 3)
    codes = [code(s) for s in sets]
    steps = steps_of(np.array([[i in s for i in range(6)] for s in sets]))
    assert moebius(values[codes], steps) == pytest.approx(transform(values, "monotone")[codes], abs=1e-14)
    assert smooth_sets(values[codes], steps, 0.3) == pytest.approx(smooth_values(values, 0.3)[codes], abs=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("smooth", ["unsmoothed", "all", "free"])
def test_no_bound_is_violated_in_a_random_search_and_the_truth_is_that_of_the_definition(smooth: str) -> None:
    for n, seed in CASES:
        values, mask, radius, keep = random_case(n, seed)
        how: Smooth = "free" if smooth == "free" else "all"
        keep = 1.0 if smooth == "unsmoothed" else keep
        found = of_class_1(values, mask, radius, keep_probability=keep, smooth=how)
        truth = movements(smoothed_by_definition(values, mask, keep, how), mask, radius)
        # Rounding decides movements of exactly 1/2, in the definition as here; they are left to tests of their own.
        close = [size for size, moved in truth if abs(moved - HALF) < 1e-12]
        rate = sum(moved <= HALF for _, moved in truth) / len(truth)
        hard = max(r for r in range(radius + 1) if all(moved <= HALF for size, moved in truth if size <= r))
        assert abs(found.rate - rate) <= len(close) / len(truth) + 1e-15
        assert found.hard_radius == hard or close
        assert found.sets == pytest.approx(2 * np.mean([moved for _, moved in truth]), abs=1e-12)
        assert 1 - found.rate <= found.sets + 1e-12
        assert found.sets <= found.degrees + 1e-12
        if found.class_bound is not None:
            assert 1 - found.class_rate <= found.class_bound + 1e-12


def test_the_degree_bound_is_that_of_the_coefficients_by_definition() -> None:
    for n, seed in CASES[::3]:
        values, mask, radius, keep = random_case(n, seed)
        found = of_class_1(values, mask, radius, keep_probability=keep)
        coefficients = transform(values, "monotone")
        kept, free = ([i for i in range(n) if mask[i] == one] for one in (1, 0))
        expected = 0.0
        for t in subsets(free, radius):
            # Sets of the whole that meet the free features in t, each damped by what it has of the mask.
            c = sum(keep ** len(u) * coefficients[code(t + u)] for u in subsets(kept, len(kept)))
            if t:
                expected += 2 * keep ** len(t) * abs(c) * float(containment(len(free), radius, len(t)))
        assert found.degrees == pytest.approx(expected, abs=1e-12)


def test_three_classes_are_decided_by_one_half_only_above_it() -> None:
    probabilities = [[0.3, 0.4, 0.3], [0.2, 0.7, 0.1]]
    below, above = (
        stability_bounds(Table(probabilities), np.array([kept]), radius=0, target_class=1) for kept in (False, True)
    )
    assert below.class_bound is None
    assert above.class_bound == 0.0


def test_the_class_rate_is_the_stability_rate_of_the_definition() -> None:
    for n, seed in CASES[::5]:
        rng = np.random.default_rng([n, seed])
        weights = rng.random((2**n, 3))
        predictor = Table(weights / weights.sum(axis=1, keepdims=True))
        mask = rng.random(n) < 0.5
        radius = int((~mask).sum())
        found = stability_bounds(predictor, mask, radius=radius)
        assert found.class_rate == pytest.approx(float(stability_rate(predictor, mask, radius)), abs=1e-15)


def test_a_near_tie_does_not_count_as_keeping_the_class() -> None:
    base = Threshold(3, 0)
    predictor = Batchy(base, lambda masks: masks.sum(axis=1) == 1)
    found = stability_bounds(predictor, np.zeros(3, dtype=bool), radius=1)
    assert found.class_rate == 0.25
    assert found.class_bound is not None
    assert 1 - found.class_rate <= found.class_bound


def test_no_class_stays_where_that_of_the_mask_is_itself_a_near_tie() -> None:
    predictor = Batchy(Threshold(3, 0), lambda masks: masks.sum(axis=1) == 0)
    found = stability_bounds(predictor, np.zeros(3, dtype=bool), radius=1)
    assert (found.class_rate, found.class_bound) == (0.0, None)


def test_the_margin_ends_where_near_ties_begin() -> None:
    predictor = Counting(soft([0.6, 0.52]))
    predictor.decision_tolerance = 0.2  # of log-probabilities: 0.52 is too close to a tie, 0.6 is not
    found = stability_bounds(predictor, np.array([False]), radius=1, target_class=1)
    assert found.class_rate == 0.5
    assert found.class_bound is not None
    assert 1 - found.class_rate <= found.class_bound


def test_the_margin_allows_for_probabilities_that_sum_to_1_almost() -> None:
    """Above one half, and yet another class is ahead."""
    predictor = Table([[0.4, 0.6, 0.0], [0.5 + 6e-7, 0.5 + 3e-7, 0.0]])
    found = stability_bounds(predictor, np.array([False]), radius=1, target_class=1)
    assert found.class_rate == 0.5
    assert found.class_bound is not None
    assert 1 - found.class_rate <= found.class_bound


@pytest.mark.parametrize("radius", range(4))
@pytest.mark.parametrize(("keep", "smooth", "parts"), [(1.0, "all", 1), (0.5, "free", 1), (0.5, "all", 4)])
@pytest.mark.parametrize("target_class", [None, 1])
def test_each_mask_that_matters_is_evaluated_once(
    radius: int, keep: float, smooth: Smooth, parts: int, target_class: int | None
) -> None:
    counting = Counting(Threshold(5, 2))
    mask = np.array([True, False, True, False, False])
    found = stability_bounds(
        counting, mask, radius=radius, keep_probability=keep, smooth=smooth, target_class=target_class
    )
    assert len(np.unique(counting.masks, axis=0)) == counting.rows == found.evaluations
    additions = [1, 4, 7, 8][radius]
    assert counting.rows == additions * parts + (target_class is None and radius < 3)


def test_many_masks_are_evaluated_in_chunks_of_bounded_size() -> None:
    counting = Counting(Threshold(16, 3))
    mask = np.arange(16) < 11
    found = stability_bounds(counting, mask, radius=2, keep_probability=0.5, max_evaluations=10**5)
    assert found.evaluations == counting.rows == 2**11 * 16 + 1
    assert max(len(rows) for rows in counting.seen) <= 4096


def test_the_variant_is_named() -> None:
    values = [0.1, 0.2, 0.3, 0.4]
    assert of_class_1(values, (1, 0), 1).variant == "unsmoothed"
    assert of_class_1(values, (1, 0), 1, keep_probability=0.5).variant == "smoothed"
    assert of_class_1(values, (1, 0), 1, keep_probability=0.5, smooth="free").variant == "smoothed-free"


def test_a_movement_of_exactly_one_half_is_stable_and_anything_more_is_not() -> None:
    assert of_class_1([0.0, 0.5], (0,), 1).hard_radius == 1
    assert of_class_1([0.0, np.nextafter(0.5, 1)], (0,), 1).hard_radius == 0


def test_a_probability_above_1_by_rounding_moves_no_further_than_1() -> None:
    predictor = Table([[0.5, 0.5], [0.0, 1 + 9e-7]])
    assert stability_bounds(predictor, np.array([False]), radius=1, target_class=1).hard_radius == 1


def test_too_many_evaluations_are_refused_before_the_predictor_is_asked() -> None:
    counting = Counting(Threshold(30, 3))
    mask = np.arange(30) < 20
    needed = bounds_cost(mask, 1, keep_probability=0.9)
    assert needed == 2**20 * 11 + 1
    with pytest.raises(ParameterError, match=rf"at least {needed} .*, got 16384\. .*free features alone"):
        stability_bounds(counting, mask, radius=1, keep_probability=0.9)
    assert counting.calls == 0


@pytest.mark.parametrize("radius", [-1, 3])
def test_a_radius_that_is_not_possible_is_refused(radius: int) -> None:
    with pytest.raises(ParameterError, match="radius must be from 0"):
        of_class_1([0.0] * 8, (1, 0, 0), radius)


@pytest.mark.parametrize(
    "arguments", [{"keep_probability": 1.5}, {"keep_probability": -0.1}, {"smooth": "none"}, {"target_class": 2}]
)
def test_arguments_out_of_range_are_refused_with_what_is_possible(arguments: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match="Use "):
        stability_bounds(soft([0.0, 1.0]), np.array([False]), radius=1, **arguments)  # type: ignore[arg-type]


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="does not fit"):
        stability_bounds(soft([0.0, 1.0]), np.array([False, True]), radius=1)
