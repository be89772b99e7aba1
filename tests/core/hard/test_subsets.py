"""Subsets of one size: each once, and where the formula says."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from stabcert.core.hard.subsets import subsets


@pytest.mark.parametrize("n", [0, 1, 4, 7])
@pytest.mark.parametrize("size", [0, 1, 2, 5, 8])
def test_every_subset_is_listed_once_in_colexicographic_order(n: int, size: int) -> None:
    expected = sorted(combinations(range(n), size), key=lambda members: members[::-1])
    assert [tuple(row) for row in subsets(n, size).tolist()] == expected


@pytest.mark.parametrize(("n", "size"), [(3, 0), (1, 1), (5, 2), (9, 4), (6, 6)])
def test_the_row_of_a_subset_is_a_sum_of_binomial_coefficients(n: int, size: int) -> None:
    for row, members in enumerate(subsets(n, size).tolist()):
        assert row == sum(math.comb(v, c) for c, v in enumerate(members, start=1))
