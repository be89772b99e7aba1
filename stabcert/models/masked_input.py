"""The protocol between the predictor and one input of one network, an image or a text."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Features, Masks


class MaskedInput(Protocol):
    """One fixed input of one network, as `stabcert.models.base.ModelPredictor` needs it."""

    @property
    def features(self) -> Features: ...

    @property
    def settings(self) -> dict[str, Any]:
        """JSON-ready: how features are dropped (baseline and what else defines the function)."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user on how this input is masked."""
        ...

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        """Return the work for each row in tokens, ``(k,)``, 1 or more; rows of equal cost are evaluated jointly."""
        ...

    @property
    def pads(self) -> bool:
        """True if rows of different cost can share a batch, at the cost of the most expensive row."""
        ...

    def logits(self, masks: Masks) -> torch.Tensor:
        """Map ``(k, n_features)`` bool to ``(k, n_classes)`` logits on the device."""
        ...

    def in_float64(self) -> MaskedInput | None:
        """Return the same input and weights in float64 arithmetic; None where that is not available.

        Cheap: the copy of the weights is made when it is first used.
        """
        ...

    def relaxed_logits(self, weights: torch.Tensor) -> torch.Tensor:
        """Map ``(k, n_features)`` weights to logits, differentiable in the weights.

        Equal to the full input at all ones; `relaxation` describes it elsewhere. Weights
        outside [0, 1] extrapolate.
        """
        ...

    @property
    def relaxation(self) -> str: ...

    @property
    def point(self) -> torch.Tensor:
        """The numbers that the network reads for the full input, ``(1, ...)``: pixels or embeddings."""
        ...

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        """Map ``(k, ...)`` points like `point` to logits, differentiable in the points."""
        ...

    def per_feature(self, values: torch.Tensor) -> torch.Tensor:
        """Sum ``(k, ...)`` values, one for each number of `point`, over each feature: ``(k, n_features)``.

        Numbers that belong to no feature (embeddings of special tokens) are left out.
        """
        ...
