"""What the tests of the core share: one way to certify, arbitrary functions, random small cases, golden values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.soft.certify import certify_soft
from stabcert.core.statistics import bounds, means
from stabcert.core.types import Mask, MaskedPredictor, Masks, Probs
from tests.doubles import Table, one_hot
from tests.oracles import Row

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "golden.json").read_text(encoding="utf-8"))
"""Numbers that were computed once, by other means than the code under test."""

FALSE_ALARM = 1e-9
"""Chance that a statistical test fails although the code is right; the seeds are fixed besides."""


FORMULATIONS = ["up-to", "exactly", "worst"]


MASK_196 = np.arange(196) < 49


def certify(predictor: MaskedPredictor, mask: Any, *, seed: int = 0, **arguments: Any) -> SoftCertificate:
    """Of the rates alone: what the full and the empty input have to do with it is in test_mask_flags.py."""
    return certify_soft(predictor, mask, rng=np.random.default_rng(seed), **({"judge_mask": False} | arguments))


@st.composite
def small_cases(draw: st.DrawFn) -> tuple[Table, np.ndarray, str]:
    """Any function of up to 6 features to 3 classes, often with equal best classes; a mask; a formulation."""
    n_features = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = rng.integers(1, 4, size=(2**n_features, 3)).astype(float)
    weights[rng.random(2**n_features) < draw(st.sampled_from([0.0, 0.7])), 1] = 5.0
    mask = np.array(draw(st.lists(st.booleans(), min_size=n_features, max_size=n_features)))
    return Table(weights / weights.sum(axis=1, keepdims=True)), mask, draw(st.sampled_from(FORMULATIONS))


def arbitrary_function(n_features: int, share: float, seed: int = 0) -> MaskedPredictor:
    """Class 1 on a pseudo-random ``share`` of all masks: no structure that a test could be blind to."""
    weights = np.random.default_rng(seed).integers(1, 2**31, size=n_features)

    class Arbitrary:
        def __init__(self) -> None:
            self.n_features = n_features

        def __call__(self, masks: Masks, /) -> Probs:
            mixed = (masks @ weights * 2654435761) % 2**32 % 1_000_003
            return one_hot(mixed >= share * 1_000_003)

    return Arbitrary()


SOME_MASK = np.arange(36) % 4 == 0


class Rebatched:
    """Evaluates the same function in other batches and in another order."""

    def __init__(self, base: MaskedPredictor, size: int) -> None:
        self.base, self.size, self.n_features = base, size, base.n_features

    def __call__(self, masks: Masks, /) -> Probs:
        order = np.arange(len(masks))[::-1]
        parts = [self.base(masks[order[i : i + self.size]]) for i in range(0, len(masks), self.size)]
        return np.concatenate(parts)[::-1]


def mask_with_free(n_free: int, n_kept: int = 3) -> Mask:
    """A mask whose free and kept positions alternate for as long as possible."""
    mask = np.zeros(n_free + n_kept, dtype=bool)
    mask[1 : 2 * n_kept : 2] = True
    assert mask.sum() == n_kept
    return mask


def rows(masks: np.ndarray) -> list[Row]:
    return [tuple(bool(value) for value in row) for row in masks]


def clopper_pearson_interval(matches: int, samples: int, delta: float) -> tuple[float, float]:
    """Two-sided: both one-sided bounds at delta / 2."""
    lower = bounds.clopper_pearson_lower(matches, samples, delta / 2)
    return lower, bounds.clopper_pearson_upper(matches, samples, delta / 2)


def difference_interval(differences: ArrayLike, delta: float) -> tuple[float, float]:
    """Two-sided: both one-sided bounds at delta / 2."""
    return means.difference_lower(differences, delta / 2), means.difference_upper(differences, delta / 2)
