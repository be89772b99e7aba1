"""What r features can at most take: the dynamic programmes against brute force."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from stabcert.core.hard.loss_bounds import largest_on_arcs, largest_with_keeps


@pytest.mark.parametrize("seed", range(40))
def test_the_knapsack_is_that_of_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    draws, size, n_classes = int(rng.integers(1, 5)), int(rng.integers(0, 4)), int(rng.integers(1, 4))
    worst = np.cumsum(rng.integers(0, 3, size=(draws, size + 1, n_classes)), axis=1).astype(float)
    worst -= worst[:, :1]
    keeps = int(rng.integers(0, 8))
    expected = [
        max(sum(worst[s, j, k] for s, j in enumerate(js)) for js in counts_up_to(draws, size, keeps))
        for k in range(n_classes)
    ]
    assert largest_with_keeps(worst, keeps).tolist() == expected


def counts_up_to(draws: int, size: int, keeps: int) -> list[tuple[int, ...]]:
    return [js for js in product(range(size + 1), repeat=draws) if sum(js) <= keeps]


@pytest.mark.parametrize("seed", range(40))
def test_the_cover_is_that_of_brute_force_and_more_features_than_arcs_take_all_arcs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    draws = int(rng.integers(2, 9))
    length = int(rng.integers(1, draws))
    worst = rng.integers(0, 4, size=draws).astype(float)
    starts = np.flatnonzero(rng.random(draws) < 0.6)
    arcs = [{(start + step) % draws for step in range(length)} for start in starts.tolist()]
    for radius in range(len(starts) + 3):
        chosen = combinations(arcs, min(radius, len(arcs)))
        expected = max(sum(worst[s] for s in set().union(*some)) for some in chosen)
        assert largest_on_arcs(worst, starts, length, radius) == expected
