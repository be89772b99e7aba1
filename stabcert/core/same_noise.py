"""The simplest keep probability among those that give the same frozen noise masks.

Frozen noise masks keep a feature where a frozen number is below lambda. So lambdas between two neighbouring numbers,
such as 0.7 and 0.7000001, give one and the same smoothed predictor. Draws that are derived from the lambda as it was
written would be different for each of them: a second chance for the same statement about the same function.
"""

from __future__ import annotations

import math
from fractions import Fraction

from stabcert.core.streams import SMOOTHING_STREAM, noise_generator

USUAL = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 64, 100)
"""Denominators of lambdas as people write them, simplest first."""


def simplest_keep_probability(keep_probability: float, n_features: int, *, draws: int, seed: int) -> Fraction:
    """Return the simplest fraction that gives the same noise masks as a keep probability.

    The noise masks are those of `stabcert.core.choice.frozen_smoothing`. Fractions with denominators in which people
    write shares (`USUAL`) are simpler than others. So the result for 3/4 or 0.95 is this fraction itself, unless the
    input has so few features that a simpler one gives the same masks. It is 0 where every mask drops every feature,
    and 1 where no mask drops any.

    Args:
        keep_probability: lambda, 0 to 1.
        n_features: features of the input.
        draws: number of noise masks.
        seed: seed of the noise.
    """
    numbers = noise_generator(seed, SMOOTHING_STREAM).random((draws, n_features))
    kept = numbers < keep_probability
    if not kept.any():
        return Fraction(0)
    if kept.all():
        return Fraction(1)
    return simplest_above(Fraction(float(numbers[kept].max())), Fraction(float(numbers[~kept].min())))


def simplest_above(low: Fraction, high: Fraction) -> Fraction:
    """Return the simplest fraction above ``low`` and at most ``high``; the smallest of several.

    It has the first denominator in `USUAL` that is possible, otherwise the smallest one.
    """
    for denominator in USUAL:
        found = Fraction(math.floor(low * denominator) + 1, denominator)
        if found <= high:
            return found
    return _simplest(low, high, low_belongs=False, high_belongs=True)


def _simplest(low: Fraction, high: Fraction | None, *, low_belongs: bool, high_belongs: bool) -> Fraction:
    """Return the simplest fraction between two, by continued fractions; None is infinite."""
    whole = math.ceil(low) if low_belongs else math.floor(low) + 1
    if high is None or whole < high or (high_belongs and whole == high):
        return Fraction(whole)
    base = math.floor(low)
    # Every fraction between them is base + 1/y, and y is between these two.
    above = None if low == base else 1 / (low - base)
    return base + 1 / _simplest(1 / (high - base), above, low_belongs=high_belongs, high_belongs=low_belongs)
