"""Finite-sample intervals of means of bounded numbers, as quantities of a spectrum."""

from __future__ import annotations

import math

import numpy as np

from stabcert.core.spectrum.result import Quantity
from stabcert.core.spectrum.target import TargetFunction
from stabcert.core.statistics.means import mean_interval
from stabcert.core.types import Scores


def mean_quantity(
    values: Scores,
    *,
    low: float,
    high: float,
    possible: tuple[float, float],
    delta: float,
    samples_each: int = 1,
) -> Quantity:
    """Return the mean of independent numbers in ``[low, high]`` as an estimate of a quantity in ``possible``.

    With probability at least 1 - ``delta`` the interval contains the mean of their law (`mean_interval`).

    Args:
        low, high: range of the numbers.
        possible: range of the estimated quantity.
        samples_each: number of samples that each number takes, for `Quantity.needed_evaluations`.
    """
    lower, upper = possible
    narrow = _interval(values, low, high, delta)
    # An interval outside the possible range is an event of probability at most delta, and is not informative.
    if narrow[0] <= upper and narrow[1] >= lower:
        lower, upper = max(lower, narrow[0]), min(upper, narrow[1])
    return _quantity(float(values.mean()), lower, upper, possible, len(values) * samples_each)


def square_quantity(values: Scores, function: TargetFunction, delta: float) -> Quantity:
    """Return the square of the mean of values of ``function``: the weight of degree 0."""
    samples = len(values)
    # Products of a value with itself are left out, because they would bias the estimate upwards.
    estimate = float((values.sum() ** 2 - (values**2).sum()) / (samples * (samples - 1)))
    lower, upper = _interval(values, function.low, function.high, delta)
    squares = sorted((lower**2, upper**2))
    return _quantity(estimate, 0.0 if lower < 0 < upper else squares[0], squares[1], (0.0, 1.0), samples)


def _interval(values: Scores, low: float, high: float, delta: float) -> tuple[float, float]:
    """Return `mean_interval` for numbers in ``[low, high]``, which products may leave by a rounding error."""
    lower, upper = mean_interval(np.clip((values - low) / (high - low), 0.0, 1.0), delta)
    return low + (high - low) * lower, low + (high - low) * upper


def _quantity(value: float, lower: float, upper: float, possible: tuple[float, float], samples: int) -> Quantity:
    wide_enough = (possible[1] - possible[0]) / 2
    # Widths shrink at least as fast as one over the root of the number of samples.
    needed = math.ceil(samples * ((upper - lower) / wide_enough) ** 2) if upper - lower > wide_enough else None
    value = min(max(value, lower), upper)
    return Quantity(value, lower, upper, exact=False, meaningful=needed is None, needed_evaluations=needed)
