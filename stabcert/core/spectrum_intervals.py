"""Finite-sample intervals of means of bounded numbers, as quantities of a spectrum."""

from __future__ import annotations

import math

from stabcert.core.spectrum_result import Quantity
from stabcert.core.spectrum_target import TargetFunction
from stabcert.core.types import Scores


def mean_interval(values: Scores, *, low: float, high: float, delta: float) -> tuple[float, float]:
    """Interval that contains the mean of independent numbers in ``[low, high]`` with probability 1 - ``delta`` or more.

    What Hoeffding's inequality (best for numbers that vary much) and the empirical Bernstein inequality of
    Maurer and Pontil (2009, Theorem 4; best for numbers that hardly vary) both allow, at delta / 2 each.

    Args:
        values: ``(N,)``, N at least 2.
    """
    samples, mean = len(values), float(values.mean())
    hoeffding = (high - low) * math.sqrt(math.log(4 / delta) / (2 * samples))
    log_term = math.log(8 / delta)
    bernstein = math.sqrt(2 * float(values.var(ddof=1)) * log_term / samples)
    bernstein += 7 * (high - low) * log_term / (3 * (samples - 1))
    half_width = min(hoeffding, bernstein)
    return max(low, mean - half_width), min(high, mean + half_width)


def mean_quantity(
    values: Scores,
    *,
    low: float,
    high: float,
    possible: tuple[float, float],
    delta: float,
    samples_each: int = 1,
) -> Quantity:
    """The mean of independent numbers in ``[low, high]``, as an estimate of something in the range ``possible``.

    Args:
        samples_each: samples that one of the numbers takes, for `Quantity.needed_evaluations`.
    """
    lower, upper = possible
    if len(values) > 1:
        narrow = mean_interval(values, low=low, high=high, delta=delta)
        # An interval outside of what is possible is an event of probability at most delta, and says nothing.
        if narrow[0] <= upper and narrow[1] >= lower:
            lower, upper = max(lower, narrow[0]), min(upper, narrow[1])
    return _quantity(float(values.mean()), lower, upper, possible, len(values) * samples_each)


def square_quantity(values: Scores, function: TargetFunction, delta: float) -> Quantity:
    """The square of the mean of values of ``function``: the weight of degree 0."""
    samples = len(values)
    # Without the products of a value with itself, which would bias it upwards.
    estimate = float((values.sum() ** 2 - (values**2).sum()) / (samples * (samples - 1)))
    lower, upper = mean_interval(values, low=function.low, high=function.high, delta=delta)
    squares = sorted((lower**2, upper**2))
    return _quantity(estimate, 0.0 if lower < 0 < upper else squares[0], squares[1], (0.0, 1.0), samples)


def _quantity(value: float, lower: float, upper: float, possible: tuple[float, float], samples: int) -> Quantity:
    wide_enough = (possible[1] - possible[0]) / 2
    # Widths shrink at least like one over the root of the number of samples.
    needed = math.ceil(samples * ((upper - lower) / wide_enough) ** 2) if upper - lower > wide_enough else None
    value = min(max(value, lower), upper)
    return Quantity(value, lower, upper, exact=False, meaningful=needed is None, needed_evaluations=needed)
