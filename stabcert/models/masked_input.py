"""What the predictor needs to know about one input in front of one network, whether an image or a text."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Features, Masks


class MaskedInput(Protocol):
    """One fixed input of one network; what `stabcert.models.base.ModelPredictor` needs to know about a modality."""

    @property
    def features(self) -> Features: ...

    @property
    def settings(self) -> dict[str, Any]:
        """JSON-ready: how features are dropped (baseline and what else defines the function)."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how this input is masked."""
        ...

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        """``(k,)``, 1 or more: the work for each row, in tokens; rows of equal cost are evaluated together."""
        ...

    @property
    def pads(self) -> bool:
        """Whether rows of different cost can share a batch, at the cost of the dearest."""
        ...

    def logits(self, masks: Masks) -> torch.Tensor:
        """``(k, n_features)`` bool to ``(k, n_classes)`` logits on the device."""
        ...

    def in_float64(self) -> MaskedInput | None:
        """The same input and weights in float64 arithmetic; None where that is not to be had.

        Cheap: the copy of the weights is made when it is first used.
        """
        ...

    def relaxed_logits(self, weights: torch.Tensor) -> torch.Tensor:
        """``(k, n_features)`` weights to logits, differentiable in the weights.

        Equal to the full input at all ones; what it is elsewhere is said in `relaxation`. Weights
        outside [0, 1] extrapolate.
        """
        ...

    @property
    def relaxation(self) -> str: ...

    @property
    def point(self) -> torch.Tensor:
        """``(1, ...)``: what the network reads for the full input, as numbers: pixels or embeddings."""
        ...

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        """``(k, ...)`` points like `point` to logits, differentiable in the points."""
        ...

    def per_feature(self, values: torch.Tensor) -> torch.Tensor:
        """``(k, ...)`` values, one for each number of `point`, summed over each feature: ``(k, n_features)``.

        Numbers that belong to no feature (embeddings of special tokens) are left out.
        """
        ...
