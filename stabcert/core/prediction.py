"""The class that a model predicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Prediction:
    """The most probable class."""

    id: int
    label: str
    probability: float
    output: float | None = None
    """The number that the class is decided by, if the classes are the answers to a question about one output of a
    model: the probability of a label, or a number. None for other models, and for votes of a smoothed model."""

    @classmethod
    def of(cls, probs: NDArray[np.float64], class_names: tuple[str, ...], *, output: float | None = None) -> Prediction:
        """Return the class of one row of probabilities; of equal ones the first."""
        best = int(probs.argmax())
        return cls(best, class_names[best], float(probs[best]), output)
