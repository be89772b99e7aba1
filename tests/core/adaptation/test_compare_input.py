"""One input under two models: against brute force, and the same masks, noise and additions for both."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from stabcert.core.adaptation.evaluate import compare_input, kept_of
from stabcert.core.adaptation.result import ComparedInput
from stabcert.core.adaptation.settings import ComparisonSettings
from stabcert.core.noise import quantized_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import MaskedPredictor, Masks, Probs
from stabcert.errors import InputError, ParameterError
from tests.doubles import Majority, Table, Threshold
from tests.oracles import predicted_class, stability_rate

HALF, QUARTER, ONE = Fraction(1, 2), Fraction(1, 4), Fraction(1)


class Seen:
    """A predictor that notes the masks of each call."""

    def __init__(self, base: MaskedPredictor) -> None:
        self.base, self.n_features, self.rows = base, base.n_features, set[tuple[bool, ...]]()

    def __call__(self, masks: Masks, /) -> Probs:
        self.rows |= {tuple(row) for row in masks.tolist()}
        return self.base(masks)


def compare(
    before: MaskedPredictor, after: MaskedPredictor, mask: Any, label: int | None = 1, seed: int = 0, **settings: Any
) -> ComparedInput:
    chosen = ComparisonSettings(**{"masks": 3, "radii": (1, 2), "draws": 8, "n_samples": 200, **settings})
    noise, rng = np.random.default_rng(9), np.random.default_rng(seed)
    return compare_input(before, after, mask, label, chosen, noise_rng=noise, rng=rng)


def random_pair(rng: np.random.Generator, n: int) -> tuple[Table, Table]:
    return Table(rng.dirichlet(np.ones(3), 2**n)), Table(rng.dirichlet(np.ones(3), 2**n))


@pytest.mark.parametrize("seed", range(12))
def test_every_number_is_that_of_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    pair, mask, full = random_pair(rng, n), rng.random(n) < 0.4, (True,) * n
    found = compare(*pair, mask, seed=seed)
    original = predicted_class(pair[0], full)
    for model, reading in zip(pair, (found.before, found.after), strict=True):
        assert (reading.prediction, reading.near_tie) == (predicted_class(model, full), False)
        share = reading.shares[0]
        assert (share.kept, share.masks, share.near_ties) == (n, 1, 0)
        assert (share.agreements, share.correct) == (reading.prediction == original, reading.prediction == 1)
        unsmoothed, *smoothed = reading.smoothed
        (kept,) = unsmoothed.masks
        assert kept.masked_prediction == predicted_class(model, tuple(mask.tolist()))
        for tried in kept.additions:
            assert tried.enumerated
            assert Fraction(tried.matches, tried.samples) == stability_rate(model, mask, tried.radius_used)
        for one in smoothed:
            masks = quantized_keep_masks(n, keep=int(8 * one.keep_probability), quantization=8, rng=_noise())
            function = SmoothedPredictor(model, masks)
            assert one.prediction == predicted_class(function, full)
            radius = one.masks[0].hard_radius or 0
            assert stability_rate(function, mask, radius) == 1
            for size in range((one.decremental_radius or 0) + 1):
                for removed in combinations(range(n), size):
                    row = tuple(i not in removed for i in range(n))
                    assert one.decremental_radius is None or predicted_class(function, row) == one.prediction


def _noise() -> np.random.Generator:
    """The noise that `compare` gives, derived as its parts document it."""
    words = [int(word) for word in np.random.default_rng(9).integers(2**63, size=2)]
    words = [int(word) for word in np.random.default_rng(words).integers(2**63, size=2)]
    return np.random.default_rng(words)


def test_agreements_are_counted_on_masks_of_the_share_that_both_models_get() -> None:
    models = Seen(Majority(7)), Seen(Threshold(7, 2))
    found = compare(*models, np.arange(7) < 2, lambdas=(), radii=())
    assert models[0].rows == models[1].rows
    kept = [one.kept for one in found.before.shares]
    assert kept == [7, 5, 4, 2]
    assert [one.agreements for one in found.before.shares] == [1, 3, 3, 0]  # a majority of 7 needs 4
    assert [one.agreements for one in found.after.shares] == [1, 3, 3, 3]
    assert [one.correct for one in found.after.shares] == [1, 3, 3, 3]
    assert [one.agrees for one in found.before.shares] == [True, True, True, False]


def test_masks_of_a_smaller_share_keep_a_part_of_those_of_a_larger() -> None:
    model = Seen(Majority(8))
    compare(model, Majority(8), np.ones(8), masks=1, lambdas=(), radii=())
    sizes = sorted(model.rows, key=sum)
    assert [sum(row) for row in sizes] == [2, 4, 6, 8]
    for smaller, larger in pairwise(sizes):
        assert all(b >= a for a, b in zip(smaller, larger, strict=True))


@pytest.mark.slow
def test_random_masks_are_uniform_and_independent_of_the_explanation() -> None:
    counts = np.zeros(6)
    for seed in range(400):
        model = Seen(Majority(6))
        compare(model, Majority(6), [1, 1, 0, 0, 0, 0], seed=seed, masks=1, lambdas=(), radii=())
        (row,) = [row for row in model.rows if sum(row) == 3]
        counts += row
    # Binomial(400, 1/2) for each feature: beyond 6.5 standard deviations with probability below 1e-9.
    assert np.abs(counts - 200).max() < 65


def test_the_class_of_reference_is_that_of_the_original_model() -> None:
    """The adapted model predicts another class everywhere, and so never agrees."""
    found = compare(Threshold(4, 0), Threshold(4, 5), np.ones(4), label=0)
    assert [one.agreements for one in found.after.shares] == [0, 0, 0, 0]
    assert [one.correct for one in found.after.shares] == [1, 3, 3, 3]
    assert found.after.smoothed[0].agrees is True  # with its own unsmoothed class


def test_near_ties_of_the_original_class_leave_no_agreement() -> None:
    class Tied(Table):
        decision_tolerance = 0.1

    tied = Tied(np.full((16, 2), 0.5))
    found = compare(tied, Majority(4), [1, 0, 0, 0], lambdas=(), radii=())
    assert found.before.near_tie
    assert [one.agreements for one in found.after.shares] == [0, 0, 0, 0]
    assert [one.near_ties for one in found.before.shares] == [1, 3, 3, 3]
    assert [one.agrees for one in found.after.shares] == [None] * 4


@pytest.mark.parametrize(
    ("share", "n", "kept"),
    [(HALF, 7, 4), (HALF, 1, 1), (QUARTER, 1, 1), (QUARTER, 6, 2), (QUARTER, 49, 12), (ONE, 5, 5)],
)
def test_a_share_is_rounded_half_up_to_at_least_one_feature(share: Fraction, n: int, kept: int) -> None:
    assert kept_of(share, n) == kept


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="same number of features, got 3 and 4"):
        compare(Majority(3), Majority(4), np.ones(3))
    with pytest.raises(InputError, match="mask"):
        compare(Majority(3), Majority(3), np.ones(4))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"keep_shares": (ONE,)}, "keep_shares must fall from 1"),
        ({"keep_shares": (HALF, QUARTER)}, "keep_shares must fall from 1"),
        ({"keep_shares": (ONE, HALF, HALF)}, "keep_shares must fall from 1"),
        ({"keep_shares": (ONE, Fraction(0))}, "above 0"),
        ({"masks": 0}, "at least 1, got 0"),
        ({"n_samples": 0}, "at least 1"),
        ({"draws": 0}, "at least 1"),
        ({"radii": (1, 1)}, "distinct"),
        ({"lambdas": (ONE,)}, "between 0 and 1"),
        ({"lambdas": (HALF, HALF)}, "distinct"),
        ({"lambdas": (Fraction(1, 3),)}, "64"),
    ],
)
def test_settings_are_checked_when_they_are_made(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        ComparisonSettings(**settings)
