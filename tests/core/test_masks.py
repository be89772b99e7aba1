"""Masks: the top k, and the additions counted, enumerated and sampled."""

from __future__ import annotations

import math
import time
import tracemalloc
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stabcert.core.masks import (
    CHUNK_CELLS,
    Additions,
    DrawsWithoutReplacement,
    IndependentDraws,
    bernoulli_keep_masks,
    count_additions,
    sample_additions,
    size_weights,
    top_k_mask,
)
from stabcert.core.types import Mask, as_mask, as_masks
from stabcert.errors import InputError, ParameterError
from tests.core.golden import GOLDEN
from tests.oracles import Row, additions

FALSE_ALARM = 1e-9
"""Chance that a statistical test below fails although the code is right; the seeds are fixed besides."""


def mask_with_free(n_free: int, n_kept: int = 3) -> Mask:
    """A mask whose free and kept positions alternate for as long as possible."""
    mask = np.zeros(n_free + n_kept, dtype=bool)
    mask[1 : 2 * n_kept : 2] = True
    assert mask.sum() == n_kept
    return mask


def rows(masks: np.ndarray) -> list[Row]:
    return [tuple(bool(value) for value in row) for row in masks]


def test_the_top_k_are_the_largest_scores() -> None:
    assert top_k_mask([0.1, -5.0, 3.0, 2.0, -0.2], 2).tolist() == [False, False, True, True, False]
    assert top_k_mask([-3, -1, -2], 1).tolist() == [False, True, False]


@given(st.lists(st.integers(-2, 2), max_size=12).flatmap(lambda s: st.tuples(st.just(s), st.integers(0, len(s)))))
def test_among_equal_scores_the_lower_index_is_kept(case: tuple[list[int], int]) -> None:
    scores, k = case
    best = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:k]
    assert np.flatnonzero(top_k_mask(np.array(scores, dtype=float), k)).tolist() == sorted(best)
    assert top_k_mask(np.array([0.0, -0.0, 0.0]), 1).tolist() == [True, False, False]


@pytest.mark.parametrize("scores", [[0.1, math.nan], [math.inf, 0.0], [[1.0, 2.0]], 3.0])
def test_scores_that_are_not_one_row_of_finite_numbers_are_refused(scores: object) -> None:
    with pytest.raises(InputError, match="finite"):
        top_k_mask(scores, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("k", [-1, 4])
def test_a_k_out_of_range_is_refused_and_the_range_is_named(k: int) -> None:
    with pytest.raises(ParameterError, match="0 to 3"):
        top_k_mask([1.0, 2.0, 3.0], k)


def test_additions_are_counted_exactly() -> None:
    for n_free in range(13):
        for radius in range(n_free + 1):
            assert count_additions(n_free, radius) == sum(math.comb(n_free, j) for j in range(radius + 1))
            assert count_additions(n_free, radius, exactly=True) == math.comb(n_free, radius)


def test_large_sets_are_counted_in_integers() -> None:
    assert count_additions(100_000, 100_000) == 2**100_000
    assert count_additions(147, 3) == 529_544
    assert count_additions(100_000, 3) == sum(math.comb(100_000, j) for j in range(4))
    assert count_additions(100_000, 99_998, exactly=True) == math.comb(100_000, 2)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 2**20))
def test_counting_with_a_limit_is_exact_up_to_it_and_larger_beyond(n_free: int, radius: int, limit: int) -> None:
    exact = sum(math.comb(n_free, j) for j in range(min(radius, n_free) + 1))
    counted = count_additions(n_free, radius, at_most=limit)
    assert counted == exact if exact <= limit else limit < counted <= exact


@pytest.mark.parametrize("radius", [-1, 5])
@pytest.mark.parametrize("exactly", [False, True])
def test_a_radius_beyond_what_is_left_to_add_is_refused_and_the_range_is_named(radius: int, exactly: bool) -> None:
    with pytest.raises(ParameterError, match=r"4 of the 6 features.*0 to 4"):
        Additions(np.array([True, False, False, True, False, False]), radius, exactly=exactly)


@pytest.mark.parametrize("exactly", [False, True])
@pytest.mark.parametrize(("n_free", "n_kept"), [(0, 3), (1, 0), (4, 2), (7, 3), (9, 0)])
def test_the_enumeration_is_the_whole_set_once(n_free: int, n_kept: int, exactly: bool) -> None:
    mask = mask_with_free(n_free, min(n_kept, n_free + n_kept)) if n_free >= n_kept else np.ones(3, dtype=bool)
    n_free = int((~mask).sum())
    for radius in range(n_free + 1):
        found = [row for chunk in Additions(mask, radius, exactly=exactly).enumerate() for row in rows(chunk)]
        assert len(found) == len(set(found)) == count_additions(n_free, radius, exactly=exactly)
        assert set(found) == set(additions(mask, radius, exactly=exactly))


