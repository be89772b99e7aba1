"""A vote that ends as soon as it is decided: the same decisions as of the full count, with fewer evaluations."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.noise import quantized_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import Masks, Probs
from tests.doubles import Batchy, Constant, Counting, Table, Threshold


def every_mask(n_features: int) -> Masks:
    return np.array(list(product([False, True], repeat=n_features)), dtype=bool)


def full_count(smoothed: SmoothedPredictor, mask: np.ndarray) -> tuple[int, bool]:
    """Winner of all votes; is there a class that wins instead if every unsure vote goes to it?"""
    ballots = smoothed.ballots(mask)
    votes = np.bincount(ballots.classes, minlength=ballots.probs.shape[1])
    sure = np.bincount(ballots.classes[~ballots.near_tie], minlength=len(votes))
    winner = int(votes.argmax())
    others = [k for k in range(len(votes)) if k != winner]
    rival = [(sure[k] + ballots.near_tie.sum(), -k) > (sure[winner], -winner) for k in others]
    return winner, any(rival)


@pytest.mark.slow
@pytest.mark.parametrize("tolerance", [0.0, 0.15])
def test_decisions_are_those_of_the_full_count(tolerance: float) -> None:
    rng = np.random.default_rng(0)
    ties = tried = 0
    for _ in range(400):
        n_features, n_classes, draws = (int(rng.integers(a, b)) for a, b in ((1, 6), (2, 5), (1, 20)))
        weights = rng.integers(1, 9, size=(2**n_features, n_classes)).astype(float)
        weights[:, rng.integers(n_classes)] += rng.choice([0, 3])
        base = Table(weights / weights.sum(axis=1, keepdims=True))
        base.decision_tolerance = tolerance  # type: ignore[attr-defined]
        smoothed = SmoothedPredictor(base, rng.random((draws, n_features)) < rng.random())
        masks = every_mask(n_features)
        decisions = smoothed.decide(masks)
        expected = [full_count(smoothed, mask) for mask in masks]
        assert list(zip(decisions.classes, decisions.near_tie, strict=True)) == expected
        ties, tried = ties + int(decisions.near_tie.sum()), tried + len(masks)
    assert tried > 4000
    assert (ties > 200) == (tolerance > 0)


@pytest.mark.parametrize("draws", [1, 2, 3, 16, 63, 64])
def test_a_unanimous_vote_ends_at_the_majority(draws: int) -> None:
    base = Counting(Constant(40))
    smoothed = SmoothedPredictor(base, bernoulli_keep_masks(40, keep_probability=0.5, draws=draws, rng=generator()))
    assert smoothed.decide(np.ones((1, 40), dtype=bool)).classes == [1]
    assert base.rows == draws // 2 + 1  # class 1 has to be ahead of class 0, which wins a tie


def test_a_vote_that_stays_open_is_counted_to_the_end() -> None:
    base = Counting(Threshold(1, 1))
    smoothed = SmoothedPredictor(base, np.arange(64)[:, None] % 2 == 0)
    assert smoothed.decide(np.ones((1, 1), dtype=bool)).classes.tolist() == [0]
    assert base.rows == 2  # only two distinct masked inputs, each evaluated once


def test_distinct_masked_inputs_are_evaluated_once_in_all_stages_together() -> None:
    rng = np.random.default_rng(3)
    base = Counting(Table(rng.dirichlet([1, 1], size=2**4)))
    SmoothedPredictor(base, rng.random((64, 4)) < 0.5).decide(every_mask(4))
    assert len(np.unique(base.masks, axis=0)) == base.rows <= 16


def test_a_decision_that_is_not_a_near_tie_does_not_depend_on_the_batch() -> None:
    keep_masks = generator().random((9, 5)) < 0.6
    decided = []
    for drift in (0, 1):
        base = Batchy(Threshold(5, 2), lambda masks: masks[:, 0] & ~masks[:, 1], drift=drift)
        decided.append(SmoothedPredictor(base, keep_masks).decide(every_mask(5)))
    first, second = decided
    assert (first.near_tie == second.near_tie).all()
    assert first.near_tie.any()
    assert (~first.near_tie & every_mask(5)[:, 0]).any()
    assert (first.classes == second.classes)[~first.near_tie].all()


def test_neighbouring_noise_masks_are_taken_far_from_one_another() -> None:
    """All features share one v, so 48 of 64 consecutive noise masks keep everything and the others nothing."""
    keep_masks = np.repeat(quantized_keep_masks(1, keep=48, quantization=64, rng=generator()), 8, axis=1)
    asked = []

    class Watched(Constant):
        def __call__(self, masks: Masks, /) -> Probs:
            asked.append(masks)
            return super().__call__(masks)

    # Six more features tell the noise masks apart.
    bits = (np.arange(64)[:, None] >> np.arange(6)) & 1 == 1
    SmoothedPredictor(Watched(14), np.hstack([keep_masks, bits])).decide(np.ones((1, 14), dtype=bool))
    (first_stage,) = asked
    assert len(first_stage) == 33
    assert first_stage[:, 0].mean() == pytest.approx(0.75, abs=0.03)


def test_no_masks_have_no_decisions() -> None:
    decisions = SmoothedPredictor(Constant(4), np.ones((3, 4), dtype=bool)).decide(np.zeros((0, 4), dtype=bool))
    assert decisions.classes.shape == decisions.near_tie.shape == (0,)


def generator() -> np.random.Generator:
    return np.random.default_rng(7)
