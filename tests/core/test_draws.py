"""The additions to a mask: sampled."""

from __future__ import annotations

import math
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from types import FrameType
from typing import Any

import numpy as np
import pytest
from scipy import stats

from stabcert.core import masks
from stabcert.core.masks import (
    CHUNK_CELLS,
    Additions,
    DrawsWithoutReplacement,
    IndependentDraws,
    sample_additions,
    size_weights,
)
from stabcert.errors import InputError
from tests.core.helpers import FALSE_ALARM, GOLDEN, mask_with_free, rows
from tests.oracles import additions


@pytest.mark.slow
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


@pytest.mark.slow
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


def _lines_run(draw: Callable[[], object]) -> int:
    """Lines of `stabcert.core.masks` that are run."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != masks.__file__:
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        draw()
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("radius", [10, 12_500, 100_000])
def test_100_000_features_are_sampled_in_bounded_memory_and_without_a_slow_loop(radius: int) -> None:
    chosen = Additions(np.zeros(100_000, dtype=bool), radius)
    n_samples = min(chosen.chunk_rows(), 150)
    assert chosen.chunk_rows() * 100_000 <= CHUNK_CELLS
    tracemalloc.start()
    drawn = IndependentDraws(chosen, np.random.default_rng(0)).draw(n_samples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * n_samples * 100_000
    # A loop over cells runs through as many lines as there are cells; one over added features through far fewer.
    assert _lines_run(lambda: IndependentDraws(chosen, np.random.default_rng(0)).draw(n_samples)) < 10**6
    assert (drawn.sum(axis=1) <= radius).all()


@pytest.mark.parametrize("exactly", [False, True])
@pytest.mark.parametrize(("n_free", "radius"), [(9, 5), (40, 4), (5, 5), (17, 2), (1, 1), (3, 0), (147, 10), (700, 3)])
def test_what_is_drawn_does_not_depend_on_how_many_are_drawn_at_a_time(n_free: int, radius: int, exactly: bool) -> None:
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


@pytest.mark.slow
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
        drawn = sample_additions(as_integers, 2, 20, rng=np.random.default_rng(0))
    except InputError:
        return
    assert (drawn == expected).all()
