"""Attributions from gradients with respect to relaxed masks: weights between 0 (dropped) and 1 (kept)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stabcert.core.types import Attribution, MaskedPredictor
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    import torch

_STEPS = 50
_GRADIENT_BATCH = 16


def integrated_gradients(predictor: MaskedPredictor, target: int, seed: int, steps: int | None) -> Attribution:
    """Integrated gradients (Sundararajan et al. 2017) of the class probability along the relaxed mask.

    The path goes from the empty mask to the full one. For images the result equals integrated
    gradients of the pixels from the baseline, summed over each feature (chain rule). The scores sum
    to p(full) - p(start of the path), up to the error of the quadrature with ``steps`` nodes.
    """
    import torch
    from captum.attr import IntegratedGradients

    from stabcert.models.base import ModelPredictor, is_out_of_memory

    if not isinstance(predictor, ModelPredictor):
        raise ParameterError("intgrad needs gradients, so a model; for a plain function use lime or random")
    steps = steps or _STEPS
    batch = min(predictor.batch_size, _GRADIENT_BATCH)
    ones = torch.ones(1, predictor.n_features, device=predictor.device)

    def probability(weights: torch.Tensor) -> torch.Tensor:
        return torch.softmax(predictor.relaxed(weights).float(), dim=-1)

    while True:
        try:
            scores = IntegratedGradients(probability).attribute(
                ones, baselines=torch.zeros_like(ones), target=target, n_steps=steps, internal_batch_size=batch
            )
            break
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if batch == 1:
                raise predictor.out_of_memory() from error
            batch //= 2
    settings = {"steps": steps, "output": "probability", "path": predictor.masked_input.relaxation}
    return Attribution(scores[0].detach().cpu().double().numpy().astype(np.float64), target, "intgrad", settings)
