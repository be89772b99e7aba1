"""The smallest stable mask of a ranking: what is found, what it may cost, and how often it may be wrong."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stabcert.core.soft.minimal import greedy_minimal_mask, smallest_stable_mask
from stabcert.core.soft.stable_mask import StableMask
from stabcert.core.statistics.sequential import samples_to_certify
from stabcert.core.types import MaskedPredictor, Masks, Probs
from stabcert.errors import InputError, ParameterError
from tests.core.helpers import FALSE_ALARM, Rebatched, arbitrary_function
from tests.doubles import Batchy, Constant, Counting, Parity, Table, Threshold, one_hot
from tests.oracles import additions, predicted_class, stability_rate

BY_INDEX = 10.0 - np.arange(60) / 10
"""Scores by which feature 0 is the best, then 1, and so on."""


def search(predictor: MaskedPredictor, scores: Any = None, *, seed: int = 0, **arguments: Any) -> StableMask:
    scores = BY_INDEX[: predictor.n_features] if scores is None else scores
    allowed = {"allow_vacuous": True} | arguments  # most functions here have the class of the full input without any
    return smallest_stable_mask(predictor, scores, rng=np.random.default_rng(seed), **allowed)


@st.composite
def ranked_tables(draw: st.DrawFn) -> tuple[Table, np.ndarray]:
    """Any function of up to 6 features to 3 classes, one of them frequent; scores with ties."""
    n_features = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = rng.integers(1, 4, size=(2**n_features, 3)).astype(float)
    weights[rng.random(2**n_features) < draw(st.sampled_from([0.3, 0.7, 0.9])), 1] = 5.0
    scores = np.array(draw(st.lists(st.integers(-2, 2), min_size=n_features, max_size=n_features)), dtype=float)
    return Table(weights / weights.sum(axis=1, keepdims=True)), scores


def ranked_mask(scores: np.ndarray, k: int) -> np.ndarray:
    best = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:k]
    return np.isin(np.arange(len(scores)), best)


@given(ranked_tables(), st.integers(0, 6), st.sampled_from([0.5, 0.6, 0.75, 0.9, 1.0]))
def test_where_every_addition_can_be_tried_the_smallest_mask_is_the_one_of_the_definition(
    case: tuple[Table, np.ndarray], radius: int, min_rate: float
) -> None:
    predictor, scores = case
    n = len(scores)
    full = predicted_class(predictor, (True,) * n)
    expected = next(
        k
        for k in range(1, n + 1)
        if predicted_class(predictor, tuple(ranked_mask(scores, k).tolist())) == full
        and float(stability_rate(predictor, ranked_mask(scores, k), min(radius, n - k))) >= min_rate
    )
    # So small a delta that no test could end before all of at most 64 additions were tried.
    found = search(predictor, scores, radius=radius, min_rate=min_rate, delta=1e-40)
    assert found.k == expected
    assert found.mask is not None
    assert np.array_equal(found.mask, ranked_mask(scores, expected))
    assert found.certificate is not None
    assert found.certificate.verdict == "certified"
    assert found.certificate.n_selected == expected
    assert [size.k for size in found.tested] == list(range(1, expected + 1))
    assert all(size.delta == 0 for size in found.tested if size.consistent)


def test_the_search_says_of_each_size_what_was_found() -> None:
    """Class 1 needs feature 2 and, with it, an odd number of others or more than three."""

    class Picky:
        n_features = 12

        def __call__(self, masks: Masks, /) -> Probs:
            count = masks.sum(axis=1)
            return one_hot(masks[:, 2] & ((count % 2 == 0) | (count > 4)))

    found = search(Picky(), radius=1, min_rate=1.0)
    assert [(size.k, size.consistent, size.verdict) for size in found.tested] == [
        (1, False, None),
        (2, False, None),
        (3, False, None),
        (4, True, "certified"),
    ]
    assert found.k == 4
    strict = search(Picky(), radius=2, min_rate=1.0, largest_k=3)
    assert (strict.k, strict.mask, strict.certificate) == (None, None, None)


def test_neither_consistency_nor_stability_grows_with_k_so_that_the_search_goes_upwards() -> None:
    """Stable at 2 features, flipped by any third, and unstable until 7: bisection would find 7 or more."""

    class Valley:
        n_features = 20

        def __call__(self, masks: Masks, /) -> Probs:
            count = masks.sum(axis=1)
            return one_hot((count <= 3) | (count >= 7))

    assert search(Valley(), radius=1, min_rate=1.0).k == 1
    found = search(Valley(), radius=2, min_rate=1.0)
    assert found.k == 1
    assert [size.verdict for size in search(Valley(), radius=3, min_rate=1.0).tested] == [
        *["not-certified"] * 3,
        *[None] * 3,
        "certified",
    ]


def test_a_mask_whose_own_class_or_that_of_the_full_input_is_a_near_tie_is_not_consistent() -> None:
    def two(masks: Masks) -> np.ndarray:
        return np.asarray(masks.sum(axis=1) <= 2)

    found = search(Batchy(Constant(9), two))
    assert [size.consistent for size in found.tested] == [False, False, True]
    assert found.k == 3
    nothing = search(Batchy(Constant(9), lambda masks: masks.all(axis=1)))
    assert nothing.k is None
    assert not any(size.consistent for size in nothing.tested)


def test_the_full_mask_is_stable_and_can_be_excluded() -> None:
    assert search(Parity(30), radius=1).k == 30
    excluded = search(Parity(30), radius=1, largest_k=29)
    assert excluded.k is None
    # Even sizes keep the class, and half of their additions change it or all but the mask itself.
    assert [size.verdict for size in excluded.tested] == [None, "not-certified"] * 14 + [None]


def test_the_certificate_is_about_the_mask_that_was_found() -> None:
    predictor = Threshold(40, 3, [1, 4, 6, 7, 9, 20])
    found = search(predictor, radius=6, min_rate=0.9, delta=0.05)
    assert found.k is not None
    assert found.certificate is not None
    assert predictor.rate(found.mask, 6) >= 0.9
    assert found.certificate.delta == 0.05
    assert (found.certificate.interval, found.certificate.sides) == ("anytime", 1)
    (rate,) = found.certificate.rates
    assert (rate.radius, rate.threshold, rate.met) == (6, 0.9, True)
    assert found.tested[-1].rate == rate


class EverySecond:
    """Class 1 at even sizes, so that any one addition changes the class, and wherever feature 40 is kept."""

    n_features = 60

    def __call__(self, masks: Masks, /) -> Probs:
        return one_hot((masks.sum(axis=1) % 2 == 0) | masks[:, 40])


def test_the_shares_of_delta_fall_with_the_square_of_the_number_of_tests_that_rest_on_draws() -> None:
    found = search(EverySecond(), radius=3, min_rate=0.9, delta=0.2)
    tests = [size for size in found.tested if size.consistent]
    assert [size.k for size in tests] == [*range(2, 41, 2), 41]
    assert [size.verdict for size in tests] == ["not-certified"] * 20 + ["certified"]
    assert [size.delta for size in tests] == [
        pytest.approx(6 * 0.2 / (math.pi * i) ** 2) for i in range(1, len(tests) + 1)
    ]


def test_the_lower_bound_is_that_of_the_share_and_not_of_the_whole_delta() -> None:
    """The 21st test has a 725th of delta: a test of a constant needs as many draws as at that delta by itself."""
    found = search(EverySecond(), radius=3, min_rate=0.9, delta=0.2)
    last = found.tested[-1]
    alone = search(Constant(60), radius=3, min_rate=0.9, delta=last.delta * math.pi**2 / 6)
    members = [sum(math.comb(free, j) for j in range(4)) for free in (19, 59)]
    for size, population in zip((last, alone.tested[-1]), members, strict=True):
        assert size.rate is not None
        assert size.samples == samples_to_certify(0.9, last.delta, population=population)


def test_sizes_that_are_tried_whole_take_nothing_of_delta() -> None:
    """Radius 1, so that k of 40 features leave 41 - k additions; the shortest test has about 30 draws."""
    tests = [size for size in search(Parity(40), radius=1, min_rate=0.9, delta=0.1).tested if size.consistent]
    drawn = 0
    for size in tests:
        share = 6 * 0.1 / (math.pi * (drawn + 1)) ** 2
        few = 41 - size.k <= samples_to_certify(0.9, share)
        assert size.delta == (0.0 if few else pytest.approx(share))
        drawn += not few
    assert 0 < drawn < len(tests) == 20


def test_a_rate_of_1_takes_nothing_of_delta() -> None:
    found = search(Parity(24), radius=2, min_rate=1.0)
    assert [size.delta for size in found.tested if size.consistent] == [0.0] * 12
    assert found.k == 24


class Watchful:
    """Class 1 unless the last feature is kept without all others: any addition that has it changes the class."""

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features

    def __call__(self, masks: Masks, /) -> Probs:
        return one_hot(~masks[:, -1] | masks.all(axis=1))

    def rate(self, k: int, radius: int) -> Fraction:
        """Of a mask of k features without the last one."""
        free = self.n_features - k
        additions, without = (sum(math.comb(n, j) for j in range(radius + 1)) for n in (free, free - 1))
        return Fraction(without, additions)


def test_the_known_rates_are_the_definition() -> None:
    predictor = Watchful(9)
    for k in (1, 2, 4):
        assert predictor.rate(k, 3) == stability_rate(predictor, np.arange(9) < k, 3)


@pytest.mark.slow
def test_a_mask_below_the_rate_is_found_with_probability_delta_at_most_however_many_sizes_are_tried() -> None:
    """The rates of 20 consistent masks lie just below the one asked for, so whatever is found is wrong."""
    predictor, sizes, radius, delta, runs = Watchful(200), 20, 50, 0.3, 120
    rates = [float(predictor.rate(k, radius)) for k in range(1, sizes + 1)]
    threshold = math.nextafter(max(rates), 1.0)
    assert threshold - min(rates) < 0.03
    wrong = 0
    for seed in range(runs):
        found = search(
            predictor,
            np.arange(200.0, 0.0, -1.0),
            seed=seed,
            radius=radius,
            min_rate=threshold,
            delta=delta,
            max_samples=60,
            largest_k=sizes,
        )
        assert all(size.consistent for size in found.tested)
        wrong += found.k is not None
    assert wrong <= stats.binom.isf(FALSE_ALARM, runs, delta)
    assert wrong > 0  # a test that never errs would leave nothing to be seen


def test_the_search_does_not_depend_on_batches() -> None:
    predictor = arbitrary_function(30, 0.2)
    scores = np.random.default_rng(5).standard_normal(30)
    arguments: dict[str, Any] = {"radius": 4, "min_rate": 0.6, "delta": 0.1}
    first = search(predictor, scores, **arguments)
    second = search(Rebatched(predictor, 3), scores, **arguments)
    assert first.tested == second.tested
    assert first.certificate == second.certificate


def test_the_draws_of_a_size_do_not_depend_on_the_sizes_before_it() -> None:
    """Both rankings reach the mask of features 0 and 1; one of them tests feature 0 alone before, and refutes it."""

    class Pair:
        n_features = 40

        def __call__(self, masks: Masks, /) -> Probs:
            return one_hot(masks[:, 0] & (masks[:, 1] | (masks.sum(axis=1) == 1)))

    tried = []
    for first in (0, 1):
        predictor = Counting(Pair())
        found = search(predictor, np.where(np.arange(40) == first, 99.0, BY_INDEX[:40]), radius=9, min_rate=0.5)
        assert [size.verdict for size in found.tested] == ["not-certified" if first == 0 else None, "certified"]
        tried.append(predictor.masks[-found.tested[-1].samples :])
    shorter = min(len(masks) for masks in tried)
    assert shorter > 4
    assert np.array_equal(tried[0][:shorter], tried[1][:shorter])


def test_every_evaluation_is_counted() -> None:
    for predictor in (Counting(EverySecond()), Counting(Parity(40)), Counting(Threshold(50, 9))):
        found = search(predictor, radius=2, min_rate=0.9)
        assert found.evaluations == predictor.rows
        assert found.certificate is not None
        assert found.certificate.evaluations == predictor.rows


def test_the_sizes_cost_one_evaluation_each_in_chunks_that_double() -> None:
    # Before them the full and the empty input, after them the mask that is found and its additions.
    predictor = Counting(Threshold(60, 61))  # only the full mask is evaluated as class 0, as are all others
    found = search(predictor, radius=0, min_rate=1.0)
    assert found.k == 1
    assert [len(masks) for masks in predictor.seen] == [1, 1, 8, 1, 1]
    predictor = Counting(Threshold(60, 60))
    search(predictor, radius=0, min_rate=1.0)
    assert [len(masks) for masks in predictor.seen] == [1, 1, 8, 8, 16, 28, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radius": -1}, "whole number"),
        ({"radius": 1.5}, "whole number"),
        ({"min_rate": 0.0}, "above 0"),
        ({"min_rate": 1.1}, "above 0"),
        ({"delta": 0.0}, "delta"),
        ({"max_samples": 0}, "1 or more"),
        ({"largest_k": 0}, "must be 1 to 12"),
        ({"largest_k": 13}, "must be 1 to 12"),
        ({"radius": 4, "min_rate": 1.0, "max_samples": 100}, "all 562 additions.*max_samples=562"),
        ({"radius": 4, "min_rate": 0.99, "max_samples": 100}, "Use max_samples="),
    ],
)
def test_what_cannot_be_searched_for_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        search(Constant(12), **arguments)


def test_a_rate_of_1_among_more_additions_than_could_be_tried_is_refused_without_a_number_to_try() -> None:
    with pytest.raises(ParameterError, match=r"more than 10\^6 additions.*Use a smaller radius, or a rate below 1"):
        search(Constant(60), radius=30, min_rate=1.0)


@pytest.mark.parametrize("scores", [[1.0, 2.0], [[1.0] * 12], [math.nan] * 12])
def test_scores_that_do_not_rank_the_features_are_refused(scores: Any) -> None:
    with pytest.raises(InputError, match="must be 12 finite numbers"):
        search(Constant(12), scores)
    with pytest.raises(InputError, match="must be 12 finite numbers"):
        greedy_minimal_mask(Constant(12), scores)


def minimal_by_definition(predictor: MaskedPredictor, scores: np.ndarray) -> int:
    n = len(scores)
    full = predicted_class(predictor, (True,) * n)
    for k in range(1, n):
        mask = ranked_mask(scores, k)
        removed = [tuple(j != i for j in range(n)) for i in range(n) if not mask[i]]
        if {predicted_class(predictor, row) for row in [*additions(mask, 1), *removed]} == {full}:
            return k
    return n


@given(ranked_tables())
def test_the_greedy_minimal_mask_is_the_smallest_consistent_one_stable_both_ways(
    case: tuple[Table, np.ndarray],
) -> None:
    predictor, scores = case
    found = greedy_minimal_mask(predictor, scores)
    assert found.k == minimal_by_definition(predictor, scores)
    assert np.array_equal(found.mask, ranked_mask(scores, found.k))


def test_the_greedy_minimal_mask_holds_every_feature_that_the_full_input_needs() -> None:
    """Unanimity of features 1 and 30: the mask must hold both, though additions change nothing before."""
    found = greedy_minimal_mask(Threshold(60, 2, [1, 30]), BY_INDEX)
    assert found.k == 31


def test_the_greedy_minimal_mask_counts_near_ties_as_changes_and_its_evaluations() -> None:
    counting = Counting(Constant(9))
    assert greedy_minimal_mask(counting, BY_INDEX[:9]).evaluations == counting.rows == 1 + 9 + 8 + 8
    tied = Batchy(Constant(9), lambda masks: masks.sum(axis=1) == 3)
    assert greedy_minimal_mask(tied, BY_INDEX[:9]).k == 1
    assert greedy_minimal_mask(Batchy(Constant(9), lambda masks: masks.sum(axis=1) == 2), BY_INDEX[:9]).k == 3
    assert greedy_minimal_mask(Batchy(Constant(9), lambda masks: masks.all(axis=1)), BY_INDEX[:9]).k == 9


class JustBelow:
    """Each mask of the best k keeps the class, and so does the largest share below 9 of 10 of its single additions."""

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features

    def __call__(self, masks: Masks) -> Probs:
        classes = np.zeros(len(masks), dtype=int)
        for row, mask in enumerate(masks):
            k = self.n_features if mask.all() else int(np.argmin(mask))
            population = self.n_features - k + 1
            flips = population - (math.ceil(0.9 * population) - 1)
            if mask.sum() == k + 1:
                classes[row] = 1 <= np.flatnonzero(mask)[-1] - k <= flips
        return one_hot(classes, 2)


def test_what_a_size_may_cost_does_not_depend_on_the_maximum_of_samples() -> None:
    """Otherwise raising the maximum gives each size one more share of delta."""
    tested = [search(JustBelow(40), max_samples=most, largest_k=38).tested for most in (26, 28, 35, 60, 400)]
    assert any(size.samples for sizes in tested for size in sizes)
    for sizes, others in combinations(tested, 2):
        for one, other in zip(sizes, others, strict=False):
            if one.samples and other.samples:
                assert one.delta == other.delta
    assert sum(size.delta or 0.0 for size in max(tested, key=len)) <= 0.1


@pytest.mark.slow
def test_certificates_at_growing_maxima_are_false_as_seldom_as_one() -> None:
    """40 sizes with a rate just below the one to show, nine maxima: 10 of 60 were false with shares by the maximum."""
    false = 0
    for seed in range(60):
        found = (search(JustBelow(40), seed=seed, max_samples=most, largest_k=38) for most in range(22, 30))
        false += any(one.k is not None for one in found)
    assert stats.binom.sf(false - 1, 60, 0.1) > FALSE_ALARM
    assert false <= 6
