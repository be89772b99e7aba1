"""SmoothGrad and continuous LIME: gradients, and slopes, over Gaussian noise on the weights of the features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import Attribution, Scores
from stabcert.errors import ModelError, ParameterError
from stabcert.explainers.gaussian_draws import GaussianDraws
from stabcert.explainers.statements import lipschitz_bound
from stabcert.explainers.task import Task, model_of

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor

# SmoothGrad's paper recommends 10 to 20% of the range of the input; from dropped to kept a weight goes over 1.
_SIGMA = 0.15
_GRADIENTS = 50
_SLOPE_SAMPLES = 1000


def smoothgrad(task: Task) -> Attribution:
    """Return SmoothGrad scores (Smilkov et al. 2017): the class probability's mean gradient over Gaussian noise.

    The noise N(0, sigma**2 I) and the gradient are on the weights of the features (1 = kept, 0 =
    dropped; weights beyond 1 or below 0 extrapolate), so scores are in units of probability for a whole
    feature. ``n_samples`` (default 50) gradients; the standard errors are ``sd / sqrt(n_samples)``.
    """
    model = model_of(task, "smoothgrad")
    n_samples = task.count("n_samples") or _GRADIENTS
    draws = _draws(task, model)
    gradients = draws.gradients(n_samples)
    errors = gradients.std(axis=0, ddof=1) / np.sqrt(n_samples) if n_samples > 1 else None
    settings = _settings(task, model, n_samples)
    return Attribution(gradients.mean(axis=0), task.target, "smoothgrad", settings, errors)


def clime(task: Task) -> Attribution:
    """Return Continuous LIME scores (Agarwal et al. 2021): least squares slopes, with intercept, over Gaussian noise.

    The noise is that of `smoothgrad` (the same draws for the same seed and sigma), and in
    expectation so are the scores, ``Sigma^-1 cov(z, p(1 + z))``, if the probability is
    differentiable. ``n_samples`` defaults to 1000, or twice the number of unknowns if that is more. The standard
    errors are robust to unequal variances (HC1).

    Raises:
        ParameterError: no more samples than unknowns.
    """
    model = model_of(task, "clime")
    unknowns = model.n_features + 1
    n_samples = task.count("n_samples") or max(_SLOPE_SAMPLES, 2 * unknowns)
    if n_samples <= unknowns:
        raise ParameterError(
            f"{n_samples} samples are too few for clime to fit {model.n_features} slopes and an intercept. "
            f"Use n_samples={2 * unknowns} or more"
        )
    draws = _draws(task, model)
    values = draws.values(n_samples)
    if not np.isfinite(values).all():
        raise ModelError("the model returned numbers that are not finite (NaN or infinity) under noise")
    scores, errors = least_squares(draws.noise(n_samples), values)
    return Attribution(scores, task.target, "clime", _settings(task, model, n_samples), errors)


def least_squares(noise: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[Scores, Scores]:
    """Return slopes of ``values`` on ``(k, n)`` ``noise`` with an intercept, and their HC1 standard errors."""
    count, n = noise.shape
    design = np.column_stack([np.ones(count), noise])
    inverse = np.linalg.pinv(design)
    fit = inverse @ values
    residuals = values - design @ fit
    variances = ((inverse * residuals) ** 2).sum(axis=1) * count / (count - n - 1)
    return fit[1:], np.sqrt(variances[1:])


def _draws(task: Task, model: ModelPredictor) -> GaussianDraws:
    sigma = task.number("sigma") or _SIGMA
    return task.draws.setdefault(sigma, GaussianDraws(model, task.target, task.seed, sigma))


def _settings(task: Task, model: ModelPredictor, n_samples: int) -> dict[str, Any]:
    sigma = task.number("sigma") or _SIGMA
    bound = lipschitz_bound(sigma)
    return {
        "n_samples": n_samples,
        "sigma": sigma,
        "seed": task.seed,
        "output": "probability",
        "space": "weights of the features around 1 (1 = kept, 0 = dropped)",
        "path": model.masked_input.relaxation,
        "lipschitz_bound": bound.value,
        "lipschitz_condition": bound.condition,
    }
