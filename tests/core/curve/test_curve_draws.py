"""What all keep probabilities share: nested noise of the right size, and uniform additions."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from scipy import special, stats

from stabcert.core.curve.draws import smoothed_predictors, tries_of
from tests.core.helpers import FALSE_ALARM
from tests.doubles import Majority
from tests.oracles import additions


@pytest.mark.parametrize("noise", ["bernoulli", "quantized"])
def test_what_a_small_keep_probability_keeps_is_kept_by_every_larger_one(noise: str) -> None:
    levels = [Fraction(k, 16) for k in (2, 5, 9, 15, 16)]
    functions = smoothed_predictors(Majority(50), levels, 16, noise, [1, 2])  # type: ignore[arg-type]
    for smaller, larger in pairwise(functions):
        assert (smaller.keep_masks <= larger.keep_masks).all()
        assert smaller.keep_masks.mean() < larger.keep_masks.mean()


def test_each_feature_is_kept_with_the_keep_probability() -> None:
    quantized, bernoulli = (
        smoothed_predictors(Majority(40), [Fraction(7, 64)], 64, noise, [3, 4])[0].keep_masks
        for noise in ("quantized", "bernoulli")
    )
    assert (quantized.sum(axis=0) == 7).all()
    assert stats.binomtest(int(bernoulli.sum()), bernoulli.size, 7 / 64).pvalue > FALSE_ALARM
    assert len(set(bernoulli.sum(axis=0).tolist())) > 3


def test_the_additions_at_one_radius_do_not_depend_on_the_others() -> None:
    mask = np.arange(30) < 4
    alone, together = (tries_of(mask, radii, 6, [5, 6]) for radii in ([4], [1, 4, 7]))
    (_, _, _, rows), (_, _, _, among) = alone.parts[0], together.parts[1]
    assert (alone.masks[rows] == together.masks[among]).all()


@pytest.mark.parametrize(("n_free", "radius", "n_samples"), [(4, 2, 5), (30, 15, 5)])
def test_additions_are_uniform(n_free: int, radius: int, n_samples: int) -> None:
    """By the number of added features, without replacement and, above 10^6 additions, independently."""
    weights = special.comb(n_free, np.arange(radius + 1))
    expected = weights / weights.sum()
    runs = 600
    sizes = [tries_of(np.zeros(n_free, bool), [radius], n_samples, [1, i]).masks[0].sum() for i in range(runs)]
    counts = np.bincount(sizes, minlength=radius + 1)
    usual = expected * runs >= 5
    observed = np.append(counts[usual], counts[~usual].sum())
    law = np.append(expected[usual], expected[~usual].sum())
    assert stats.chisquare(observed[law > 0], law[law > 0] * runs).pvalue > FALSE_ALARM


def test_small_sets_are_tried_without_replacement() -> None:
    for seed in range(20):
        tries = tries_of(np.zeros(4, bool), [2], 10, [seed, 0])
        assert len(np.unique(tries.masks, axis=0)) == 10
        assert tries.parts[0][2] is False
    tries = tries_of(np.zeros(4, bool), [2], 11, [0, 0])
    assert {tuple(row) for row in tries.masks.tolist()} == set(additions(np.zeros(4), 2))
    assert tries.parts[0][2] is True


def test_sets_above_the_limit_without_replacement_are_still_enumerated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stabcert.core.curve.draws.MAX_WITHOUT_REPLACEMENT", 5)
    for n_samples, enumerated in ((10, False), (11, True), (12, True)):
        tries = tries_of(np.zeros(4, bool), [2], n_samples, [0, 0])
        assert tries.parts[0][2] is enumerated
        if enumerated:
            assert {tuple(row) for row in tries.masks.tolist()} == set(additions(np.zeros(4), 2))
