"""What the tests of hard certificates share: random functions, every mask at once, and the truth by brute force."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.noise import quantized_keep_masks
from stabcert.core.smoothing import Ballots
from stabcert.core.types import MaskedPredictor, Masks
from tests.doubles import Table


@dataclass(frozen=True)
class Scoring:
    """As much of a smoothed predictor as leads are made from."""

    scores: str = "vote"
    drift: float = 1e-12


def every_mask(n_features: int) -> Masks:
    """Row ``sum(2**i for kept i)``, as in `tests.doubles.Table`."""
    return (np.arange(2**n_features)[:, None] >> np.arange(n_features)) % 2 == 1


def true_radii(predictor: MaskedPredictor, mask: np.ndarray) -> tuple[int, int]:
    """Features that can be added to the mask, and removed from the full input, whatever they are.

    By definition: the prediction of the mask stays on every such superset of it; -1 if even the full
    input has another one.
    """
    masks = every_mask(len(mask))
    classes = predictor.decide(masks).classes  # type: ignore[attr-defined]
    reference = classes[(masks == mask).all(axis=1)][0]
    supersets = (masks | ~mask).all(axis=1)
    added = masks[supersets].sum(axis=1) - mask.sum()
    flips = added[classes[supersets] != reference]
    n_free = int((~mask).sum())
    if len(flips) == 0:
        return n_free, n_free
    return int(flips.min()) - 1, n_free - int(flips.max()) - 1


def random_function(n_features: int, rng: Generator, n_classes: int = 3) -> Table:
    """Any function; one class is ahead on a share of the masks, and equal best classes are common."""
    weights = rng.integers(1, 4, size=(2**n_features, n_classes)).astype(float)
    ahead = rng.random(2**n_features) < rng.choice([0.3, 0.7, 0.9, 1.0])
    weights[ahead, rng.integers(n_classes)] += rng.integers(2, 30)
    return Table(weights / weights.sum(axis=1, keepdims=True))


def random_noise(n_features: int, rng: Generator) -> Masks:
    """Quantized noise, balanced or not, and now and then frozen independent noise."""
    if rng.random() < 0.2:
        return bernoulli_keep_masks(n_features, keep_probability=0.2, draws=int(rng.integers(2, 20)), rng=rng)
    quantization = int(rng.integers(2, 17))
    return quantized_keep_masks(
        n_features,
        keep=int(rng.integers(1, max(2, quantization // 2))),
        quantization=quantization,
        rng=rng,
        balanced=bool(rng.random() < 0.5),
    )


def ballots_for(classes: list[int], n_classes: int) -> Ballots:
    said = np.array(classes, dtype=np.intp)
    return Ballots(np.eye(n_classes)[said], said, np.zeros(len(said), dtype=np.bool_))
