"""Larger radii from tables: against the truth by brute force, within the evaluations that are allowed."""

from __future__ import annotations

import numpy as np
import pytest

from stabcert.core.hard import refine as refine_module
from stabcert.core.hard.certificate import ScoreKind
from stabcert.core.hard.refine import refine
from stabcert.core.noise import quantized_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import MaskedPredictor, Masks, Probs
from tests.core.hard.refine_cases import PLENTY, SCORES, any_case, known_radius, refined, smallest_leads, true_radius
from tests.doubles import Constant, Counting, Threshold, one_hot


@pytest.mark.slow
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


@pytest.mark.slow
def test_with_all_tables_and_no_tie_the_radius_is_the_truth() -> None:
    rng = np.random.default_rng(22)
    for _ in range(300):
        smoothed, mask = any_case(rng, "vote")
        found = refined(smoothed, mask)
        assert found.exact
        assert found.radius == true_radius(smallest_leads(smoothed, mask))


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
