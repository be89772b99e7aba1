"""The search for a flip: whatever it finds is one, and on easy functions it finds the smallest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.decisions import Decisions, decide
from stabcert.core.hard.attack import find_flip
from stabcert.core.hard.certificate import ScoreKind
from stabcert.core.hard.certify import certify_hard
from stabcert.core.hard.exhaustive import enumerate_hard_radius
from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import Mask, MaskedPredictor, Masks, Probs
from stabcert.errors import InputError, ParameterError
from tests.core.helpers import MASK_196, arbitrary_function, small_cases
from tests.doubles import Batchy, Constant, Counting, FlipAtSize, Parity, Table, Threshold, Unanimity, one_hot


def search(
    predictor: MaskedPredictor, mask: Any, budget: int = 2000, *, seed: int = 0, **arguments: Any
) -> Mask | None:
    return find_flip(predictor, mask, max_evaluations=budget, rng=np.random.default_rng(seed), **arguments)


def added(flip: Mask | None, mask: Any) -> int:
    assert flip is not None
    kept = np.asarray(mask, dtype=bool)
    assert (flip | ~kept).all()
    return int((flip & ~kept).sum())


@given(small_cases(), st.integers(1, 150), st.integers(0, 3))
def test_what_is_found_is_a_flip_and_never_smaller_than_the_truth(
    case: tuple[Table, Mask, str], budget: int, seed: int
) -> None:
    predictor, mask, _ = case
    counted = Counting(predictor)
    flip = search(counted, mask, budget, seed=seed)
    assert counted.rows <= budget
    truth = enumerate_hard_radius(predictor, mask, max_evaluations=1000)
    if flip is not None:
        assert added(flip, mask) > truth.radius
        assert decide(predictor, flip[None]).classes[0] != truth.prediction


@pytest.mark.slow
@given(small_cases(), st.integers(1, 9), st.sampled_from(["vote", "probability"]), st.integers(1, 300))
def test_a_certified_radius_is_smaller_than_what_an_attack_on_the_same_function_needs(
    case: tuple[Table, Mask, str], draws: int, scores: ScoreKind, budget: int
) -> None:
    base, mask, _ = case
    keep_masks = bernoulli_keep_masks(len(mask), keep_probability=0.6, draws=draws, rng=np.random.default_rng(draws))
    smoothed = SmoothedPredictor(base, keep_masks, scores=scores)
    certificate = certify_hard(smoothed, mask, refine=500)
    flip = search(smoothed, mask, budget)
    if flip is not None:
        assert certificate.radius_incremental < added(flip, mask)
        assert not certificate.stable_for_all_supersets


@pytest.mark.parametrize("budget", [400, 3000])
@pytest.mark.parametrize(
    ("predictor", "mask", "smallest"),
    [
        (Parity(40), np.zeros(40), 1),
        (Threshold(30, 5), np.zeros(30), 5),
        (Threshold(40, 9), np.arange(40) < 3, 6),
        (Unanimity(40, [3, 17, 31]), np.zeros(40), 3),
        (Unanimity(20, [3, 5, 8, 9, 12, 13, 17, 19]), np.arange(20) == 5, 7),
        (Unanimity(196, [60, 70, 80, 90, 100]), MASK_196, 5),
    ],
)
def test_on_monotone_functions_the_smallest_flip_is_found(
    predictor: MaskedPredictor, mask: Any, smallest: int, budget: int
) -> None:
    assert added(search(predictor, mask, budget), mask) == smallest


def test_the_smallest_flip_of_a_weighted_sum_is_found_from_the_margins() -> None:
    """Greedy by margin is optimal where effects add up."""
    rng = np.random.default_rng(4)
    weights = rng.normal(size=100)

    class Weighted:
        n_features = 100

        def __call__(self, masks: Masks, /) -> Probs:
            odds = 1.0 / (1.0 + np.exp(8.0 - masks @ weights))
            return np.stack([1.0 - odds, odds], axis=1)

    smallest = int(np.flatnonzero(np.cumsum(-np.sort(-weights)) > 8.0)[0]) + 1
    assert smallest > 2
    assert added(search(Weighted(), np.zeros(100), 300), np.zeros(100)) == smallest


def test_features_that_do_much_together_and_alone_no_more_than_others_are_found_by_exchanges() -> None:
    """A pair flips; so do any 9 of 42, which greedy steps run into."""

    class Hidden:
        n_features = 42

        def __call__(self, masks: Masks, /) -> Probs:
            pair = masks[:, 17] & masks[:, 31]
            odds = np.clip(0.09 + 0.05 * masks.sum(axis=1) + 0.6 * pair, 0.0, 1.0)
            return np.stack([1.0 - odds, odds], axis=1)

    assert added(search(Hidden(), np.zeros(42), 5000), np.zeros(42)) == 2


@pytest.mark.parametrize("budget", [1, 2, 3, 10, 41, 42, 100, 1000])
@pytest.mark.parametrize("smooth", [False, True])
def test_the_budget_is_used_and_never_exceeded(budget: int, smooth: bool) -> None:
    base = arbitrary_function(40, 0.001)
    predictor: MaskedPredictor = base
    if smooth:
        keep_masks = bernoulli_keep_masks(40, keep_probability=0.5, draws=5, rng=np.random.default_rng(0))
        predictor = SmoothedPredictor(base, keep_masks)
    counted = CountingDecisions(predictor) if smooth else Counting(predictor)
    search(counted, np.zeros(40), budget)
    assert 0 < counted.rows <= budget


class CountingDecisions(Counting):
    """Counts what is decided as well as what is evaluated."""

    def decide(self, masks: Masks) -> Decisions:
        self.rows += len(masks)
        return decide(self.base, masks)


def test_a_constant_function_has_no_flip_and_takes_the_whole_budget() -> None:
    counted = Counting(Constant(12))
    assert search(counted, np.zeros(12), 500) is None
    assert counted.rows == 500


@pytest.mark.parametrize("n_free", [0, 1])
def test_where_there_is_nothing_left_to_find_the_search_ends(n_free: int) -> None:
    counted = Counting(Constant(5))
    assert search(counted, np.arange(5) >= n_free, 500) is None
    assert counted.rows <= 3


def test_the_search_ends_at_a_flip_that_is_known_to_be_smallest() -> None:
    predictor = Unanimity(40, [3, 17, 31])
    counted = Counting(predictor)
    assert added(search(counted, np.zeros(40), 10**5, known_stable=2), np.zeros(40)) == 3
    assert counted.rows < 500


def test_a_radius_that_is_known_costs_no_evaluations_below_it() -> None:
    counted = Counting(Threshold(40, 30))
    flip = search(counted, np.zeros(40), 10**5, known_stable=29)
    assert added(flip, np.zeros(40)) == 30
    sizes = counted.masks.sum(axis=1)
    assert not ((sizes > 1) & (sizes < 30)).any()


@pytest.mark.parametrize("budget", [50, 700])
def test_equal_generators_find_the_same_flip(budget: int) -> None:
    predictor = arbitrary_function(60, 0.01, seed=3)
    found = [search(predictor, np.zeros(60), budget, seed=seed) for seed in (5, 5)]
    assert np.array_equal(*found)  # type: ignore[arg-type]


@pytest.mark.parametrize("drift", [0, 1])
def test_near_ties_are_no_flips(drift: int) -> None:
    """Every mask with fewer than 6 features added is a near tie or keeps the class."""
    predictor = Batchy(Threshold(20, 6), lambda masks: masks.any(axis=1) & (masks.sum(axis=1) < 6), drift=drift)
    assert added(search(predictor, np.zeros(20)), np.zeros(20)) == 6
    nothing_certain = Batchy(Constant(20), lambda masks: masks.any(axis=1), drift=drift)
    assert search(nothing_certain, np.zeros(20)) is None


@pytest.mark.slow
@pytest.mark.parametrize("drift", [0, 1])
def test_votes_that_near_ties_could_turn_are_no_flips(drift: int) -> None:
    keep_masks = np.ones((3, 10), dtype=bool)
    base = Batchy(Threshold(10, 4), lambda masks: masks.any(axis=1) & (masks.sum(axis=1) < 4), drift=drift)
    assert added(search(SmoothedPredictor(base, keep_masks), np.zeros(10)), np.zeros(10)) == 4


def test_asking_again_about_candidates_is_paid_from_the_budget() -> None:
    base = Batchy(Constant(40), lambda masks: masks.any(axis=1))
    counted = CountingDecisions(SmoothedPredictor(base, np.ones((1, 40), dtype=bool)))
    assert search(counted, np.zeros(40), 100) is None
    assert counted.rows == 100


def test_of_a_mask_that_is_itself_a_near_tie_no_flip_is_certain() -> None:
    counted = Counting(Batchy(Parity(6), lambda masks: ~masks.any(axis=1)))
    assert search(counted, np.zeros(6)) is None
    assert counted.rows == 1


def test_an_exact_tie_that_a_lower_class_wins_is_a_flip() -> None:
    tie: Probs = np.array([[0.4, 0.6], [0.5, 0.5]])
    assert added(search(Table(tie), np.zeros(1)), np.zeros(1)) == 1


def test_flips_by_an_exact_tie_are_pruned_like_others() -> None:
    class Tied:
        n_features = 60

        def __call__(self, masks: Masks, /) -> Probs:
            return np.where((masks[:, 13] & masks[:, 44])[:, None], [[0.5, 0.5]], [[0.4, 0.6]])

    assert added(search(Tied(), np.zeros(60), 300), np.zeros(60)) == 2


def test_flips_of_one_size_among_many_are_reached_by_prefixes() -> None:
    flip = search(FlipAtSize(30, 4, 7), np.zeros(30), 3000)
    assert added(flip, np.zeros(30)) == 4


def test_more_features_than_evaluations_are_tried_in_part() -> None:
    n = 5000
    counted = Counting(Threshold(n, 2000))
    flip = search(counted, np.zeros(n), 400)
    assert 2000 <= added(flip, np.zeros(n)) < 2100
    assert counted.rows <= 400


def test_a_search_without_evaluations_and_a_mask_that_does_not_fit_are_refused() -> None:
    with pytest.raises(ParameterError, match="max_evaluations must be at least 1"):
        search(Parity(4), np.zeros(4), 0)
    with pytest.raises(InputError, match="4 features"):
        search(Parity(4), np.zeros(5))
    assert search(Parity(4), np.zeros(4), 1) is None


def test_a_flip_to_any_other_class_counts() -> None:
    def third(masks: Masks) -> Probs:
        return one_hot(np.where(masks[:, 2], 2, 0), 3)

    table = Table(third((np.arange(16)[:, None] >> np.arange(4)) % 2 == 1))
    flip = search(table, np.zeros(4))
    assert flip is not None
    assert np.flatnonzero(flip).tolist() == [2]