def test_ranks_go_by_size_and_then_colexicographically() -> None:
    mask = mask_with_free(7, 3)
    free = np.flatnonzero(~mask)
    members = Additions(mask, 4)
    listed = members.unrank(np.arange(members.count()))
    assert rows(listed[:1]) == rows(mask[None])

    def key(row: np.ndarray) -> tuple[int, list[int]]:
        added = [i for i in range(len(free)) if row[free[i]]]
        return len(added), sorted(added, reverse=True)

    keys = [key(row) for row in listed]
    assert keys == sorted(keys)
    some = np.array([40, 3, 3, 0, 98])
    assert (members.unrank(some) == listed[some]).all()


def test_large_ranks_are_resolved_without_error() -> None:
    mask = np.zeros(196, dtype=bool)
    mask[:49] = True
    members = Additions(mask, 3)
    total = members.count()
    last = members.unrank(np.array([0, 1, 147, 148, total - 1]))
    assert (last.sum(axis=1) - 49).tolist() == [0, 1, 1, 2, 3]
    assert np.flatnonzero(last[-1]).tolist()[-3:] == [193, 194, 195]


def test_a_set_that_is_too_large_to_be_ranked_says_so() -> None:
    with pytest.raises(ParameterError, match="sample them"):
        Additions(np.zeros(100, dtype=bool), 50).unrank(np.array([0]))


def test_few_additions_of_many_features_are_enumerated_in_reasonable_time() -> None:
    """All of 1,200 features added, or all but one: 1 and 1,200 masks, however large the binomials in between."""
    for radius, count in ((1200, 1), (1199, 1200)):
        start = time.perf_counter()
        listed = np.concatenate(list(Additions(np.zeros(1200, dtype=bool), radius, exactly=True).enumerate()))
        assert time.perf_counter() - start < 2.0  # a hundredfold of what making the masks takes
        assert len(np.unique(np.packbits(listed, axis=1), axis=0)) == count
        assert (listed.sum(axis=1) == radius).all()


@pytest.mark.parametrize(
    ("n_free", "radius", "exactly"),
    [
        (6, 3, False),
        (7, 7, False),
        (8, 4, True),
        (5, 5, True),
        (16, 2, False),  # from here on the radius is at most an eighth of the free features
        (24, 3, False),
        (16, 2, True),
        (24, 3, True),
        (9, 1, False),
    ],
)
def test_draws_are_uniform_over_all_additions(n_free: int, radius: int, exactly: bool) -> None:
    """Chi-square over every member; false-alarm chance 1e-9 (the expected count of a cell is 100)."""
    mask = mask_with_free(n_free, 3)
    cells = additions(mask, radius, exactly=exactly)
    n_samples = 100 * len(cells)
    drawn = sample_additions(mask, radius, n_samples, exactly=exactly, rng=np.random.default_rng(20))
    packed, counts = np.unique(np.packbits(drawn, axis=1), axis=0, return_counts=True)
    members = {bytes(row) for row in np.packbits(np.array(cells), axis=1)}
    assert {bytes(row) for row in packed} <= members
    statistic = ((counts - 100.0) ** 2 / 100).sum() + 100.0 * (len(cells) - len(counts))
    assert statistic < stats.chi2.isf(FALSE_ALARM, max(1, len(cells) - 1))


@pytest.mark.parametrize(("n_free", "radius"), [(12, 4), (40, 4)])
def test_consecutive_draws_are_independent(n_free: int, radius: int) -> None:
    """Overlap of neighbouring rows: its mean lies within a Hoeffding bound of its expectation (chance 1e-9)."""
    n_samples = 40_000
    mask = np.zeros(n_free, dtype=bool)
    drawn = sample_additions(mask, radius, n_samples, exactly=True, rng=np.random.default_rng(3))
    overlap = (drawn[::2] & drawn[1::2]).sum(axis=1)
    # Two independent r-subsets of n share r^2 / n members on average, and between 0 and r.
    tolerance = radius * math.sqrt(math.log(2 / FALSE_ALARM) / (2 * len(overlap)))
    assert abs(overlap.mean() - radius**2 / n_free) < tolerance


