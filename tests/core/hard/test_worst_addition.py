"""Additions at risk, each once and no other; and the lead that the tables give at each."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from stabcert.core.hard.loss_tables import LossTables
from stabcert.core.hard.worst_addition import additions_at_risk, smallest_lead
from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from tests.core.hard.hard_cases import random_function


@pytest.mark.parametrize("seed", range(60))
def test_the_sets_above_the_budget_are_those_of_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 9))
    shares = rng.integers(0, 6, size=m).astype(float)  # equal sums are common
    for radius in range(1, m + 1):
        for budget in (-1.0, 0.0, float(rng.integers(0, 20)), 100.0):
            expected = {chosen for chosen in combinations(range(m), radius) if sum(shares[list(chosen)]) > budget}
            found = additions_at_risk(shares, budget, radius, at_most=1000)
            assert found is not None
            assert found.shape == (len(expected), radius)
            assert {tuple(row) for row in found.tolist()} == expected


def test_too_many_sets_are_not_listed() -> None:
    assert additions_at_risk(np.ones(40), 5.0, 20, at_most=10**6) is None
    few = additions_at_risk(np.ones(6), 2.0, 3, at_most=20)
    assert few is not None
    assert len(few) == 20
    assert additions_at_risk(np.ones(6), 2.0, 3, at_most=19) is None


@pytest.mark.parametrize("seed", range(20))
def test_the_smallest_lead_is_that_of_the_smoothed_predictor(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7))
    draws = int(rng.integers(1, 12))
    keep_masks = bernoulli_keep_masks(n, keep_probability=float(rng.random()), draws=draws, rng=rng)
    smoothed = SmoothedPredictor(random_function(n, rng), keep_masks)
    mask = rng.random(n) < 0.3
    tables = LossTables(smoothed, mask, smoothed.ballots(mask))
    assert tables.deepen(n, 10**6)
    assert tables.complete
    margins = (tables.ballots.classes == 0) * 1.0 - (tables.ballots.classes == 2)
    free = np.flatnonzero(~mask)
    for radius in range(1, len(free) + 1):
        additions = np.array(list(combinations(range(len(free)), radius)))
        masks = np.repeat(mask[None], len(additions), axis=0)
        np.put_along_axis(masks, free[additions], True, axis=1)
        votes = smoothed.votes(masks)
        assert smallest_lead(tables, margins, additions) == (votes[:, 0] - votes[:, 2]).min()
    assert smallest_lead(tables, margins, np.zeros((0, 2), dtype=np.intp)) == np.inf
