"""The arguments of an attribution method."""

from __future__ import annotations

from collections.abc import Mapping
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
    options: Mapping[str, int | float] = field(default_factory=dict)
    """The given options of methods, by name."""
    draws: dict[float, GaussianDraws] = field(default_factory=dict)
    """Noise and the model's outputs for it, by sigma, shared by the methods of one call."""

    def count(self, name: str) -> int | None:
        """Return a given option that is a count, or None for the method's own default."""
        value = self.options.get(name)
        return None if value is None else int(value)

    def number(self, name: str) -> float | None:
        """Return a given option that is a number, or None for the method's own default."""
        return self.options.get(name)


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