def test_the_sizes_of_the_draws_follow_the_counts_of_the_sets() -> None:
    """147 free features, radius 10: P(10 added) = .92813; chi-square with false-alarm chance 1e-9."""
    mask = mask_with_free(147, 49)
    n_samples = 60_000
    drawn = sample_additions(mask, 10, n_samples, rng=np.random.default_rng(11))
    sizes = Counter((drawn.sum(axis=1) - 49).tolist())
    assert max(sizes) == 10
    total = sum(math.comb(147, j) for j in range(11))
    expected = [n_samples * math.comb(147, j) / total for j in range(11)]
    assert expected[10] / n_samples == pytest.approx(GOLDEN["size_probability_147_10_of_10"], abs=1e-12)
    bins = [range(8), range(8, 9), range(9, 10), range(10, 11)]  # all below 8 together: 23 expected
    statistic = sum(
        (sum(sizes[j] for j in group) - sum(expected[j] for j in group)) ** 2 / sum(expected[j] for j in group)
        for group in bins
    )
    assert statistic < stats.chi2.isf(FALSE_ALARM, len(bins) - 1)
    # Each free feature is added equally often.
    share = drawn[:, ~mask].mean(axis=0)
    mean = sum(j * e for j, e in enumerate(expected)) / n_samples / 147
    tolerance = math.sqrt(math.log(2 * 147 / FALSE_ALARM) / (2 * n_samples))
    assert np.abs(share - mean).max() < tolerance


def test_size_weights_are_proportional_to_the_binomials() -> None:
    assert GOLDEN["size_counts_12_3"] == [math.comb(12, j) for j in range(4)]
    for n_free in (0, 1, 2, 5, 12, 33, 60):
        for radius in range(n_free + 1):
            weights = size_weights(n_free, radius)
            exact = [math.comb(n_free, j) for j in range(radius + 1)]
            law = [float(Fraction(count, sum(exact))) for count in exact]
            assert (weights / weights.sum()).tolist() == pytest.approx(law, rel=1e-13)


@pytest.mark.parametrize(("n_free", "radius"), [(3000, 3000), (3000, 1100), (3000, 20), (2999, 1500)])
def test_size_weights_have_a_total_variation_below_1e_13(n_free: int, radius: int) -> None:
    weights = size_weights(n_free, radius)
    exact = [math.comb(n_free, j) for j in range(radius + 1)]
    total = sum(exact)
    assert np.abs(weights / weights.sum() - [count / total for count in exact]).sum() / 2 < 1e-13


def test_size_weights_of_100_000_features_do_not_overflow_and_are_as_exact() -> None:
    n_free = 100_000
    weights = size_weights(n_free, n_free)
    assert np.isfinite(weights).all()
    assert weights.max() == 1.0
    share = weights / weights.sum()
    first, last = 49_000, 51_000  # the rest has a probability below 2 exp(-20)
    term, whole, distance = math.comb(n_free, first), 2**n_free, 0.0
    for j in range(first, last):
        distance += abs(share[j] - term / whole)
        term = term * (n_free - j) // (j + 1)
    assert distance / 2 < 1e-13
    assert share[:first].sum() + share[last:].sum() < 2 * math.exp(-2 * 1000**2 / n_free)


@pytest.mark.parametrize("radius", [10, 12_500, 100_000])
def test_100_000_features_are_sampled_in_bounded_memory_and_without_a_slow_loop(radius: int) -> None:
    chosen = Additions(np.zeros(100_000, dtype=bool), radius)
    n_samples = min(chosen.chunk_rows(), 150)
    assert chosen.chunk_rows() * 100_000 <= CHUNK_CELLS
    tracemalloc.start()
    start = time.perf_counter()
    drawn = IndependentDraws(chosen, np.random.default_rng(0)).draw(n_samples)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * n_samples * 100_000
    assert seconds < 15  # hundredfold of what it takes: only a loop over cells is as slow
    assert (drawn.sum(axis=1) <= radius).all()


@pytest.mark.parametrize("exactly", [False, True])
@pytest.mark.parametrize(("n_free", "radius"), [(9, 5), (40, 4), (5, 5), (17, 2), (1, 1), (3, 0), (147, 10), (700, 3)])
def test_what_is_drawn_does_not_depend_on_how_many_are_drawn_at_a_time(
    n_free: int, radius: int, exactly: bool
) -> None:
    chosen = Additions(mask_with_free(n_free, 1), radius, exactly=exactly)
    whole = IndependentDraws(chosen, np.random.default_rng(4)).draw(41)
    draws = IndependentDraws(chosen, np.random.default_rng(4))
    assert (np.concatenate([draws.draw(k) for k in (3, 5, 0, 1, 32)]) == whole).all()
    if chosen.count() <= 10**6:
        total = chosen.count()
        order = DrawsWithoutReplacement(chosen, np.random.default_rng(4))
        again = DrawsWithoutReplacement(chosen, np.random.default_rng(4))
        parts = [order.draw(k) for k in (1, 4, 2)]
        assert (np.concatenate(parts) == again.draw(7)[: min(7, total)]).all()


