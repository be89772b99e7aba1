"""An attribution from a path to the decision boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stabcert.core.types import Attribution, Scores
from stabcert.errors import ParameterError
from stabcert.explainers.gradient import SPACE
from stabcert.explainers.task import Task, model_of

if TYPE_CHECKING:
    import torch

    from stabcert.models.base import ModelPredictor

_STEPS = 50
_STEP_SIZE = 0.005
_FEW_STEPS = 10
_REFINEMENT = 4
_REFINEMENTS = 8


@dataclass(frozen=True)
class _Path:
    scores: Scores
    step: float
    taken: int
    crossed: bool
    """True if the path ends in another class."""
    lost: float
    """Probability at the start minus at the end."""


def mfaba(task: Task) -> Attribution:
    """Return MFABA scores (Zhu et al. 2024): the loss along an adversarial path from the input to another class.

    The path starts at the input ``x_0`` and goes against the sign of the gradient ``g_j`` of the
    class probability, ``x_{j+1} = x_j - step sign(g_j)``, in the numbers that the network reads
    (pixels, or embeddings of the tokens that belong to features). It ends at the first point of another
    class, or after ``steps`` steps (default 50); ``settings["boundary"]`` records whether another class was
    reached. The scores, summed over each feature, are

        sum_j (x_j - x_{j+1}) (g_j + g_{j+1}) / 2,

    the paper's second-order form: they sum to p(x_0) - p(end of the path) up to second order in the step.

    The step is 0.005 times the root mean square of the input. Where the boundary is nearer than 10
    steps, so that the sum would be coarse, the path is walked again with a quarter of the step (up to
    8 times, and as long as ``steps`` allows for it); ``settings["step"]`` is the one that was used.

    Raises:
        ParameterError: the class to explain is not the predicted one, so the path cannot reach a boundary. Or a
            number is to stay within a tolerance.
    """
    model = model_of(task, "mfaba")
    if model.question is not None and model.question.kind == "within":
        raise ParameterError(
            "mfaba is not possible with a tolerance, because the distance from the reference has no gradient at the "
            "reference. Use another method"
        )
    import torch

    steps = task.count("steps") or _STEPS
    point = model.masked_input.point
    # The gradient of per_feature is 1 where a number belongs to a feature, otherwise 0.
    leaf = torch.zeros_like(point, requires_grad=True)
    (movable,) = torch.autograd.grad(model.masked_input.per_feature(leaf).sum(), leaf)
    step = _STEP_SIZE * float((point.double().square() * movable).sum() / movable.sum()) ** 0.5
    path = _walk(model, task.target, movable, step, steps)
    for _ in range(_REFINEMENTS):
        if not path.crossed or path.taken >= _FEW_STEPS or _REFINEMENT * (path.taken + 1) > steps:
            break
        finer = _walk(model, task.target, movable, path.step / _REFINEMENT, steps)
        if not finer.crossed:
            break
        path = finer
    settings = {
        "steps": path.taken,
        "max_steps": steps,
        "step": path.step,
        "boundary": path.crossed,
        "probability_lost": path.lost,
        "output": "probability",
        "space": SPACE,
    }
    return Attribution(path.scores, task.target, "mfaba", settings)


def _walk(model: ModelPredictor, target: int, movable: torch.Tensor, step: float, steps: int) -> _Path:
    from stabcert.explainers.differentiation import point_gradient, to_numpy

    point = model.masked_input.point
    logits, start, gradient = point_gradient(model, point, target)
    predicted = int(logits.argmax())
    if predicted != target:
        raise ParameterError(
            f"mfaba follows the predicted class, {predicted}, to its boundary, and class {target} is not predicted. "
            "Leave the class out, or use another method"
        )
    scores, end, taken = np.zeros(model.n_features), start, 0
    while taken < steps and predicted == target:
        direction = gradient.sign() * movable
        if not direction.any():
            break
        moved = point - step * direction.to(point.dtype)
        logits, end, ahead = point_gradient(model, moved, target)
        lost = (point - moved).to(gradient.dtype) * (gradient + ahead) / 2
        scores += to_numpy(model.masked_input.per_feature(lost))[0]
        point, gradient, predicted = moved, ahead, int(logits.argmax())
        taken += 1
    return _Path(scores, step, taken, predicted != target, start - end)
