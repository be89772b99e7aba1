"""Attributions from gradients at the full input, or on the straight way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stabcert.core.types import Attribution
from stabcert.explainers.task import Task, model_of

if TYPE_CHECKING:
    import torch

_STEPS = 50
SPACE = "what the network reads: normalised pixels, or embeddings of tokens"


def integrated_gradients(task: Task) -> Attribution:
    """Return integrated gradients (Sundararajan et al. 2017) of the class probability along the relaxed mask.

    The path goes from the empty mask to the full one. For images the result equals integrated
    gradients of the pixels from the baseline, summed over each feature (chain rule). The scores sum
    to p(full) - p(start of the path), up to the error of the quadrature with ``steps`` nodes
    (default 50).
    """
    model = model_of(task, "intgrad")
    from captum.attr import IntegratedGradients

    from stabcert.explainers.differentiation import as_weights, gradient, halving, probability, to_numpy

    steps = task.count("steps") or _STEPS
    ones = as_weights(model, np.ones((1, model.n_features)))
    method = IntegratedGradients(lambda weights: probability(model.relaxed(weights), task.target))

    def gradients(forward_fn: Any, inputs: Any, **_: Any) -> tuple[torch.Tensor]:
        return (gradient(forward_fn(*inputs), inputs[0]),)

    method.gradient_func = gradients

    def compute(batch_size: int) -> torch.Tensor:
        scores: torch.Tensor = method.attribute(ones, baselines=0 * ones, n_steps=steps, internal_batch_size=batch_size)
        return scores

    settings = {"steps": steps, "output": "probability", "path": model.masked_input.relaxation}
    return Attribution(to_numpy(halving(model, compute))[0], task.target, "intgrad", settings)


def saliency(task: Task) -> Attribution:
    """Return the absolute gradient of the class probability (Simonyan et al. 2014), summed over each feature.

    The gradient is with respect to the numbers that the network reads: pixels of all channels, or
    all components of the embeddings of a feature's tokens. One evaluation. The scores have no sign.
    """
    model = model_of(task, "saliency")
    from stabcert.explainers.differentiation import point_gradient, to_numpy

    _, _, gradient = point_gradient(model, model.masked_input.point, task.target)
    scores = to_numpy(model.masked_input.per_feature(gradient.abs()))[0]
    return Attribution(scores, task.target, "saliency", {"output": "probability", "space": SPACE})


def input_times_gradient(task: Task) -> Attribution:
    """Return gradient x (input - baseline) of the class probability, summed over each feature. One evaluation.

    By the chain rule this is the derivative by the feature's weight in the relaxed mask, at the full
    input, which is how it is computed.
    """
    model = model_of(task, "inputxgrad")
    from stabcert.explainers.differentiation import weight_gradients

    _, gradients = weight_gradients(model, np.ones((1, model.n_features)), task.target)
    settings = {"output": "probability", "path": model.masked_input.relaxation}
    return Attribution(gradients[0], task.target, "inputxgrad", settings)