@pytest.mark.parametrize("exactly", [False, True])
def test_drawing_without_replacement_ends_after_every_member_was_drawn_once(exactly: bool) -> None:
    mask = mask_with_free(7, 3)
    chosen = Additions(mask, 4, exactly=exactly)
    order = DrawsWithoutReplacement(chosen, np.random.default_rng(1))
    drawn = [row for size in (10, 1, 50, 500) for row in rows(order.draw(size))]
    assert len(drawn) == len(set(drawn)) == chosen.count()
    assert set(drawn) == set(additions(mask, 4, exactly=exactly))
    assert len(order.draw(5)) == 0


def test_the_first_draw_without_replacement_is_uniform_and_so_is_the_second_given_the_first() -> None:
    """4 members, 12 ordered pairs, 24,000 orders; chi-square with false-alarm chance 1e-9."""
    chosen = Additions(np.zeros(3, dtype=bool), 1)
    pairs: Counter[bytes] = Counter()
    rng = np.random.default_rng(8)
    for _ in range(24_000):
        pairs[DrawsWithoutReplacement(chosen, rng).draw(2).tobytes()] += 1
    assert len(pairs) == 12
    assert sum((count - 2000) ** 2 / 2000 for count in pairs.values()) < stats.chi2.isf(FALSE_ALARM, 11)


def test_draws_keep_everything_that_the_mask_keeps() -> None:
    mask = mask_with_free(40, 20)
    for radius in (0, 3, 40):
        drawn = sample_additions(mask, radius, 200, rng=np.random.default_rng(2))
        assert drawn.shape == (200, 60)
        assert drawn.dtype == np.bool_
        assert drawn[:, mask].all()
        assert (drawn[:, ~mask].sum(axis=1) <= radius).all()


def test_a_mask_of_integers_is_sampled_like_the_same_mask_of_bools_or_refused() -> None:
    as_integers = np.array([1, 0, 1, 0, 0])
    expected = sample_additions(as_integers.astype(bool), 2, 20, rng=np.random.default_rng(0))
    try:
        drawn = sample_additions(as_integers, 2, 20, rng=np.random.default_rng(0))  # type: ignore[arg-type]
    except InputError:
        return
    assert (drawn == expected).all()


@pytest.mark.parametrize("keep_probability", [0.0, 0.05, 0.5, 0.9, 1.0])
def test_bernoulli_keep_masks_keep_the_given_share(keep_probability: float) -> None:
    """The mean of 200,000 cells lies within a Hoeffding bound that fails with chance 1e-9."""
    kept = bernoulli_keep_masks(
        50, keep_probability=keep_probability, draws=4000, rng=np.random.default_rng(6)
    )
    assert kept.shape == (4000, 50)
    assert kept.dtype == np.bool_
    assert abs(kept.mean() - keep_probability) < math.sqrt(math.log(2 / FALSE_ALARM) / (2 * kept.size))
    if keep_probability in (0.0, 1.0):
        assert (kept == bool(keep_probability)).all()


@pytest.mark.parametrize("keep_probability", [-0.1, 1.1, math.nan])
def test_a_keep_probability_outside_of_0_to_1_is_refused(keep_probability: float) -> None:
    with pytest.raises(ParameterError, match="0 to 1"):
        bernoulli_keep_masks(3, keep_probability=keep_probability, draws=2, rng=np.random.default_rng(0))


def test_no_draws_are_refused() -> None:
    with pytest.raises(ParameterError, match="1 or more"):
        bernoulli_keep_masks(3, keep_probability=0.5, draws=0, rng=np.random.default_rng(0))


@pytest.mark.parametrize("values", [[1, 0, 1], [True, False, True], [1.0, 0.0, 1.0], np.array([1, 0, 1], np.uint8)])
def test_a_mask_may_be_given_as_bools_integers_or_whole_floats(values: object) -> None:
    assert as_mask(values, 3).tolist() == [True, False, True]  # type: ignore[arg-type]
    assert as_mask(values, 3).dtype == np.bool_  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [[0.5, 0, 1], [2, 0, 1], [-1, 0, 1], [math.nan, 0, 1], ["1", "0", "1"], [None, 0, 1]])
def test_a_mask_with_other_values_than_0_and_1_is_refused(values: object) -> None:
    with pytest.raises(InputError, match="0 and 1"):
        as_mask(values, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [[1, 0], [[1, 0, 1]], 1, [1, 0, 1, 1]])
def test_a_mask_of_another_length_is_refused_and_the_length_is_named(values: object) -> None:
    with pytest.raises(InputError, match="3 features"):
        as_mask(values, 3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="3 features"):
        as_masks(np.asarray(values)[..., None, None], 3)
