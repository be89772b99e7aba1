"""Single coefficients of low degree for functions of many features: estimated, or exact in the monotone basis."""

from __future__ import annotations

import math

import numpy as np

from stabcert.core.masks import Additions, count_additions
from stabcert.core.spectrum.result import Coefficient, DegreeWeight, Quantity
from stabcert.core.spectrum.settings import SpectrumSettings, exactly, largest_coefficients
from stabcert.core.spectrum.small_sets import moebius, steps_of
from stabcert.core.spectrum.target import TargetFunction
from stabcert.core.types import Masks, Scores
from stabcert.errors import ParameterError

_MAX_DEGREE = 2
_MAX_COEFFICIENTS = 10**6


def low_degree_coefficients(
    masks: Masks, values: Scores, function: TargetFunction, settings: SpectrumSettings
) -> tuple[Coefficient, ...]:
    """Return the largest estimates among all coefficients of degree 1 and 2, with intervals that hold jointly.

    With probability at least 1 - delta every interval contains its coefficient, including those that are not
    listed. So selecting the largest does not invalidate the intervals. Each is Hoeffding's inequality at delta over
    the number of coefficients. Degree 2 is left out if it has more than 10^6 coefficients, or is above the
    requested degree.

    Args:
        masks, values: ``(N, n_features)`` and ``(N,)``, independent; values centred in the range of ``function``.
    """
    n, samples, p, c = settings.n_features, len(masks), settings.probability, function.half_range
    last = _MAX_DEGREE if settings.degree is None else min(_MAX_DEGREE, settings.degree)
    while last and count_additions(n, min(last, n), at_most=_MAX_COEFFICIENTS) > _MAX_COEFFICIENTS:
        last -= 1
    candidates = count_additions(n, min(last, n)) - 1
    if candidates == 0 or settings.top == 0:
        return ()
    basis = (p - masks) / math.sqrt(p * (1 - p))
    single = values @ basis / samples
    found: list[tuple[tuple[int, ...], float]] = [((i,), single[i]) for i in _largest(single, settings.top)]
    if last == 2 and n > 1:
        first, second = np.triu_indices(n, k=1)
        double = (basis.T @ (values[:, None] * basis) / samples)[first, second]
        found += [((int(first[i]), int(second[i])), double[i]) for i in _largest(double, settings.top)]
    largest_factor = max(math.sqrt((1 - p) / p), math.sqrt(p / (1 - p)))
    # Values in [-c, c] times the basis, over a range of 2 c times the largest factor to the degree.
    unit = 2 * c * math.sqrt(math.log(2 * candidates / settings.delta) / (2 * samples))
    return largest_coefficients(
        [
            Coefficient(features, _bounded(float(value), unit * largest_factor ** len(features), c, samples))
            for features, value in found
        ],
        settings.top,
    )


def monotone_parts(
    function: TargetFunction, settings: SpectrumSettings
) -> tuple[tuple[DegreeWeight, ...], tuple[Coefficient, ...]]:
    """Return exact weights and largest coefficients of low degree in the monotone basis, from all small masks.

    A coefficient of degree k depends only on the masks that keep at most k features. Without a requested degree,
    the largest one up to 3 is taken that has at most ``n_samples`` masks, otherwise 1.

    Raises:
        ParameterError: the requested degree takes more than 10^6 evaluations.
    """
    n = settings.n_features
    if settings.degree is None:
        fitting = [k for k in range(2, min(3, n) + 1) if count_additions(n, k) <= settings.n_samples]
        degree = max(fitting, default=1)
    else:
        degree = settings.degree
    if count_additions(n, degree, at_most=_MAX_COEFFICIENTS) > _MAX_COEFFICIENTS:
        raise ParameterError(
            f"degree must be smaller for {n} features, got {degree}. The monotone spectrum up to it takes more than "
            f"{_MAX_COEFFICIENTS} evaluations. Use a smaller one, or the standard basis, which is estimated",
            "degree",
        )
    additions = Additions(np.zeros(n, dtype=np.bool_), degree)
    sets = np.concatenate(list(additions.enumerate()))
    coefficients, sizes = moebius(function.values(sets), steps_of(sets)), sets.sum(axis=1)
    weights = []
    for keep_probability in settings.keep_probabilities:
        for k in range(degree + 1):
            smoothed = coefficients[sizes == k] * keep_probability**k  # Soft stability, Theorem B.7
            weight = exactly((smoothed**2).sum())
            weights.append(DegreeWeight(keep_probability, k, weight, float(np.abs(smoothed).sum())))
    largest = [
        Coefficient(tuple(np.flatnonzero(sets[row]).tolist()), exactly(coefficients[row]))
        for row in _largest(coefficients, settings.top)
    ]
    return tuple(weights), largest_coefficients(largest, settings.top)


def _largest(values: Scores, top: int) -> list[int]:
    order: list[int] = np.argsort(-np.abs(values), kind="stable")[:top].tolist()
    return order


def _bounded(value: float, half_width: float, c: float, samples: int) -> Quantity:
    """Return the estimate with its interval clipped to ``[-c, c]``.

    By Parseval a coefficient of degree 1 or more of a function in ``[-c, c]`` is at most c in absolute value.
    """
    lower, upper = max(-c, value - half_width), min(c, value + half_width)
    if lower > upper:  # the interval is impossible: an event of probability at most delta
        lower, upper = -c, c
    meaningful = upper - lower <= c
    needed = None if meaningful else math.ceil(samples * max(1.0, (2 * half_width / c) ** 2))
    return Quantity(min(max(value, lower), upper), lower, upper, False, meaningful, needed)
