"""The arguments of an attribution method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stabcert.core.types import MaskedPredictor
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.explainers.gaussian_draws import GaussianDraws
    from stabcert.models.base import ModelPredictor


@dataclass(frozen=True)
class Task:
    """One class of one input to explain, and how much effort to spend; None is the method's own default."""

    predictor: MaskedPredictor
    target: int
    seed: int
    n_samples: int | None = None
    steps: int | None = None
    sigma: float | None = None
    draws: dict[float, GaussianDraws] = field(default_factory=dict)
    """For each sigma, noise and the model's outputs for it, shared by the methods of one call."""


def model_of(task: Task, method: str) -> ModelPredictor:
    """Return the predictor as a model, which has gradients and accepts weights between dropped and kept.

    Raises:
        ParameterError: the predictor is a plain function of masks.
    """
    from stabcert.models.base import ModelPredictor

    if not isinstance(task.predictor, ModelPredictor):
        raise ParameterError(
            f"{method} needs gradients, which a plain function does not have. "
            "Use a model, or one of lime, shap, kernelshap, occlusion and random"
        )
    return task.predictor
