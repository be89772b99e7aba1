"""Agreement of two attributions of one input, and movement of an attribution when the input moves: numbers only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.masks import top_k_mask
from stabcert.core.prediction import Prediction
from stabcert.core.types import Attribution, Mask, Scores
from stabcert.errors import InputError, ParameterError


@dataclass(frozen=True)
class Agreement:
    """Agreement of two rows of scores, symmetric in the two; returned by `compare`."""

    l1: float
    """Sum of the absolute differences of the scores as they are, as in Agarwal et al. 2021.

    It is meaningful only for scores in one unit. The other fields do not depend on the unit.
    """
    cosine: float | None
    """Cosine of the angle between the scores, -1 to 1; None if either has only zeros."""
    spearman: float | None
    """Correlation of the ranks, -1 to 1, equal scores sharing their mean rank; None if either is constant."""
    top_k_overlap: float
    """Share of the k best features that are among the k best of both rows, 0 to 1."""


@dataclass(frozen=True)
class Movement:
    """Distance of the scores of an input's neighbours from the scores of the input; returned by `movement`."""

    l1_mean: float
    l1_max: float
    top_k_overlap_mean: float
    top_k_overlap_min: float


@dataclass(frozen=True)
class Compared:
    """One of several attributions of an input, with the mask of its best features."""

    attribution: Attribution
    mask: Mask
    masked: Prediction
    consistent: bool
    """The mask alone gives the prediction of the full input."""


@dataclass(frozen=True)
class Neighbourhood:
    """Movement of the attribution of one method between an input and its Gaussian neighbours."""

    method: str
    neighbours: int
    sigma: float
    movement: Movement
    same_prediction: int
    """Neighbours with the prediction of the input."""


def compare(first: ArrayLike, second: ArrayLike, k: int) -> Agreement:
    """Compare two attributions of the same features.

    Args:
        first, second: ``(n_features,)`` finite scores, larger = more important.
        k: features in the masks that are compared, 1 to ``n_features``; ties as in `top_k_mask`.

    Raises:
        InputError: the scores are not two rows of finite numbers of one length.
        ParameterError: ``k`` is out of range.
    """
    a, b = _as_scores(first), _as_scores(second)
    if a.shape != b.shape:
        raise InputError(
            f"first and second must have one score for each of the same features, got {len(a)} and {len(b)} scores. "
            "Attribute the same features twice"
        )
    if not 1 <= k <= len(a):
        raise ParameterError(f"k must be from 1 to the number of features, got {k}. Use 1 to {len(a)}")
    both = top_k_mask(a, k) & top_k_mask(b, k)
    return Agreement(
        l1=float(np.abs(a - b).sum()),
        cosine=_cosine(a, b),
        spearman=_spearman(a, b),
        top_k_overlap=int(both.sum()) / k,
    )


def movement(scores: ArrayLike, neighbours: Sequence[ArrayLike], k: int) -> Movement:
    """Summarise how far the scores of several neighbours are from the scores of the input itself.

    Args:
        scores: ``(n_features,)`` scores of the input.
        neighbours: ``(n_features,)`` scores of each neighbour, at least one.
        k: features in the masks that are compared.

    Raises:
        InputError: as in `compare`.
        ParameterError: as in `compare`, or ``neighbours`` is empty.
    """
    if not neighbours:
        raise ParameterError("neighbours must contain at least one row of scores, got 0. Give 1 or more")
    found = [compare(scores, other, k) for other in neighbours]
    distances, overlaps = [one.l1 for one in found], [one.top_k_overlap for one in found]
    return Movement(
        l1_mean=float(np.mean(distances)),
        l1_max=max(distances),
        top_k_overlap_mean=float(np.mean(overlaps)),
        top_k_overlap_min=min(overlaps),
    )


def _as_scores(values: ArrayLike) -> Scores:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise InputError(
            f"scores must be one row of finite numbers, got an array of shape {scores.shape}. "
            "Give one finite number for each feature"
        )
    return scores


def _cosine(a: Scores, b: Scores) -> float | None:
    largest = float(np.abs(a).max()), float(np.abs(b).max())
    if 0.0 in largest:
        return None
    # Scaled first: squares of very small or large scores would leave the range of floats.
    return _normalised_product(a / largest[0], b / largest[1])


def _spearman(a: Scores, b: Scores) -> float | None:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    from scipy.stats import rankdata  # half a second to import

    ranks = rankdata(np.stack([a, b]), axis=1)
    first, second = ranks - ranks.mean(axis=1, keepdims=True)
    return _normalised_product(first, second)


def _normalised_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return min(1.0, max(-1.0, float(a @ b / np.sqrt((a @ a) * (b @ b)))))
