"""True statements about SmoothGrad and C-LIME with Gaussian noise, as numbers with their conditions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stabcert.errors import ParameterError

_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)
_DENSITY_AT_1 = _DENSITY_AT_0 * math.exp(-0.5)


@dataclass(frozen=True)
class Statement:
    """A number that is true under a condition."""

    value: float
    condition: str


def lipschitz_bound(sigma: float) -> Statement:
    """Return how fast the expected scores can change when the centre of the noise N(0, sigma**2 I) moves.

    ``2 phi(1) / sigma**2 = 0.4839414490 / sigma**2``, in units of the Euclidean norm on both sides,
    whatever the model: it is attained by the indicator of ``|z| > 1`` in one direction.
    """
    return Statement(
        2 * _DENSITY_AT_1 / sigma**2,
        "of the expected scores as a function of the centre of the noise, in Euclidean norms. It holds for clime, and "
        "for smoothgrad where the model is differentiable almost everywhere and its gradient integrates to it. It "
        "needs only that the output lies between 0 and 1",
    )


def smoothing_statements(
    sigma: float, *, gradient_bound: float | None = None, epsilon: float | None = None, delta: float | None = None
) -> dict[str, Statement]:
    """Return all statements that hold for the scores of smoothgrad and clime with noise N(0, sigma**2 I).

    Always: ``"lipschitz_bound"`` (see `lipschitz_bound`) and ``"norm_bound"``, ``phi(0) / sigma``, the largest
    Euclidean norm of expected scores. With ``gradient_bound`` G also ``"lipschitz_bound_from_gradient"``,
    ``sqrt(2 / pi) G / sigma``, which is sharp; the often quoted ``G / (2 sigma)`` is false. With G, ``epsilon`` and
    ``delta`` also ``"sample_size"``, ``ceil((G / epsilon)**2 (1 + sqrt(2 ln(1 / delta)))**2)``, in any dimension.

    Args:
        sigma: standard deviation of the noise.
        gradient_bound: an upper bound of the Euclidean norm of the gradient *everywhere*. A bound for a network
            from the norms of its layers is valid and usually useless: look at standard errors instead.
        epsilon: distance from the expected scores, Euclidean.
        delta: probability that the distance is larger.

    Raises:
        ParameterError: a number out of its range, or epsilon or delta without what they need.
    """
    if not (sigma > 0 and math.isfinite(sigma)):
        raise ParameterError(f"sigma must be above 0 and finite, got {sigma}", "sigma")
    statements = {
        "lipschitz_bound": lipschitz_bound(sigma),
        "norm_bound": Statement(
            _DENSITY_AT_0 / sigma,
            "Euclidean norm of the expected scores of clime. It needs only that the output lies between 0 and 1",
        ),
    }
    if gradient_bound is None:
        if epsilon is not None or delta is not None:
            raise ParameterError("a sample size needs a bound of the gradient. Give gradient_bound as well")
        return statements
    if not (gradient_bound > 0 and math.isfinite(gradient_bound)):
        raise ParameterError(f"gradient_bound must be above 0 and finite, got {gradient_bound}")
    everywhere = f"It needs a gradient of Euclidean norm at most {gradient_bound:g} everywhere, not only near the input"
    statements["lipschitz_bound_from_gradient"] = Statement(
        math.sqrt(2 / math.pi) * gradient_bound / sigma,
        f"of the expected scores as a function of the centre of the noise, in Euclidean norms. {everywhere}",
    )
    if epsilon is None and delta is None:
        return statements
    if epsilon is None or delta is None:
        raise ParameterError("a sample size needs both epsilon and delta. Give the missing one")
    if not epsilon > 0 or not 0 < delta < 1:
        raise ParameterError(f"epsilon must be above 0, and delta between 0 and 1, got {epsilon} and {delta}")
    statements["sample_size"] = Statement(
        math.ceil((gradient_bound / epsilon) ** 2 * (1 + math.sqrt(2 * math.log(1 / delta))) ** 2),
        f"samples after which the scores of smoothgrad are within {epsilon:g} (Euclidean norm) of the expected ones "
        f"with probability at least 1 - {delta:g}. {everywhere}",
    )
    return statements
