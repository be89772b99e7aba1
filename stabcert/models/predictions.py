"""Predictions as people read them: the class, its probability, and the output that it is decided by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stabcert.core.decisions import predict
from stabcert.core.prediction import Prediction
from stabcert.core.types import MaskedPredictor, Masks, Probs

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor


def predictions_alone(predictor: ModelPredictor, masks: Masks) -> tuple[list[Prediction], Probs]:
    """Return the prediction of the unsmoothed model for each mask, evaluated alone, and the probabilities."""
    probs = predictor.alone(masks)
    return _said(probs, predictor.outputs(masks), predictor.class_names), probs


def predictions_by(function: MaskedPredictor, masks: Masks, class_names: tuple[str, ...]) -> list[Prediction]:
    """Return the predictions of a function for each mask; with outputs for an unsmoothed model with a question."""
    own: Callable[[Masks], NDArray[np.float64] | None] | None = getattr(function, "outputs", None)
    return _said(predict(function, masks), None if own is None else own(masks), class_names)


def _said(probs: Probs, outputs: NDArray[np.float64] | None, class_names: tuple[str, ...]) -> list[Prediction]:
    values: Sequence[float | None] = [None] * len(probs) if outputs is None else [float(value) for value in outputs]
    return [Prediction.of(row, class_names, output=value) for row, value in zip(probs, values, strict=True)]
