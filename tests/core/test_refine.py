"""Radii from tables: never above the truth, and the truth itself where that is claimed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import Generator

from stabcert.core import refine as refine_module
from stabcert.core.arcs import radius_by_arcs
from stabcert.core.hard_certificate import Refinement, ScoreKind
from stabcert.core.leads import leads_of, radius_by_counts
from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.noise import quantized_keep_masks
from stabcert.core.refine import refine
from stabcert.core.smoothing import SmoothedPredictor, ballots_on
from stabcert.core.types import Mask, MaskedPredictor, Masks, Probs
from tests.core.hard_cases import every_mask, random_function
from tests.doubles import Batchy, Constant, Counting, Table, Threshold, one_hot

SCORES: list[ScoreKind] = ["vote", "probability"]
PLENTY = 10**6


def any_noise(n_features: int, rng: Generator) -> Masks:
    """Frozen noise of every kind and every keep probability, 1 included."""
    draws = int(rng.choice([1, 2, 4, 8, 16]))
    if rng.random() < 0.5:
        return bernoulli_keep_masks(n_features, keep_probability=float(rng.random()), draws=draws, rng=rng)
    return quantized_keep_masks(n_features, keep=int(rng.integers(1, draws + 1)), quantization=draws, rng=rng)


def any_case(rng: Generator, scores: ScoreKind) -> tuple[SmoothedPredictor, Mask]:
    n = int(rng.integers(1, 8))
    smoothed = SmoothedPredictor(random_function(n, rng), any_noise(n, rng), scores=scores)
    return smoothed, rng.random(n) < rng.choice([0.0, 0.2, 0.6])


def refined(smoothed: SmoothedPredictor, mask: Mask, max_evaluations: int = PLENTY, at_least: int = 0) -> Refinement:
    return refine(smoothed, mask, smoothed.ballots(mask), max_evaluations=max_evaluations, at_least=at_least)


def known_radius(smoothed: SmoothedPredictor, mask: Mask) -> int:
    """What is proved without tables."""
    leads = leads_of(smoothed, smoothed.ballots(mask))
    columns = smoothed.keep_masks[:, ~mask]
    return max(radius_by_counts(leads, columns.sum(axis=0)), radius_by_arcs(leads, columns) or 0)


def smallest_leads(smoothed: SmoothedPredictor, mask: Mask, in_doubt: float = -1.0) -> np.ndarray:
    """For j = 0 .. m added features, the smallest lead less what is needed, by definition over all supersets."""
    masks = every_mask(len(mask))
    every = ballots_on(smoothed.base, masks)
    n_classes = every.probs.shape[1]
    seen = (masks[:, None] & smoothed.keep_masks) @ (1 << np.arange(len(mask)))
    given = every.probs[seen].sum(axis=1)
    if smoothed.scores == "vote":
        given = np.eye(n_classes)[every.classes][seen].sum(axis=1)
    prediction = int(given[mask @ (1 << np.arange(len(mask)))].argmax())
    leads = np.full(len(masks), np.inf)
    for k in set(range(n_classes)) - {prediction}:
        counts = every.probs[:, prediction] - every.probs[:, k]
        needed = 0
        if smoothed.scores == "vote":
            counts = (every.classes == prediction) * 1.0 - (every.classes == k)
            counts[every.near_tie] = in_doubt
            needed = int(k < prediction)
        leads = np.minimum(leads, counts[seen].sum(axis=1) - needed)
    added = (masks & ~mask).sum(axis=1)
    supersets = (masks | ~mask).all(axis=1)
    return np.array([leads[supersets & (added == size)].min() for size in range(int((~mask).sum()) + 1)])


def true_radius(leads: np.ndarray, at_least: float = 0.0) -> int:
    """Largest size up to which every lead is at least that; -1 if the first is not."""
    below = np.flatnonzero(leads < at_least)
    return int(below[0]) - 1 if len(below) > 0 else len(leads) - 1


@pytest.mark.parametrize("scores", SCORES)
def test_the_radius_is_never_above_the_truth_and_equal_to_it_where_it_is_called_exact(scores: ScoreKind) -> None:
    rng = np.random.default_rng(21)
    exact = short = above_lambda_half = 0
    for _ in range(250):
        smoothed, mask = any_case(rng, scores)
        known = known_radius(smoothed, mask)
        # Ties of mean probabilities can go either way.
        truth = true_radius(smallest_leads(smoothed, mask), 0.0 if scores == "vote" else 1e-9)
        for budget in (0, 3, 20, PLENTY):
            for at_least in {0, known}:
                found = refined(smoothed, mask, budget, at_least)
                assert at_least <= found.radius <= max(truth, 0)
                assert not found.exact or found.radius == truth
                assert not found.stable_for_all_supersets or truth == found.radius == (~mask).sum()
                exact += found.exact and 0 < found.radius < (~mask).sum()
                short += not found.exact
                above_lambda_half += found.radius > 0 and smoothed.keep_masks.mean() > 0.5
        assert found.radius >= known
    assert min(exact, short, above_lambda_half) > 30


def test_with_all_tables_and_no_tie_the_radius_is_the_truth() -> None:
    rng = np.random.default_rng(22)
    for _ in range(300):
        smoothed, mask = any_case(rng, "vote")
        found = refined(smoothed, mask)
        assert found.exact
        assert found.radius == true_radius(smallest_leads(smoothed, mask))


@pytest.mark.parametrize("scores", SCORES)
def test_the_bounds_alone_are_never_above_the_truth(scores: ScoreKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without enumeration, which small cases would hide behind."""
    monkeypatch.setattr(refine_module, "additions_at_risk", lambda *arguments, **limit: None)
    rng = np.random.default_rng(23)
    proved = beyond_what_was_known = 0
    for _ in range(400):
        smoothed, mask = any_case(rng, scores)
        truth = true_radius(smallest_leads(smoothed, mask), 0.0 if scores == "vote" else 1e-9)
        known = known_radius(smoothed, mask)
        found = refined(smoothed, mask)
        assert known <= found.radius <= max(truth, 0)
        assert not found.stable_for_all_supersets or truth == (~mask).sum()
        proved += 0 < found.radius < (~mask).sum()
        beyond_what_was_known += found.radius > known
    assert min(proved, beyond_what_was_known) > 20


