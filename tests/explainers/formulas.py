"""A network that is a formula, as a masked input whose probabilities, gradients and boundary are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from stabcert.core.types import Feature, Features, Masks
from stabcert.models.base import ModelPredictor

CPU = torch.device("cpu")
Function = Callable[[torch.Tensor], torch.Tensor]


class Formula:
    """Class 1 has probability ``formula(x)`` of an input x in float64; a dropped feature is 0.

    Args:
        formula: ``(k, n_features + n_special)`` inputs to ``(k,)`` probabilities strictly between 0 and 1.
        values: the input, one number a feature and then those that belong to no feature.
        n_special: how many of the last values belong to no feature.
        fits: rows that fit into memory.
    """

    relaxation = "weight * value"

    def __init__(self, formula: Function, values: ArrayLike, *, n_special: int = 0, fits: int = 10**9) -> None:
        self.formula, self.fits = formula, fits
        self.values = torch.tensor(np.asarray(values, dtype=np.float64))[None]
        self.n = self.values.shape[1] - n_special
        self.batches: list[int] = []
        self.seen: list[torch.Tensor] = []

    @property
    def features(self) -> Features:
        return Features("grid", tuple(Feature(str(i)) for i in range(self.n)), (self.n,))

    @property
    def settings(self) -> dict[str, Any]:
        return {"features": "grid", "baseline": "zero"}

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        return np.ones(len(masks), dtype=np.int64)

    def logits(self, masks: Masks) -> torch.Tensor:
        return self.relaxed_logits(torch.tensor(masks, dtype=torch.float64))

    def relaxed_logits(self, weights: torch.Tensor) -> torch.Tensor:
        special = self.values[:, self.n :].expand(len(weights), -1)
        return self.logits_at(torch.cat([weights * self.values[:, : self.n], special], dim=1))

    @property
    def point(self) -> torch.Tensor:
        return self.values.clone()

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(points))
        self.seen.append(points.detach().clone())
        if len(points) > self.fits:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        probability = self.formula(points)
        return torch.stack([1 - probability, probability], dim=1).log()

    def per_feature(self, values: torch.Tensor) -> torch.Tensor:
        return values[:, : self.n]


def model(masked_input: Any, *, n_classes: int = 2, batch_size: Any = "auto", dtype: Any = torch.float64) -> Any:
    """The predictor of a masked input; float64 unless said otherwise."""
    names = tuple(f"class {i}" for i in range(n_classes))
    return ModelPredictor(masked_input, names, device=CPU, dtype=dtype, batch_size=batch_size)


def linear(coefficients: ArrayLike, *, base: float = 0.5) -> Function:
    """Probability ``base + coefficients . x``."""
    slopes = torch.tensor(np.asarray(coefficients, dtype=np.float64))
    return lambda x: base + x[:, : len(slopes)] @ slopes
