"""The exact worst case over arcs: coverage by brute force, the golden radii, and tightness by an adversary."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.hard.arcs import circular_arcs, largest_cover, radius_by_arcs
from stabcert.core.hard.leads import leads_of, radius_by_counts
from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.noise import keep_masks_from, quantized_keep_masks
from stabcert.core.smoothing import Ballots, SmoothedPredictor
from tests.core.hard.hard_cases import Scoring, ballots_for, every_mask, random_function
from tests.core.helpers import GOLDEN
from tests.doubles import Table


def cover_by_brute_force(weights: np.ndarray, starts: np.ndarray, length: int) -> list[float]:
    covers = []
    for r in range(len(starts) + 1):
        sums = []
        for chosen in combinations(starts, r):
            covered = {(start + step) % len(weights) for start in chosen for step in range(length)}
            sums.append(sum(weights[place] for place in covered))
        covers.append(max(sums))
    return covers


@pytest.mark.parametrize(("weights", "length", "starts", "covers"), GOLDEN["largest_cover"])
def test_covers_are_golden(weights: list[int], length: int, starts: list[int], covers: list[int]) -> None:
    assert list(largest_cover(np.array(weights, dtype=float), np.array(starts), length)) == covers


@given(st.integers(1, 10), st.integers(1, 10), st.floats(0.1, 1.0), st.integers(0, 10**6))
def test_covers_are_those_of_brute_force(q: int, length: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights, length = rng.integers(0, 3, size=q).astype(float), min(length, q)
    starts = np.flatnonzero(rng.random(q) < share)
    assert list(largest_cover(weights, starts, length)) == cover_by_brute_force(weights, starts, length)


@given(st.integers(2, 30), st.integers(1, 30), st.integers(1, 12), st.integers(0, 10**6))
def test_the_columns_of_quantized_noise_are_recognised_as_arcs(q: int, keep: int, n: int, seed: int) -> None:
    keep, values = min(keep, q), np.random.default_rng(seed).integers(q, size=n)
    design = circular_arcs(keep_masks_from(values, keep=keep, quantization=q))
    assert design is not None
    starts, length = design
    assert length == keep
    assert set(starts) == ({0} if keep == q else {int(-v % q) for v in values})


def test_other_columns_are_not_arcs() -> None:
    assert circular_arcs(np.array([[1, 0], [0, 0], [1, 0], [0, 1]], dtype=bool)) is None  # a hole
    assert circular_arcs(np.array([[1, 0], [1, 0], [0, 0], [0, 1]], dtype=bool)) is None  # two lengths
    noise = bernoulli_keep_masks(6, keep_probability=0.5, draws=32, rng=np.random.default_rng(0))
    assert circular_arcs(noise) is None
    assert radius_by_arcs(leads_of(Scoring(), ballots_for([0] * 32, 2)), noise) is None  # type: ignore[arg-type]


def test_features_that_are_never_kept_take_nothing() -> None:
    columns = np.array([[0, 1], [0, 0], [0, 0], [0, 0]], dtype=bool)
    leads = leads_of(Scoring(), ballots_for([0] * 4, 2))  # type: ignore[arg-type]
    assert radius_by_arcs(leads, columns) == radius_by_counts(leads, columns.sum(axis=0)) == 2
    nothing = np.zeros((4, 3), dtype=bool)
    assert radius_by_arcs(leads, nothing) == radius_by_counts(leads, nothing.sum(axis=0)) == 3


@pytest.mark.parametrize(("classes", "n_classes", "values", "keep", "free", "arcs", "counts"), GOLDEN["radius_by_arcs"])
def test_radii_of_votes_are_golden(
    classes: list[int], n_classes: int, values: list[int], keep: int, free: list[int], arcs: int, counts: int
) -> None:
    columns = keep_masks_from(values, keep=keep, quantization=len(classes))[:, free]
    leads = leads_of(Scoring(), ballots_for(classes, n_classes))  # type: ignore[arg-type]
    assert (radius_by_arcs(leads, columns), radius_by_counts(leads, columns.sum(axis=0))) == (arcs, counts)


@pytest.mark.parametrize(("rows", "values", "keep", "arcs", "counts"), GOLDEN["radius_by_arcs_of_probabilities"])
def test_radii_of_probabilities_are_golden(
    rows: list[list[float]], values: list[int], keep: int, arcs: int, counts: int
) -> None:
    probs = np.array(rows)
    columns = keep_masks_from(values, keep=keep, quantization=len(rows))
    ballots = Ballots(probs, probs.argmax(axis=1), np.zeros(len(probs), dtype=bool))
    leads = leads_of(Scoring("probability"), ballots)  # type: ignore[arg-type]
    assert (radius_by_arcs(leads, columns), radius_by_counts(leads, columns.sum(axis=0))) == (arcs, counts)


@pytest.mark.parametrize(("votes", "keep", "radius"), GOLDEN["radius_by_counts"])
def test_radii_from_the_leads_alone_are_golden(votes: list[int], keep: int, radius: int) -> None:
    classes = [k for k, count in enumerate(votes) for _ in range(count)]
    leads = leads_of(Scoring(), ballots_for(classes, len(votes)))  # type: ignore[arg-type]
    assert radius_by_counts(leads, np.full(50, keep)) == radius


@pytest.mark.parametrize("scores", ["vote", "probability"])
def test_no_class_is_left_out_of_the_radius(scores: str) -> None:
    """The class loop stops early; going through all classes gives the same."""
    rng = np.random.default_rng(6)
    for _ in range(300):
        q, n_classes = int(rng.integers(4, 17)), int(rng.integers(2, 7))
        probs = rng.dirichlet(np.full(n_classes, 0.4), size=q)
        probs[rng.random(q) < 0.8] = np.eye(n_classes)[int(rng.integers(n_classes))] * 0.9 + 0.1 / n_classes
        columns = quantized_keep_masks(5, keep=int(rng.integers(1, q // 2 + 1)), quantization=q, rng=rng)
        ballots = Ballots(probs, probs.argmax(axis=1), np.zeros(q, dtype=bool))
        leads = leads_of(Scoring(scores), ballots)  # type: ignore[arg-type]
        if not leads.certain:
            continue
        holds = [
            all(
                (leads.losses[columns[:, chosen].any(axis=1)].sum(axis=0) <= leads.budgets).all()
                for chosen in map(list, combinations(range(5), r))
            )
            for r in range(6)
        ]
        assert radius_by_arcs(leads, columns) == ([*holds, False].index(False) - 1)


@pytest.mark.slow
def test_beyond_the_arc_radius_an_adversary_flips_the_prediction() -> None:
    """The base that says k wherever a free feature is kept: on the evaluated masks nobody could tell the difference."""
    rng = np.random.default_rng(7)
    beaten = everything = 0
    for _ in range(400):
        n, q = int(rng.integers(2, 7)), int(rng.integers(2, 17))
        keep_masks = quantized_keep_masks(n, keep=int(rng.integers(1, q // 2 + 1)), quantization=q, rng=rng)
        mask = rng.random(n) < 0.5
        base = random_function(n, rng)
        smoothed = SmoothedPredictor(base, keep_masks)
        radius = radius_by_arcs(leads_of(smoothed, smoothed.ballots(mask)), keep_masks[:, ~mask])
        assert radius is not None
        masks = every_mask(n)
        with_free = (masks & ~mask).any(axis=1)
        added = np.where((masks | ~mask).all(axis=1), masks.sum(axis=1) - mask.sum(), -1)
        flipped = set()
        for k in range(3):
            adversary = Table(np.where(with_free[:, None], np.eye(3)[k], base.probabilities))
            classes = SmoothedPredictor(adversary, keep_masks).decide(masks).classes
            reference = classes[(masks == mask).all(axis=1)][0]
            flipped |= set(added[(added >= 0) & (classes != reference)].tolist())
        if radius == (~mask).sum():
            assert not flipped
            everything += 1
        else:
            assert min(flipped) == radius + 1
            beaten += 1
    assert min(beaten, everything) > 50
