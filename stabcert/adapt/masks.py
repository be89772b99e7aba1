"""The masks on which a model is trained: the ones that certificates ask it about, and those between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stabcert.adapt.settings import AdaptSettings, MaskKind
from stabcert.core.masks import top_k_mask
from stabcert.core.noise import exact_keep_masks
from stabcert.core.types import Features, Mask, Masks


@dataclass(frozen=True)
class Plan:
    """One mask to draw, as far as it is known before the features are scored."""

    kind: MaskKind
    inside: bool
    """True if smoothing noise falls on an explanation, False if it falls on the full input."""
    explains: bool
    """True if the explanation has the top features of an attribution, False if its features are drawn."""

    @property
    def needs_scores(self) -> bool:
        return self.explains and (self.kind == "attribution" or (self.kind == "smoothing" and self.inside))


def plan_masks(settings: AdaptSettings, rng: Generator) -> list[Plan]:
    """Draw what kinds of masks the copies of one input get; each kind is equally likely."""
    kinds = settings.kinds
    explains = "attribution" in kinds
    return [Plan(kinds[int(rng.integers(len(kinds)))], bool(rng.integers(2)), explains) for _ in range(settings.copies)]


def draw_masks(
    plans: Sequence[Plan],
    features: Features,
    settings: AdaptSettings,
    scores: NDArray[np.float64] | None,
    rng: Generator,
) -> Masks:
    """Return ``(copies, n_features)`` masks that keep one feature or more.

    - ``uniform``: the share of kept features is uniform on (0, 1), and each is kept independently with it.
    - ``blocks``: one rectangle of a grid, or one run of words, is kept, or dropped; its share is uniform.
      Features without neighbours (segments of an image) are drawn like ``uniform``.
    - ``smoothing``: noise of one of ``lambdas`` on the full input, or on an explanation.
    - ``attribution``: the top k features, k uniform.

    Args:
        plans: result of `plan_masks`.
        features: features of the input.
        settings: settings of the adaptation.
        scores: importance of each feature, where a plan needs it.
        rng: source of all randomness.
    """
    masks = np.empty((len(plans), len(features)), dtype=np.bool_)
    for row, plan in enumerate(plans):
        masks[row] = _draw(plan, features, settings, scores, rng)
        if not masks[row].any():
            masks[row, rng.integers(len(features))] = True
    return masks


def draw_kind(features: str, further_features: Sequence[str], rng: Generator | None) -> str:
    """Return the kind of features of one input: in half of the draws one of ``further_features``, where there are any.

    Without a generator it is ``features``.
    """
    if rng is None or not further_features or rng.integers(2):
        return features
    return further_features[int(rng.integers(len(further_features)))]


def exact_share_mask(n_features: int, share: float, rng: Generator) -> Mask:
    """Return a mask of ``share * n_features`` features (rounded, 1 or more), uniformly drawn."""
    mask = np.zeros(n_features, dtype=np.bool_)
    mask[rng.permutation(n_features)[: max(1, round(share * n_features))]] = True
    return mask


def _draw(
    plan: Plan, features: Features, settings: AdaptSettings, scores: NDArray[np.float64] | None, rng: Generator
) -> Mask:
    n = len(features)
    if plan.kind == "attribution":
        return _explanation(n, scores, rng)
    if plan.kind == "smoothing":
        keep = settings.lambdas[int(rng.integers(len(settings.lambdas)))]
        noise = exact_keep_masks(n, keep_probability=keep, draws=1, rng=rng)[0]
        within = _explanation(n, scores, rng) if plan.inside else np.ones(n, dtype=np.bool_)
        smoothed: Mask = noise & within
        return smoothed
    if plan.kind == "blocks" and len(features.shape) == 2:
        return _rectangle(features.shape[0], features.shape[1], rng)
    if plan.kind == "blocks" and features.of_text:
        return _rectangle(1, n, rng)
    kept: Mask = rng.random(n) < rng.random()
    return kept


def _explanation(n: int, scores: NDArray[np.float64] | None, rng: Generator) -> Mask:
    k = int(rng.integers(1, n + 1))
    return top_k_mask(rng.random(n) if scores is None else scores, k)


def _rectangle(rows: int, columns: int, rng: Generator) -> Mask:
    """Return a grid with one rectangle kept, or dropped; its share of the grid is about uniform."""
    share = rng.random()
    shape = 1.0 if rows == 1 else 2.0 ** rng.uniform(-1, 1)  # of height to width
    height = min(rows, max(1, round(math.sqrt(share * shape) * rows))) if rows > 1 else 1
    width = min(columns, max(1, round(share * rows * columns / height)))
    top, left = (int(rng.integers(free + 1)) for free in (rows - height, columns - width))
    inside = np.zeros((rows, columns), dtype=np.bool_)
    inside[top : top + height, left : left + width] = True
    return (inside if rng.integers(2) else ~inside).reshape(-1)
