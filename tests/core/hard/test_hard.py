"""Hard certificates: what they contain, what they cost, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stabcert.core.hard.certify import certify_hard, check_addition
from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.noise import keep_masks_from, quantized_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import Masks
from stabcert.errors import InputError, ParameterError
from tests.core.hard.hard_cases import random_function, true_radii
from tests.core.helpers import GOLDEN
from tests.doubles import Batchy, Constant, Counting, Majority, Table, Threshold, one_hot

MASK = np.arange(64) < 16


def quantized(keep: int, quantization: int = 64, n_features: int = 64) -> Masks:
    return quantized_keep_masks(n_features, keep=keep, quantization=quantization, rng=np.random.default_rng(0))


@pytest.mark.parametrize(("keep", "radius"), [(31, 1), (15, 2), (10, 3), (7, 4), (6, 5), (5, 6), (3, 10), (32, 0)])
def test_unanimous_votes_certify_what_the_tie_free_grid_promises(keep: int, radius: int) -> None:
    """Class 1, so that class 0 wins ties: 32/64 certifies nothing, and 31/64 the one feature."""
    certificate = certify_hard(SmoothedPredictor(Constant(64), quantized(keep)), MASK)
    assert certificate.votes.tolist() == certificate.full_votes.tolist() == [0, 64]
    assert certificate.radius_votes == certificate.radius_incremental == certificate.radius_decremental == radius
    assert certificate.published_radius == 32 / keep
    assert (certificate.gap, certificate.full_gap, certificate.delta, certificate.near_ties) == (1.0, 1.0, None, 0)
    assert certificate.keep_probability == Fraction(keep, 64)
    assert (certificate.n_features, certificate.n_selected, certificate.n_free, certificate.draws) == (64, 16, 48, 64)
    assert (certificate.noise, certificate.scores, certificate.consistent) == ("quantized", "vote", True)
    assert certificate.refinement is None


@pytest.mark.parametrize(("added", "guaranteed"), GOLDEN["check_addition"])
def test_golden_additions_are_guaranteed_or_not(added: list[int], guaranteed: bool) -> None:
    """Noise mask s of 8 keeps what its arcs say and votes 0 0 0 0 1 1 1 0, whatever the explanation."""
    keep_masks = keep_masks_from([0, 4, 4, 3], keep=3, quantization=8)
    # Three features more spell out which noise mask it is.
    spelled = (np.arange(8)[:, None] >> np.arange(3)) % 2 == 1
    classes = np.array([0, 0, 0, 0, 1, 1, 1, 0])
    base = Table(one_hot(np.repeat(classes, 16)))
    smoothed = SmoothedPredictor(base, np.hstack([keep_masks, spelled]))
    mask = np.arange(7) >= 4
    addition = mask.copy()
    addition[added] = True
    checked = check_addition(smoothed, mask, addition)
    assert checked.guaranteed == guaranteed
    assert (checked.added, checked.touched) == (len(added), keep_masks[:, added].any(axis=1).sum())
    assert (checked.prediction, checked.near_tie) == (0, False)


def test_a_guarantee_for_an_addition_may_go_beyond_the_radius() -> None:
    values = np.zeros(64, dtype=int)
    values[-1] = 32
    smoothed = SmoothedPredictor(Constant(64), keep_masks_from(values, keep=31, quantization=64))
    assert certify_hard(smoothed, MASK).radius_incremental == 1
    same_arc = MASK.copy()
    same_arc[16:63] = True
    assert check_addition(smoothed, MASK, same_arc).guaranteed
    everything = check_addition(smoothed, MASK, np.ones(64))
    assert not everything.guaranteed
    assert (everything.added, everything.touched, everything.prediction) == (48, 62, 1)


def test_nothing_added_is_guaranteed_unless_the_prediction_is_in_doubt() -> None:
    assert check_addition(SmoothedPredictor(Constant(64), quantized(7)), MASK, MASK).guaranteed
    doubtful = Batchy(Constant(64), lambda masks: np.ones(len(masks), dtype=bool))
    assert not check_addition(SmoothedPredictor(doubtful, quantized(7)), MASK, MASK).guaranteed


def test_an_addition_that_drops_a_selected_feature_is_refused() -> None:
    smoothed = SmoothedPredictor(Constant(64), quantized(7))
    with pytest.raises(InputError, match=r"drops 16 of them .*contains the selected features"):
        check_addition(smoothed, MASK, ~MASK)


@pytest.mark.parametrize("drift", [0, 1])
def test_a_near_tie_costs_two_votes_whatever_the_batch_made_of_it(drift: int) -> None:
    noise = quantized(7)
    watched = {(MASK & row).tobytes() for row in noise[:5]}

    def tied(masks: Masks) -> np.ndarray:
        return np.array([row.tobytes() in watched for row in masks])

    certificate = certify_hard(SmoothedPredictor(Batchy(Constant(64), tied, drift=drift), noise), MASK)
    ties = int(tied(MASK & noise).sum())
    assert certificate.near_ties == ties >= 5
    assert certificate.gap == (64 - 2 * ties) / 64
    assert certificate.radius_votes == (64 - 2 * ties - 1) // 14 < 4
    assert certificate.full_gap == 1.0


def test_a_prediction_that_near_ties_could_turn_certifies_nothing() -> None:
    doubtful = Batchy(Constant(64), lambda masks: masks[:, 0])
    certificate = certify_hard(SmoothedPredictor(doubtful, quantized(40)), MASK)
    assert certificate.gap < 0
    assert (certificate.radius_votes, certificate.radius_arcs, certificate.radius_incremental) == (0, 0, 0)
    assert certificate.radius_decremental is None
    assert certificate.why_no_decremental == "the prediction of the masked input is too close to call"
    assert not certificate.stable_for_all_supersets
    assert certify_hard(SmoothedPredictor(doubtful, quantized(40)), MASK, refine=100).refinement is None


def test_a_full_input_in_doubt_certifies_no_removals() -> None:
    doubtful = Batchy(Constant(64), lambda masks: masks[:, 16:].any(axis=1))
    certificate = certify_hard(SmoothedPredictor(doubtful, quantized(7)), MASK)
    assert certificate.radius_incremental == 4
    assert certificate.radius_decremental is None
    assert certificate.why_no_decremental == "the prediction of the full input is too close to call"


def test_a_doubtful_prediction_is_not_stable_even_with_nothing_to_add() -> None:
    doubtful = Batchy(Constant(8), lambda masks: np.ones(len(masks), dtype=bool))
    certificate = certify_hard(SmoothedPredictor(doubtful, quantized(2, 8, 8)), np.ones(8))
    assert not certificate.stable_for_all_supersets


def test_with_nothing_to_add_everything_is_stable() -> None:
    certificate = certify_hard(SmoothedPredictor(Constant(8), quantized(2, 8, 8)), np.ones(8))
    assert certificate.stable_for_all_supersets
    assert (certificate.radius_votes, certificate.radius_arcs, certificate.radius_incremental) == (0, 0, 0)
    assert certificate.radius_decremental == 0


def test_a_small_set_of_supersets_is_covered_from_both_ends() -> None:
    """Radius 4 upwards and 4 downwards leave nothing out if 9 features are free, and something if 10 are."""
    smoothed = SmoothedPredictor(Constant(64), quantized(7))
    covered, open_ = (certify_hard(smoothed, np.arange(64) >= free) for free in (9, 10))
    assert covered.radius_votes == open_.radius_votes == 4
    assert covered.stable_for_all_supersets
    assert covered.radius_incremental == covered.radius_decremental == 9
    assert not open_.stable_for_all_supersets
    assert (open_.radius_incremental, open_.radius_decremental) == (4, 4)


def test_overlapping_arcs_certify_more_than_the_lead_alone() -> None:
    smoothed = SmoothedPredictor(Constant(64), keep_masks_from([0] * 64, keep=20, quantization=64))
    certificate = certify_hard(smoothed, MASK)
    assert (certificate.radius_votes, certificate.radius_arcs) == (1, 48)
    assert certificate.stable_for_all_supersets
    assert certificate.radius_incremental == 48


def test_any_frozen_noise_can_be_certified_from_the_lead_alone() -> None:
    noise = bernoulli_keep_masks(64, keep_probability=0.05, draws=200, rng=np.random.default_rng(1))
    certificate = certify_hard(SmoothedPredictor(Constant(64), noise), MASK)
    counts = np.sort(noise[:, ~MASK].sum(axis=0))[::-1]
    assert 2 * counts[: certificate.radius_votes].sum() <= 199 < 2 * counts[: certificate.radius_votes + 1].sum()
    assert certificate.radius_arcs is None
    assert certificate.keep_probability is None
    assert certificate.published_radius is None


def test_probabilities_certify_another_function_with_a_prediction_of_its_own() -> None:
    """Feature 0 is kept in a third of the noise masks, and is certain of class 1; without it class 0 has 0.6."""
    base = Table(np.array([[0.6, 0.4], [0.0, 1.0]]))
    noise = keep_masks_from([0], keep=1, quantization=3)
    vote, mean = (
        certify_hard(SmoothedPredictor(base, noise, scores=scores), np.array([True]))
        for scores in ("vote", "probability")
    )
    assert (vote.prediction, mean.prediction) == (0, 1)
    assert vote.votes.tolist() == mean.votes.tolist() == [2, 1]
    assert vote.gap == 1 / 3
    assert mean.gap == pytest.approx((1.0 - 0.2 - 0.2) / 3)
    assert (vote.scores, mean.scores) == ("vote", "probability")


def test_probabilities_are_strict_at_the_bound() -> None:
    """A lead of exactly 2 l certifies nothing; a little more certifies one feature."""
    noise = keep_masks_from([0, 0], keep=1, quantization=4)
    mask = np.array([False, True])

    def radius(lead: float) -> int:
        base = Table(np.tile([0.5 + lead / 2, 0.5 - lead / 2], (4, 1)))
        return certify_hard(SmoothedPredictor(base, noise, scores="probability"), mask).radius_votes

    assert [radius(lead) for lead in (0.5, 0.5 + 1e-9)] == [0, 1]


@pytest.mark.parametrize("decremental", [True, False])
def test_every_distinct_masked_input_costs_one_evaluation_in_one_call(decremental: bool) -> None:
    base = Counting(Majority(64))
    certificate = certify_hard(SmoothedPredictor(base, quantized(7)), MASK, decremental=decremental)
    assert base.calls == 1
    assert certificate.evaluations == base.rows == len(np.unique(base.masks, axis=0))
    assert base.rows < (128 if decremental else 64)


def test_without_the_full_input_nothing_is_said_of_it() -> None:
    certificate = certify_hard(SmoothedPredictor(Constant(64), quantized(7)), MASK, decremental=False)
    assert certificate.full_prediction is None
    assert certificate.full_votes is None
    assert certificate.full_gap is None
    assert certificate.consistent is None
    assert certificate.radius_decremental is None
    assert certificate.why_no_decremental == "the full input was not evaluated"
    assert certificate.radius_incremental == 4


def test_more_evaluations_are_spent_on_a_larger_radius() -> None:
    """Votes need 1 of 16 selected features; no addition can take them away, and tables prove that."""
    base = Counting(Threshold(24, 1, range(16)))
    smoothed = SmoothedPredictor(base, quantized(3, 16, 24))
    mask = np.arange(24) < 16
    plain = certify_hard(smoothed, mask)
    spent = base.rows
    refined = certify_hard(smoothed, mask, refine=500)
    assert refined.refinement is not None
    assert 0 < refined.refinement.evaluations <= 500
    assert refined.evaluations == plain.evaluations + refined.refinement.evaluations
    assert base.rows - spent == refined.evaluations
    assert refined.radius_votes == plain.radius_votes < refined.radius_incremental
    assert refined.radius_incremental >= refined.refinement.radius


@pytest.mark.slow
def test_a_mask_that_the_full_input_and_the_tables_have_in_common_is_evaluated_once() -> None:
    """Complete tables meet each noise mask as a whole, as the full input does."""
    rng = np.random.default_rng(5)
    in_common = 0
    for _ in range(100):
        n = int(rng.integers(2, 7))
        base, noise, mask = Counting(random_function(n, rng)), rng.random((6, n)) < 0.5, rng.random(n) < 0.4
        smoothed, spend = SmoothedPredictor(base, noise), int(rng.integers(1, 200))
        certificate = certify_hard(smoothed, mask, refine=spend)
        assert certificate.evaluations == base.rows == len(np.unique(base.masks, axis=0))
        alone = certify_hard(smoothed, mask, refine=spend, decremental=False)
        if certificate.refinement is not None and alone.refinement is not None:
            assert certificate.refinement.radius >= alone.refinement.radius
            in_common += certificate.refinement.evaluations < alone.refinement.evaluations
            just_enough = max(1, certificate.refinement.evaluations)
            assert certify_hard(smoothed, mask, refine=just_enough).refinement == certificate.refinement
    assert in_common > 10


@pytest.mark.slow
def test_a_refined_radius_is_not_above_the_truth() -> None:
    rng = np.random.default_rng(3)
    better = 0
    for _ in range(150):
        n, q = int(rng.integers(3, 8)), int(rng.integers(3, 12))
        base = Table(one_hot(rng.random(2**n) < rng.choice([0.05, 0.2]), n_classes=3))
        noise = quantized_keep_masks(n, keep=int(rng.integers(1, q)), quantization=q, rng=rng)
        smoothed, mask = SmoothedPredictor(base, noise), rng.random(n) < 0.4
        certificate = certify_hard(smoothed, mask, refine=300)
        incremental, decremental = true_radii(smoothed, mask)
        assert certificate.radius_incremental <= incremental
        assert (certificate.radius_decremental or 0) <= max(0, decremental)
        better += certificate.radius_incremental > max(certificate.radius_votes, certificate.radius_arcs or 0)
    assert better > 20


def test_the_votes_of_a_certificate_cannot_be_changed() -> None:
    certificate = certify_hard(SmoothedPredictor(Constant(64), quantized(7)), MASK)
    with pytest.raises(ValueError, match="read-only"):
        certificate.votes[0] = 1


def test_what_cannot_be_certified_is_refused() -> None:
    smoothed = SmoothedPredictor(Constant(64), quantized(7))
    with pytest.raises(InputError, match="64 features"):
        certify_hard(smoothed, MASK[:10])
    with pytest.raises(ParameterError, match="refine must be 0 or more"):
        certify_hard(smoothed, MASK, refine=-1)
