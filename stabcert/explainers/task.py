"""What a method is given."""

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
    """By sigma: noise and what the model said to it, shared by the methods of one call."""


def model_of(task: Task, method: str) -> ModelPredictor:
    """The predictor as a model, which has gradients and takes weights between dropped and kept.

    Raises:
        ParameterError: it is a plain function of masks.
    """
    from stabcert.models.base import ModelPredictor

    if not isinstance(task.predictor, ModelPredictor):
        raise ParameterError(
            f"{method} needs gradients, so a model; "
            "for a plain function use lime, shap, kernelshap, occlusion or random"
        )
    return task.predictor
