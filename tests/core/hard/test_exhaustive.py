"""The hard radius by trying every addition: the definition, at every budget."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.hard import exhaustive
from stabcert.core.hard.exhaustive import enumerate_hard_radius
from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import Mask, MaskedPredictor, Masks, Probs
from stabcert.errors import InputError, ParameterError
from tests.core.helpers import Rebatched, small_cases
from tests.doubles import Batchy, Constant, Counting, FlipAtSize, Majority, Parity, Table, Threshold, one_hot
from tests.oracles import additions, predicted_class

PLENTY = 10**6


def true_radius(predictor: MaskedPredictor, mask: Mask) -> int:
    """By definition: the largest r at which every addition of up to r features keeps the class."""
    reference = predicted_class(predictor, additions(mask, 0)[0])
    n_free = int((~mask).sum())
    for size in range(1, n_free + 1):
        if any(predicted_class(predictor, row) != reference for row in additions(mask, size, exactly=True)):
            return size - 1
    return n_free


@given(small_cases())
def test_with_budget_enough_the_radius_is_that_of_the_definition(case: tuple[Table, Mask, str]) -> None:
    predictor, mask, _ = case
    found = enumerate_hard_radius(predictor, mask, max_evaluations=PLENTY)
    assert found.radius == true_radius(predictor, mask)
    assert found.exact
    assert found.stable_for_all_supersets == (found.radius == (~mask).sum())
    assert (found.flip is None) == found.stable_for_all_supersets
    if found.flip is not None:
        assert (found.flip & mask == mask).all()
        assert (found.flip & ~mask).sum() == found.radius + 1
        assert predicted_class(predictor, tuple(found.flip.tolist())) != found.prediction


@given(small_cases(), st.integers(1, 70))
def test_with_any_budget_nothing_untrue_is_said_and_the_budget_is_kept(
    case: tuple[Table, Mask, str], budget: int
) -> None:
    predictor, mask, _ = case
    counted = Counting(predictor)
    found = enumerate_hard_radius(counted, mask, max_evaluations=budget)
    truth = true_radius(predictor, mask)
    assert found.radius <= truth
    assert not found.exact or found.radius == truth
    assert counted.rows == found.evaluations <= budget
    assert len({row.tobytes() for row in counted.masks}) == counted.rows


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
def test_a_flip_that_exists_at_one_size_only_ends_the_radius_before_it(size: int) -> None:
    found = enumerate_hard_radius(FlipAtSize(8, size, 5), np.zeros(8), max_evaluations=PLENTY)
    assert found.radius == size - 1
    assert found.exact
    assert found.flip is not None
    assert found.flip[5]
    assert found.flip.sum() == size


def test_each_size_is_tried_only_if_all_of_it_fits() -> None:
    """1 + 6 + 15 + 20 + 15 + 6 + 1 masks."""
    reached = {}
    for budget in range(1, 66):
        counted = Counting(Constant(6))
        found = enumerate_hard_radius(counted, np.zeros(6), max_evaluations=budget)
        assert counted.rows == found.evaluations
        reached[budget] = (found.radius, found.evaluations, found.exact)
    full = [1, 7, 22, 42, 57, 63, 64]
    for radius, needed in enumerate(full):
        following = full[radius + 1] if radius < 6 else 66
        for budget in range(needed, following):
            assert reached[budget] == (radius, needed, radius == 6)


def test_within_a_size_the_search_ends_soon_after_the_first_flip() -> None:
    found = enumerate_hard_radius(Parity(2000), np.zeros(2000), max_evaluations=PLENTY)
    assert (found.radius, found.exact) == (0, True)
    assert found.evaluations < 100


def test_one_evaluation_is_enough_for_a_radius_of_0_and_none_is_not() -> None:
    found = enumerate_hard_radius(Majority(5), np.zeros(5), max_evaluations=1)
    assert (found.radius, found.flip, found.exact, found.evaluations) == (0, None, False, 1)
    with pytest.raises(ParameterError, match="max_evaluations must be at least 1"):
        enumerate_hard_radius(Majority(5), np.zeros(5), max_evaluations=0)
    with pytest.raises(InputError, match="5 features"):
        enumerate_hard_radius(Majority(5), np.zeros(4), max_evaluations=9)


def test_a_mask_of_all_features_is_stable() -> None:
    found = enumerate_hard_radius(Parity(5), np.ones(5), max_evaluations=1)
    assert (found.radius, found.stable_for_all_supersets, found.exact) == (0, True, True)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_radius_ends_before_the_first_near_tie(batch: int) -> None:
    predictor = Batchy(Threshold(7, 5), lambda masks: (masks.sum(axis=1) == 3) & masks[:, 0])
    wrapped = Counting(Rebatched(predictor, batch))
    wrapped.decision_tolerance = predictor.decision_tolerance
    found = enumerate_hard_radius(wrapped, np.zeros(7), max_evaluations=PLENTY)
    assert (found.radius, found.flip, found.exact) == (2, None, False)
    assert found.near_ties == math.comb(6, 2)
    assert not found.stable_for_all_supersets


def test_a_certain_flip_beside_near_ties_of_the_same_size_is_found() -> None:
    predictor = Batchy(Threshold(7, 3, [4, 5, 6]), lambda masks: (masks.sum(axis=1) == 3) & masks[:, 0])
    found = enumerate_hard_radius(predictor, np.zeros(7), max_evaluations=PLENTY)
    assert (found.radius, found.exact) == (2, True)
    assert found.flip is not None
    assert np.flatnonzero(found.flip).tolist() == [4, 5, 6]


def test_of_a_mask_that_is_itself_a_near_tie_nothing_is_known() -> None:
    predictor = Batchy(Constant(4), lambda masks: ~masks.any(axis=1))
    found = enumerate_hard_radius(predictor, np.zeros(4), max_evaluations=PLENTY)
    assert (found.radius, found.near_ties, found.exact, found.evaluations) == (0, 1, False, 1)


@given(small_cases(), st.integers(1, 8))
def test_a_smoothed_predictor_has_a_radius_of_its_own(case: tuple[Table, Mask, str], draws: int) -> None:
    base, mask, _ = case
    keep_masks = bernoulli_keep_masks(len(mask), keep_probability=0.6, draws=draws, rng=np.random.default_rng(draws))
    smoothed = SmoothedPredictor(base, keep_masks)
    found = enumerate_hard_radius(smoothed, mask, max_evaluations=PLENTY)
    assert found.radius == true_radius(smoothed, mask)
    assert found.exact


def test_many_features_are_tried_in_bounded_memory() -> None:
    n = 100_000

    class First:
        n_features = n

        def __call__(self, masks: Masks, /) -> Probs:
            return one_hot(masks[:, -1])

    tracemalloc.start()
    found = enumerate_hard_radius(First(), np.arange(n) < n - 3000, max_evaluations=4000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.radius, found.exact) == (0, True)
    assert found.evaluations == 3001
    assert peak < 2.5 * 2**26


def test_sizes_too_large_to_be_addressed_end_the_search_and_not_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhaustive, "MAX_RANKED", 1000)
    found = enumerate_hard_radius(Constant(30), np.zeros(30), max_evaluations=10**12)
    assert (found.radius, found.exact, found.evaluations) == (2, False, 1 + 30 + 435)
