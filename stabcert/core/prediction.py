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

    @classmethod
    def of(cls, probs: NDArray[np.float64], class_names: tuple[str, ...]) -> Prediction:
        """Return the class of one row of probabilities; of equal ones the first."""
        best = int(probs.argmax())
        return cls(best, class_names[best], float(probs[best]))
