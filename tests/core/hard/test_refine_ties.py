"""Larger radii from tables: near ties, classes without a vote, and cases that are no special ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stabcert.core.hard.certificate import Refinement
from stabcert.core.hard.leads import leads_of
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import Masks, Probs
from tests.core.hard.hard_cases import random_function
from tests.core.hard.refine_cases import any_noise, refined, smallest_leads, true_radius
from tests.doubles import Batchy, Counting, Table, Threshold, one_hot


@pytest.mark.slow
@pytest.mark.parametrize("drift", [0, 1])
def test_near_ties_count_against_the_prediction_and_break_nothing(drift: int) -> None:
    rng = np.random.default_rng(27)
    unsure = 0
    for _ in range(200):
        n = int(rng.integers(2, 7))
        tied = rng.random(2**n) < 0.15
        classes = rng.random(2**n) < rng.choice([0.1, 0.3])
        base = Batchy(
            Table(one_hot(classes)), lambda masks, tied=tied, n=n: tied[masks @ (1 << np.arange(n))], drift=drift
        )
        smoothed = SmoothedPredictor(base, any_noise(n, rng))
        mask = rng.random(n) < 0.3
        ballots = smoothed.ballots(mask)
        # The class of the mask itself may be one that near ties decide: then it is in doubt.
        if not leads_of(smoothed, ballots).certain:
            assert refined(smoothed, mask).radius == 0
            continue
        surely, possibly = (true_radius(smallest_leads(smoothed, mask, in_doubt)) for in_doubt in (-1.0, 1.0))
        found = refined(smoothed, mask)
        assert found.radius == surely
        assert found.exact == (surely == possibly)
        unsure += surely < possibly
    assert unsure > 10


def test_mean_probabilities_that_are_equal_after_an_addition_are_not_relied_on() -> None:
    """Class 0 wins an exact tie, but rounding could give it to class 1 as well."""
    probabilities: Probs = np.array([[0.75, 0.25], [0.5, 0.5]])
    smoothed = SmoothedPredictor(Table(probabilities), np.ones((1, 1), dtype=bool), scores="probability")
    found = refined(smoothed, np.array([False]))
    assert (found.radius, found.exact, found.stable_for_all_supersets) == (0, False, False)
    voted = SmoothedPredictor(Table(probabilities), np.ones((1, 1), dtype=bool))
    assert refined(voted, np.array([False])).stable_for_all_supersets


def test_classes_of_lower_index_win_ties_also_if_they_have_no_vote_at_first() -> None:
    """Two noise masks vote for class 1; feature 0 turns one of them to class 0, which wins 1 to 1."""

    class Lower:
        n_features = 2

        def __call__(self, masks: Masks, /) -> Probs:
            return one_hot(1 - masks[:, 0], 3)

    smoothed = SmoothedPredictor(Lower(), np.array([[True, True], [False, True]]))
    found = refined(smoothed, np.zeros(2, dtype=bool))
    assert (found.radius, found.exact) == (0, True)


def test_equal_noise_masks_and_a_mask_that_keeps_nothing_or_everything_are_no_special_cases() -> None:
    keep_masks = np.repeat([[True, False, True], [True, True, False]], [3, 2], axis=0)
    base = Counting(Threshold(3, 2))
    smoothed = SmoothedPredictor(base, keep_masks)
    nothing = np.zeros(3, dtype=bool)
    assert refined(smoothed, nothing).radius == true_radius(smallest_leads(smoothed, nothing))
    everything = refined(smoothed, np.ones(3, dtype=bool))
    assert replace(everything, depth=0) == Refinement(0, 0, True, True, True, 0)


def test_arbitrary_numbers_of_classes_are_told_apart() -> None:
    rng = np.random.default_rng(28)
    for n_classes in (2, 4, 7):
        for _ in range(40):
            n = int(rng.integers(2, 6))
            smoothed = SmoothedPredictor(random_function(n, rng, n_classes), any_noise(n, rng))
            mask = rng.random(n) < 0.3
            assert refined(smoothed, mask).radius == true_radius(smallest_leads(smoothed, mask))
