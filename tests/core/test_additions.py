"""The additions to a mask: counted and enumerated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stabcert.core.masks import (
    Additions,
    count_additions,
)
from stabcert.core.types import Masks
from stabcert.errors import ParameterError
from tests.core.helpers import mask_with_free, rows
from tests.oracles import additions


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
    with pytest.raises(ParameterError, match=r"0 to 4.*4 of the 6 features"):
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
    with pytest.raises(ParameterError, match="Sample it"):
        Additions(np.zeros(100, dtype=bool), 50).unrank(np.array([0]))


def test_few_additions_of_many_features_are_enumerated_by_the_few_they_leave_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of 1,200 features added, or all but one: 1 and 1,200 masks, however large the binomials in between."""
    subsets, sizes = Additions._subsets, list[int]()

    def counted(self: Additions, rest: NDArray[np.int64], size: NDArray[np.int64]) -> Masks:
        sizes.append(int(size.max()))
        return subsets(self, rest, size)

    monkeypatch.setattr(Additions, "_subsets", counted)
    for radius, count in ((1200, 1), (1199, 1200)):
        listed = np.concatenate(list(Additions(np.zeros(1200, dtype=bool), radius, exactly=True).enumerate()))
        assert max(sizes) <= 1  # what it takes grows with the size of the subsets
        assert len(np.unique(np.packbits(listed, axis=1), axis=0)) == count
        assert (listed.sum(axis=1) == radius).all()