@pytest.mark.parametrize("only", ["worst", "shares", "largest_with_keeps", "largest_on_arcs"])
def test_each_bound_by_itself_is_sound(only: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are made to say that anything can be lost, so that this one decides."""
    anything = 1e6

    class Alone(refine_module._Decision):
        def read(self) -> None:
            super().read()
            if only != "shares":
                self.shares = np.full_like(self.shares, anything)
            if only == "shares":
                self.worst = self.worst + anything * (np.arange(self.worst.shape[1]) > 0)[:, None]

        def everything_holds(self) -> bool:
            return False

    monkeypatch.setattr(refine_module, "_Decision", Alone)
    monkeypatch.setattr(refine_module, "additions_at_risk", lambda *arguments, **limit: None)
    if only != "largest_with_keeps":
        monkeypatch.setattr(refine_module, "largest_with_keeps", lambda worst, keeps: np.full(worst.shape[2], anything))
    if only != "largest_on_arcs":
        monkeypatch.setattr(refine_module, "largest_on_arcs", lambda *arguments: anything)
    rng = np.random.default_rng(24)
    proved = 0
    for _ in range(300):
        smoothed, mask = any_case(rng, "vote")
        truth = true_radius(smallest_leads(smoothed, mask))
        found = refined(smoothed, mask)
        assert found.radius <= max(truth, 0)
        proved += found.radius > 0
    assert proved > 20


@pytest.mark.parametrize("scores", SCORES)
def test_the_tables_take_no_more_evaluations_than_allowed_and_no_mask_twice(scores: ScoreKind) -> None:
    rng = np.random.default_rng(25)
    spent = 0
    for _ in range(300):
        smoothed, mask = any_case(rng, scores)
        base = Counting(smoothed.base)
        counted = SmoothedPredictor(base, smoothed.keep_masks, scores=scores)
        ballots = smoothed.ballots(mask)
        budget = int(rng.integers(0, 40))
        found = refine(counted, mask, ballots, max_evaluations=budget)
        assert base.rows == found.evaluations <= budget
        if base.rows > 0:
            seen = {row.tobytes() for row in base.masks}
            assert len(seen) == base.rows
            assert not seen & {row.tobytes() for row in mask & smoothed.keep_masks}
        spent += base.rows
    assert spent > 1000


def test_a_larger_budget_never_gives_a_smaller_radius_or_depth() -> None:
    rng = np.random.default_rng(26)
    grown = 0
    for _ in range(100):
        smoothed, mask = any_case(rng, "vote")
        found = [refined(smoothed, mask, budget) for budget in (0, 2, 5, 10, 20, 40, 80, PLENTY)]
        radii, depths = [one.radius for one in found], [one.depth for one in found]
        assert radii == sorted(radii)
        assert depths == sorted(depths)
        grown += radii[0] < radii[-1]
    assert grown > 20


def test_a_keep_probability_above_a_half_can_have_a_radius_which_the_votes_alone_never_prove() -> None:
    """A unanimous vote of 8 lost 2 x 6 votes to any one feature, were it not for the tables."""
    keep_masks = quantized_keep_masks(8, keep=6, quantization=8, rng=np.random.default_rng(0))
    smoothed = SmoothedPredictor(Threshold(8, 4), keep_masks)
    mask = np.arange(8) < 1
    assert known_radius(smoothed, mask) == 0
    found = refined(smoothed, mask)
    assert found.radius >= 1
    assert found.radius == true_radius(smallest_leads(smoothed, mask))


def test_a_predictor_that_nothing_changes_is_stable_for_all_supersets_at_the_cost_of_complete_tables() -> None:
    keep_masks = quantized_keep_masks(12, keep=2, quantization=8, rng=np.random.default_rng(1))
    smoothed = SmoothedPredictor(Constant(12), keep_masks)
    mask = np.arange(12) < 4
    kept = keep_masks[:, 4:].sum(axis=1)
    found = refined(smoothed, mask)
    assert (found.radius, found.depth, found.complete) == (8, kept.max(), True)
    assert found.stable_for_all_supersets
    assert found.exact
    assert found.evaluations <= (2**kept - 1).sum()


def test_stable_for_all_supersets_needs_every_size_in_the_tables() -> None:
    """Only with all the features that a noise mask keeps does this predictor change."""
    keep_masks = np.array([[True, True, True, True]])
    smoothed = SmoothedPredictor(Threshold(4, 4), keep_masks)
    found = refined(smoothed, np.zeros(4, dtype=bool))
    assert (found.radius, found.stable_for_all_supersets, found.exact) == (3, False, True)
    short = refined(smoothed, np.zeros(4, dtype=bool), max_evaluations=14)
    assert (short.radius, short.depth, short.complete, short.exact) == (3, 3, False, False)
    assert refined(smoothed, np.zeros(4, dtype=bool), max_evaluations=13).depth == 2


def test_evaluations_that_cannot_prove_a_larger_radius_are_not_spent() -> None:
    keep_masks = quantized_keep_masks(12, keep=2, quantization=8, rng=np.random.default_rng(1))
    base = Counting(Threshold(12, 3))
    mask = np.arange(12) < 4
    smoothed = SmoothedPredictor(base, keep_masks)
    ballots = smoothed.ballots(mask)
    before = base.rows
    first = keep_masks[:, 4:].sum()
    assert refine(smoothed, mask, ballots, max_evaluations=int(first), at_least=1).evaluations == 0
    assert base.rows == before


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


def test_a_larger_input_is_decided_within_seconds_and_as_the_definition_says() -> None:
    """64 features, 48 of them free, 64 noise masks: three sizes of tables, checked by drawing additions."""
    rng = np.random.default_rng(29)
    weights = rng.normal(size=(64, 3))

    class Linear:
        n_features = 64

        def __call__(self, masks: Masks, /) -> Probs:
            return one_hot((masks @ weights + np.array([0.0, 0.0, 2.0])).argmax(axis=1), 3)

    base: MaskedPredictor = Linear()
    keep_masks = quantized_keep_masks(64, keep=8, quantization=64, rng=rng)
    smoothed = SmoothedPredictor(base, keep_masks)
    mask = np.arange(64) % 4 == 0
    found = refined(smoothed, mask, 5000)
    assert found.radius > known_radius(smoothed, mask)
    free = np.flatnonzero(~mask)
    added = np.repeat(mask[None], 2000, axis=0)
    for row in added:
        row[rng.choice(free, size=min(found.radius, len(free)), replace=False)] = True
    assert (smoothed.decide(added).classes == smoothed.decide(mask[None]).classes[0]).all()
