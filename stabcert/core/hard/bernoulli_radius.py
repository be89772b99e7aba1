"""Radii from a lead under independent noise: closed forms, in exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from stabcert.core.statistics.bounds import clopper_pearson_lower

_ROUNDING = Fraction(1, 10**12)


def gap_lower(matches: int, draws: int, delta: float) -> Fraction:
    """Return a lower bound on the lead of a class over every other one, from independent votes; -1 to 1.

    With probability at least 1 - ``delta`` the true lead p_A - max p_k is at least this bound, if the class was chosen
    independently of the votes. This follows from p_k <= 1 - p_A and the one-sided Clopper-Pearson bound of p_A.
    """
    # Below the bound by more than its arithmetic error, and exact from here on.
    share = Fraction(clopper_pearson_lower(matches, draws, delta)) - _ROUNDING
    return max(Fraction(-1), 2 * share - 1)


def incremental_radius(gap: Fraction, keep_probability: Fraction, at_most: int) -> int:
    """Return the largest r up to ``at_most`` with ``(1 - lambda)^r (1 + gap) > 1``, in exact arithmetic.

    The radius is 0 without a lead.

    Guaranteed: if one class leads by ``gap`` in M_lambda on a mask, then it leads on every mask with up to r more
    features. A noise mask drops r added features with probability (1 - lambda)^r, independently of the other
    features, and then gives the same input as before. Otherwise the lead is at worst -1. Some predictor attains this.
    """
    if gap <= 0:
        return 0
    return _largest(lambda untouched: untouched * (1 + gap) > 1, 1 - keep_probability, at_most)


def decremental_radius(gap: Fraction, keep_probability: Fraction, at_most: int) -> int:
    """Return the largest r up to ``at_most`` with ``(1 - lambda)^r > 1 - gap``, in exact arithmetic.

    The radius is 0 without a lead.

    Guaranteed: if one class leads by ``gap`` in M_lambda on a mask, then it leads on every mask with up to r
    features fewer. The lead is a mean of the lead on the smaller mask and, with weight 1 - (1 - lambda)^r, of
    a number that is at most 1.
    """
    if gap <= 0:
        return 0
    return _largest(lambda untouched: untouched > 1 - gap, 1 - keep_probability, at_most)


def _largest(holds: Callable[[Fraction], bool], base: Fraction, at_most: int) -> int:
    """Return the largest r with ``holds(base ** r)``, which is true at 0 and false from some r on."""
    true, false = 0, 1
    while false <= at_most and holds(base**false):
        true, false = false, 2 * false
    false = min(false, at_most + 1)
    while false - true > 1:
        middle = (true + false) // 2
        true, false = (middle, false) if holds(base**middle) else (true, middle)
    return true
