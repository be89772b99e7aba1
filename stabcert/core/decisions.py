"""Decisions from probabilities: the predicted class, and whether it can be relied on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import MaskedPredictor, Masks, Probs
from stabcert.errors import ModelError


@dataclass(frozen=True)
class Decisions:
    """The predicted class of each mask."""

    classes: NDArray[np.intp]
    """``(k,)``: the class of largest probability, among equals the lowest index."""
    near_tie: NDArray[np.bool_]
    """``(k,)``: True where the two best classes are closer than the arithmetic can distinguish."""


def decide(predictor: MaskedPredictor, masks: Masks) -> Decisions:
    """Evaluate ``predictor`` on ``(k, n_features)`` masks and return the class of largest probability for each.

    Raises:
        ModelError: the predictor broke its contract; see `predict`.
    """
    own = getattr(predictor, "decide", None)
    if own is not None:
        decisions: Decisions = own(_read_only(masks))
        return decisions
    return decide_from(predictor, predict(predictor, masks))


def decide_from(predictor: MaskedPredictor, probs: Probs) -> Decisions:
    """Return the decisions from probabilities that ``predictor`` returned."""
    tolerance = float(getattr(predictor, "decision_tolerance", 0.0))
    return Decisions(probs.argmax(axis=1), top_two_margin(probs) < tolerance)


def drift_tolerance(predictor: MaskedPredictor) -> float:
    """Return how far the arithmetic may move log-probabilities of ``predictor``, relative to one another."""
    decided = float(getattr(predictor, "decision_tolerance", 0.0))
    return float(getattr(predictor, "drift_tolerance", decided))


def predict(predictor: MaskedPredictor, masks: Masks) -> Probs:
    """Evaluate ``predictor`` and check its output. Only here does its output enter the certificates.

    Raises:
        ModelError: the output has a wrong shape, contains numbers that are not finite, or has rows that are not
            probabilities.
    """
    probs = np.asarray(predictor(_read_only(masks)), dtype=np.float64)
    if probs.ndim != 2 or probs.shape[0] != len(masks) or probs.shape[1] < 2:
        raise ModelError(
            f"the predictor must return an array of shape ({len(masks)}, n_classes) for {len(masks)} masks, "
            f"got shape {probs.shape}. Return one row for each mask, with at least 2 classes"
        )
    if not np.isfinite(probs).all():
        raise ModelError(
            "the predictor must return finite numbers, got NaN or infinity. Check its weights and its input"
        )
    if (probs < 0).any() or (np.abs(probs.sum(axis=1) - 1.0) > 1e-6).any():
        raise ModelError(
            "the predictor must return probabilities (each row non-negative with sum 1), got other numbers. "
            "Apply a softmax to logits first"
        )
    return probs


def _read_only(masks: Masks) -> Masks:
    """Return a view that a predictor cannot write into, because the masks are needed afterwards."""
    view = masks.view()
    view.flags.writeable = False
    return view


def top_two_margin(probs: Probs) -> NDArray[np.float64]:
    """Return the difference of the two largest log-probabilities of each row: the margin in logits."""
    best = np.partition(probs, -2, axis=1)[:, -2:]
    with np.errstate(divide="ignore"):
        margin: NDArray[np.float64] = np.log(best[:, 1]) - np.log(best[:, 0])
    return margin
