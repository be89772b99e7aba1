"""What the tests of larger radii share: random cases, and the smallest lead by brute force."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from stabcert.core.hard.arcs import radius_by_arcs
from stabcert.core.hard.certificate import Refinement, ScoreKind
from stabcert.core.hard.leads import leads_of, radius_by_counts
from stabcert.core.hard.refine import refine
from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.noise import quantized_keep_masks
from stabcert.core.smoothing import SmoothedPredictor, ballots_on
from stabcert.core.types import Mask, Masks
from tests.core.hard.hard_cases import every_mask, random_function

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
