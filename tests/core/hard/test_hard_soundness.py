"""No certified radius is above the truth: thousands of random functions, every superset tried."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.hard.arcs import radius_by_arcs
from stabcert.core.hard.certificate import ScoreKind
from stabcert.core.hard.certify import certify_hard, check_addition
from stabcert.core.hard.leads import leads_of, radius_by_counts
from stabcert.core.noise import keep_masks_from
from stabcert.core.smoothing import Ballots, SmoothedPredictor
from tests.core.hard.hard_cases import Scoring, ballots_for, every_mask, random_function, random_noise, true_radii
from tests.doubles import Table

pytestmark = pytest.mark.slow

SCORES: list[ScoreKind] = ["vote", "probability"]


@pytest.mark.parametrize("scores", SCORES)
def test_certified_radii_are_never_above_the_truth(scores: ScoreKind) -> None:
    rng = np.random.default_rng(11)
    up = down = full = inconsistent = arcs_better = 0
    for _ in range(600):
        n = int(rng.integers(1, 9))
        smoothed = SmoothedPredictor(random_function(n, rng), random_noise(n, rng), scores=scores)
        mask = rng.random(n) < rng.choice([0.2, 0.6])
        certificate = certify_hard(smoothed, mask)
        incremental, decremental = true_radii(smoothed, mask)
        assert certificate.prediction == smoothed.decide(mask[None]).classes[0]
        assert certificate.full_prediction == smoothed.decide(np.ones((1, n), dtype=bool)).classes[0]
        assert certificate.radius_votes <= certificate.radius_incremental <= incremental
        assert certificate.radius_votes <= (certificate.radius_arcs or certificate.radius_votes)
        if certificate.radius_decremental is not None:
            assert certificate.radius_decremental <= decremental
            down += 0 < certificate.radius_decremental < certificate.n_free
        if not certificate.consistent:
            assert certificate.radius_decremental is None
            inconsistent += 1
        if certificate.stable_for_all_supersets:
            assert incremental == certificate.radius_incremental == certificate.n_free
        up += 0 < certificate.radius_incremental < certificate.n_free
        full += certificate.stable_for_all_supersets and certificate.n_free > 0
        arcs_better += (certificate.radius_arcs or 0) > certificate.radius_votes
    assert min(up, down, full, inconsistent, arcs_better) > 10


def test_every_part_of_a_guaranteed_addition_keeps_the_prediction() -> None:
    rng = np.random.default_rng(12)
    guaranteed = beyond_the_radius = 0
    for _ in range(400):
        n = int(rng.integers(2, 8))
        smoothed = SmoothedPredictor(random_function(n, rng), random_noise(n, rng))
        mask = rng.random(n) < 0.4
        addition = mask | (rng.random(n) < 0.5)
        checked = check_addition(smoothed, mask, addition)
        masks = every_mask(n)
        parts = (masks | ~mask).all(axis=1) & (~masks | addition).all(axis=1)
        classes = smoothed.decide(masks[parts]).classes
        assert checked.prediction == smoothed.decide(addition[None]).classes[0]
        if checked.guaranteed:
            assert len(set(classes.tolist())) == 1
            guaranteed += 1
            beyond_the_radius += checked.added > certify_hard(smoothed, mask).radius_incremental
    assert min(guaranteed, beyond_the_radius) > 10


def test_radii_hold_however_near_ties_are_resolved() -> None:
    """Each evaluation of a near tie may give any class, another one every time."""
    rng = np.random.default_rng(13)
    positive = naive_fails = 0
    for _ in range(400):
        n = int(rng.integers(2, 7))
        base = random_function(n, rng)
        classes, tied = base.probabilities.argmax(axis=1), rng.random(2**n) < 0.1
        keep_masks, mask = random_noise(n, rng), rng.random(n) < 0.4

        class Tied(Table):
            decision_tolerance = 1e-4

        probs = np.eye(3)[classes] * 0.9 + 0.1 / 3
        probs[tied] = [0.45, 0.45 + 1e-6, 0.1 - 1e-6]
        certificate = certify_hard(SmoothedPredictor(Tied(probs), keep_masks), mask)
        masks = every_mask(n)
        bits = 1 << np.arange(n)
        seen = (masks[:, None] & keep_masks[None]) @ bits
        sure = np.stack([((classes[seen] == k) & ~tied[seen]).sum(axis=1) for k in range(3)], axis=1)
        unsure = tied[seen].sum(axis=1)
        prediction = certificate.prediction
        worst = sure[:, [prediction]] - sure - unsure[:, None] - (np.arange(3) < prediction)
        worst[:, prediction] = 0
        lost = (worst < 0).any(axis=1) & (masks | ~mask).all(axis=1)
        smallest = int(np.where(lost, masks.sum(axis=1) - mask.sum(), n).min())
        if certificate.radius_incremental > 0:
            assert smallest > certificate.radius_incremental or not lost.any()
            positive += 1
        if certificate.radius_decremental:
            missing = np.where(lost, (~masks).sum(axis=1), n + 1).min()
            assert missing > certificate.radius_decremental
        trusting = Table(probs)  # the same votes, every one of them relied upon
        naive_fails += (
            lost.any() and certify_hard(SmoothedPredictor(trusting, keep_masks), mask).radius_votes >= smallest
        )
    assert min(positive, naive_fails) > 10


def test_radii_of_probabilities_hold_for_a_model_that_drifts_as_far_as_it_may() -> None:
    """At every mask the logits are moved by the tolerance, relative to one another, against the prediction."""
    rng = np.random.default_rng(14)
    tolerance, positive, naive_fails = 0.4, 0, 0
    for _ in range(400):
        n = int(rng.integers(2, 7))
        probs = random_function(n, rng).probabilities
        keep_masks, mask = random_noise(n, rng), rng.random(n) < 0.4

        class Drifting(Table):
            decision_tolerance = tolerance

        certificate = certify_hard(SmoothedPredictor(Drifting(probs), keep_masks, scores="probability"), mask)
        prediction = certificate.prediction
        masks = every_mask(n)
        lost = np.zeros(len(masks), dtype=bool)
        for rival in set(range(3)) - {prediction}:
            for other in (-1, 1):
                push = np.full(3, other * tolerance / 2)
                push[prediction], push[rival] = -tolerance / 2, tolerance / 2
                moved = probs * np.exp(push)
                moved /= moved.sum(axis=1, keepdims=True)
                seen = (masks[:, None] & keep_masks[None]) @ (1 << np.arange(n))
                lost |= moved[seen].mean(axis=1).argmax(axis=1) != prediction
        lost &= (masks | ~mask).all(axis=1)
        smallest = int(np.where(lost, masks.sum(axis=1) - mask.sum(), n + 1).min())
        if certificate.radius_incremental > 0:
            assert smallest > certificate.radius_incremental
            positive += 1
        trusting = SmoothedPredictor(Table(probs), keep_masks, scores="probability")
        naive_fails += certify_hard(trusting, mask).radius_incremental >= smallest
    assert min(positive, naive_fails) > 10


@given(st.integers(2, 7), st.integers(2, 16), st.integers(1, 8), st.integers(0, 10**6))
def test_the_order_of_the_features_does_not_matter(n: int, q: int, keep: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    base, keep_masks = (
        random_function(n, rng),
        keep_masks_from(rng.integers(q, size=n), keep=min(keep, q), quantization=q),
    )
    mask, order = rng.random(n) < 0.4, rng.permutation(n)
    masks = every_mask(n)
    moved = Table(base.probabilities[masks[:, np.argsort(order)] @ (1 << np.arange(n))])
    first = certify_hard(SmoothedPredictor(base, keep_masks), mask)
    second = certify_hard(SmoothedPredictor(moved, keep_masks[:, order]), mask[order])
    assert _radii(first) == _radii(second)


@given(st.integers(2, 7), st.integers(2, 16), st.integers(1, 8), st.integers(0, 10**6))
def test_the_order_of_the_classes_matters_at_ties_alone(n: int, q: int, keep: int, seed: int) -> None:
    """With probabilities there is no rule for ties: the names of the classes cannot matter at all."""
    rng = np.random.default_rng(seed)
    base, keep_masks = (
        random_function(n, rng),
        keep_masks_from(rng.integers(q, size=n), keep=min(keep, q), quantization=q),
    )
    mask, order = rng.random(n) < 0.4, rng.permutation(3)
    renamed = Table(base.probabilities[:, order])
    first, second = (
        certify_hard(SmoothedPredictor(function, keep_masks, scores="probability"), mask)
        for function in (base, renamed)
    )
    if first.gap > 1e-9 and (first.full_gap or 0) > 1e-9:
        assert order[second.prediction] == first.prediction
        assert _radii(first) == _radii(second)


@given(st.lists(st.integers(0, 12), min_size=2, max_size=4), st.integers(0, 10**6))
def test_renaming_classes_keeps_the_radius_where_none_of_lower_index_changes_sides(votes: list[int], seed: int) -> None:
    """Votes: classes other than the prediction may be renamed among those below it and among those above it."""
    classes = [k for k, count in enumerate(votes) for _ in range(count)]
    if not classes:
        return
    rng = np.random.default_rng(seed)
    winner = int(np.argmax(votes))
    names = np.concatenate([rng.permutation(winner), [winner], winner + 1 + rng.permutation(len(votes) - winner - 1)])
    renamed = [int(names[k]) for k in classes]
    values = rng.integers(len(classes), size=6)
    columns = keep_masks_from(values, keep=int(rng.integers(1, len(classes) + 1)), quantization=len(classes))
    first, second = (leads_of(Scoring(), ballots_for(said, len(votes))) for said in (classes, renamed))  # type: ignore[arg-type]
    assert first.prediction == second.prediction == winner
    assert radius_by_arcs(first, columns) == radius_by_arcs(second, columns)
    assert radius_by_counts(first, columns.sum(axis=0)) == radius_by_counts(second, columns.sum(axis=0))


@given(st.sampled_from(SCORES), st.integers(2, 16), st.integers(0, 10**6))
def test_a_larger_lead_never_has_a_smaller_radius(scores: ScoreKind, q: int, seed: int) -> None:
    """One noise mask more that is for the prediction, all others as they were."""
    rng = np.random.default_rng(seed)
    columns = keep_masks_from(rng.integers(q, size=6), keep=int(rng.integers(1, q + 1)), quantization=q)
    probs = rng.dirichlet([0.3, 0.3, 0.3], size=q)
    radii = []
    scoring = Scoring(scores)
    for _ in range(3):
        ballots = Ballots(probs, probs.argmax(axis=1), np.zeros(q, dtype=bool))
        leads = leads_of(scoring, ballots)  # type: ignore[arg-type]
        radii.append((radius_by_counts(leads, columns.sum(axis=0)), radius_by_arcs(leads, columns) or 0))
        probs = probs.copy()
        probs[rng.integers(q)] = np.eye(3)[leads.prediction]
    assert radii == sorted(radii)
    assert [arcs for _, arcs in radii] == sorted(arcs for _, arcs in radii)


def _radii(certificate: object) -> tuple[object, ...]:
    names = ("radius_votes", "radius_arcs", "radius_incremental", "radius_decremental", "stable_for_all_supersets")
    return tuple(getattr(certificate, name) for name in names)
