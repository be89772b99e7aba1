"""Smoothing over frozen masks: the votes, by a slow loop and in closed form."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.soft.certify import certify_soft
from stabcert.core.types import MaskedPredictor, Masks
from stabcert.errors import InputError, ModelError, ParameterError
from tests.doubles import Counting, Majority, Table, Threshold, Unanimity
from tests.oracles import predicted_class, stability_rate


def every_mask(n_features: int) -> Masks:
    return np.array(list(product([False, True], repeat=n_features)), dtype=bool).reshape(-1, n_features)


def slow_votes(base: MaskedPredictor, keep_masks: Masks, masks: Masks, n_classes: int) -> list[list[int]]:
    votes = [[0] * n_classes for _ in masks]
    for i, mask in enumerate(masks):
        for keep in keep_masks:
            votes[i][predicted_class(base, tuple(bool(a and b) for a, b in zip(mask, keep, strict=True)))] += 1
    return votes


@given(st.integers(1, 5), st.integers(2, 4), st.integers(1, 9), st.integers(0, 10**6))
def test_votes_are_those_of_a_slow_loop(n_features: int, n_classes: int, draws: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 4, size=(2**n_features, n_classes)).astype(float)  # equal best classes are common
    base = Table(weights / weights.sum(axis=1, keepdims=True))
    keep_masks = bernoulli_keep_masks(n_features, keep_probability=0.6, draws=draws, rng=rng)
    smoothed = SmoothedPredictor(base, keep_masks)
    masks = every_mask(n_features)
    votes = smoothed.votes(masks)
    assert votes.tolist() == slow_votes(base, keep_masks, masks, n_classes)
    assert (votes.sum(axis=1) == draws).all()
    assert (smoothed(masks) == votes / draws).all()


def test_many_masks_are_voted_on_like_few() -> None:
    smoothed = SmoothedPredictor(Majority(6), every_mask(6))
    masks = np.tile(every_mask(6), (10, 1))  # 40,960 rows: more than are evaluated at once
    assert (smoothed.votes(masks) == np.tile(smoothed.votes(every_mask(6)), (10, 1))).all()


@pytest.mark.parametrize("n_features", [1, 3, 6])
def test_unanimity_under_all_masks_wins_a_share_of_2_to_the_minus_members(n_features: int) -> None:
    """Each feature is kept in half of the masks, so all of m members are kept in 2^-m of them."""
    for members in range(n_features + 1):
        base = Unanimity(n_features, range(members))
        smoothed = SmoothedPredictor(base, every_mask(n_features))
        for row, share in zip(every_mask(n_features), smoothed(every_mask(n_features)), strict=True):
            expected = Fraction(1, 2**members) if row[:members].all() else Fraction(0)
            assert share[1] == float(expected)
            assert share[0] == float(1 - expected)


def test_the_noise_is_frozen_when_the_predictor_is_made() -> None:
    keep_masks = bernoulli_keep_masks(5, keep_probability=0.5, draws=16, rng=np.random.default_rng(1))
    smoothed = SmoothedPredictor(Majority(5), keep_masks)
    first = smoothed(every_mask(5))
    keep_masks[:] = ~keep_masks
    assert (smoothed(every_mask(5)) == first).all()
    assert keep_masks.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        smoothed.keep_masks[0, 0] = True


def test_the_votes_on_a_mask_do_not_depend_on_the_batch_it_came_in() -> None:
    keep_masks = bernoulli_keep_masks(5, keep_probability=0.5, draws=7, rng=np.random.default_rng(2))
    smoothed = SmoothedPredictor(Threshold(5, 2, [0, 2, 4]), keep_masks)
    together = smoothed.votes(every_mask(5))
    assert (np.concatenate([smoothed.votes(row[None]) for row in every_mask(5)]) == together).all()
    assert (smoothed.votes(every_mask(5)[::-1]) == together[::-1]).all()


def test_keeping_everything_gives_the_vote_of_the_base() -> None:
    smoothed = SmoothedPredictor(Majority(4), np.ones((3, 4), dtype=bool))
    assert (smoothed.votes(every_mask(4)) == 3 * Majority(4)(every_mask(4))).all()


def test_no_masks_get_no_votes() -> None:
    votes = SmoothedPredictor(Majority(4), np.ones((3, 4), dtype=bool)).votes(np.empty((0, 4), dtype=bool))
    assert votes.shape == (0, 2)


@pytest.mark.parametrize("shape", [(3, 4), (3, 6), (5,), (2, 3, 5)])
def test_keep_masks_of_another_length_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="5 features"):
        SmoothedPredictor(Majority(5), np.ones(shape, dtype=bool))


def test_keep_masks_that_are_not_masks_are_refused() -> None:
    with pytest.raises(InputError, match="0 and 1"):
        SmoothedPredictor(Majority(5), np.full((3, 5), 0.5))
    with pytest.raises(InputError, match="at least one"):
        SmoothedPredictor(Majority(5), np.ones((0, 5), dtype=bool))


def test_masks_of_another_length_are_refused() -> None:
    smoothed = SmoothedPredictor(Majority(5), np.ones((3, 5), dtype=bool))
    with pytest.raises(InputError, match="5 features"):
        smoothed(np.ones((2, 4), dtype=bool))


def test_a_base_that_returns_no_probabilities_is_refused() -> None:
    smoothed = SmoothedPredictor(Table(np.full((4, 3), 2.0)), np.ones((3, 2), dtype=bool))
    with pytest.raises(ModelError, match="probabilities"):
        smoothed(np.ones((1, 2), dtype=bool))


def test_a_smoothed_predictor_is_a_predictor_and_can_be_certified() -> None:
    keep_masks = bernoulli_keep_masks(5, keep_probability=0.6, draws=16, rng=np.random.default_rng(4))
    smoothed = SmoothedPredictor(Majority(5), keep_masks)
    assert isinstance(smoothed, MaskedPredictor)
    mask = np.array([True, False, False, False, False])
    certificate = certify_soft(smoothed, mask, radius="all", rng=np.random.default_rng(0))
    for rate in certificate.rates:
        assert rate.lower == rate.upper == float(stability_rate(smoothed, mask, rate.radius))


def test_each_distinct_masked_input_is_evaluated_once_in_a_call() -> None:
    base = Counting(Majority(5))
    smoothed = SmoothedPredictor(base, every_mask(5))
    votes = smoothed.votes(every_mask(5)[[0, 3, 3]])  # nothing, and the last two features
    assert base.rows == len(np.unique(base.masks, axis=0)) == 4
    assert votes.sum(axis=1).tolist() == [32] * 3


def test_ballots_are_what_each_noise_mask_says_in_the_order_of_the_noise_masks() -> None:
    rng = np.random.default_rng(5)
    base = Counting(Table(rng.dirichlet(np.ones(3), size=32)))
    keep_masks = bernoulli_keep_masks(5, keep_probability=0.6, draws=40, rng=rng)
    mask = np.array([True, True, False, True, False])
    ballots = SmoothedPredictor(base, keep_masks).ballots(mask)
    assert (base.calls, base.rows) == (1, len(np.unique(mask & keep_masks, axis=0)))
    assert np.allclose(ballots.probs, base.base(mask & keep_masks), rtol=0, atol=1e-15)
    assert ballots.classes.tolist() == base.base(mask & keep_masks).argmax(axis=1).tolist()
    assert not ballots.near_tie.any()


def test_rows_that_sum_to_1_almost_are_scaled_so_that_no_probability_is_above_1() -> None:
    base = Table(np.array([[1.0 + 5e-7, 0.0], [0.0, 1.0 + 5e-7]]))
    ballots = SmoothedPredictor(base, np.ones((3, 1), dtype=bool)).ballots(np.array([True]))
    assert ballots.probs.max() == 1.0


@given(st.integers(1, 5), st.integers(2, 4), st.integers(1, 9), st.integers(0, 10**6))
def test_mean_probabilities_are_those_of_a_slow_loop(n_features: int, n_classes: int, draws: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = Table(rng.dirichlet(np.ones(n_classes), size=2**n_features))
    keep_masks = bernoulli_keep_masks(n_features, keep_probability=0.6, draws=draws, rng=rng)
    smoothed = SmoothedPredictor(base, keep_masks, scores="probability")
    masks = every_mask(n_features)
    means = np.array([np.mean([base((mask & keep)[None])[0] for keep in keep_masks], axis=0) for mask in masks])
    assert np.allclose(smoothed(masks), means, rtol=0, atol=1e-12)
    assert (smoothed.decide(masks).classes == smoothed(masks).argmax(axis=1)).all()
    assert smoothed.votes(masks).tolist() == slow_votes(base, keep_masks, masks, n_classes)


def test_the_vote_and_the_mean_probability_are_two_functions() -> None:
    base = Table(np.array([[0.6, 0.4], [0.1, 0.9]]))
    keep_masks = np.array([[False], [False], [True]])
    mask = np.array([[True]])
    assert SmoothedPredictor(base, keep_masks).decide(mask).classes.tolist() == [0]
    assert SmoothedPredictor(base, keep_masks, scores="probability").decide(mask).classes.tolist() == [1]


def test_mean_probabilities_closer_than_the_arithmetic_can_tell_are_a_near_tie() -> None:
    class Drifting(Table):
        decision_tolerance = 0.1  # moves the difference of two probabilities by up to .05

    def near_tie(base: Table, difference: float) -> bool:
        base.probabilities[:] = [0.5 + difference / 2, 0.5 - difference / 2]
        smoothed = SmoothedPredictor(base, np.ones((5, 1), dtype=bool), scores="probability")
        return bool(smoothed.decide(np.array([[True]])).near_tie[0])

    assert [near_tie(Drifting(np.zeros((2, 2))), d) for d in (0.049, 0.051)] == [True, False]
    assert [near_tie(Table(np.zeros((2, 2))), d) for d in (0.0, 1e-9)] == [True, False]


def test_scores_that_do_not_exist_and_means_of_shares_are_refused() -> None:
    keep_masks = np.ones((3, 5), dtype=bool)
    with pytest.raises(ParameterError, match="must be 'vote' or 'probability'"):
        SmoothedPredictor(Majority(5), keep_masks, scores="mean")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="must be 'vote' for a base"):
        SmoothedPredictor(SmoothedPredictor(Majority(5), keep_masks), keep_masks, scores="probability")
