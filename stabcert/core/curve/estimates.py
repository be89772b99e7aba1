"""Means over inputs with intervals, and paired differences of two treatments of the same inputs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from stabcert.core.curve.result import Estimate
from stabcert.core.statistics.bounds import clopper_pearson_lower, clopper_pearson_upper
from stabcert.core.statistics.means import difference_lower, difference_upper, mean_lower, mean_upper

Ends = tuple[float, float]
"""Smallest and largest possible value of one input; different where a near tie leaves it open."""


def share_of(flags: Sequence[bool | None], delta: float) -> Estimate:
    """Return the share of True. An open flag, None, counts as False in the lower bound and as True in the upper.

    Guaranteed for independent draws of one population: the Clopper-Pearson interval covers the share of that
    population with probability at least 1 - delta.
    """
    certain, possible = sum(flag is True for flag in flags), sum(flag is not False for flag in flags)
    return Estimate(
        mean=certain / len(flags),
        lower=clopper_pearson_lower(certain, len(flags), delta / 2),
        upper=clopper_pearson_upper(possible, len(flags), delta / 2),
    )


def mean_of(values: Sequence[Ends], delta: float) -> Estimate:
    """Return the mean of values in [0, 1] that are each known to lie between two ends.

    Guaranteed for independent draws of one population: the interval of `mean_lower` and `mean_upper` covers the mean
    of that population with probability at least 1 - delta.
    """
    smallest, largest = [low for low, _ in values], [high for _, high in values]
    return Estimate(fmean(smallest), mean_lower(smallest, delta / 2), mean_upper(largest, delta / 2))


def mean_within(bounds: Sequence[Ends], delta: float, *, failure: float) -> tuple[float, float]:
    """Return an interval of the mean of true values in [0, 1], of which only bounds are known.

    For values whose estimates are not unbiased, such as those of a test that stops early. Let a lower bound exceed its
    value with probability at most ``failure``. Then the mean of the lower bounds exceeds the mean of the values by at
    most ``failure``, because a bound is at most 1. The same is true of the upper bounds.

    Guaranteed for independent draws of one population: the interval covers the mean of the true values of that
    population with probability at least 1 - delta.

    Args:
        bounds: the lower and the upper bound of each input.
        delta: probability that the interval is wrong.
        failure: largest probability that a bound of one input is wrong, and 0 for bounds that are certain.

    Raises:
        InputError: ``bounds`` is empty, or contains a value outside [0, 1].
        ParameterError: ``delta`` is not between 0 and 1.
    """
    lower = mean_lower([low for low, _ in bounds], delta / 2) - failure
    upper = mean_upper([high for _, high in bounds], delta / 2) + failure
    return max(0.0, lower), min(1.0, upper)


def paired_difference(ones: Sequence[Ends], others: Sequence[Ends], delta: float) -> Estimate:
    """Return the mean difference of values in [0, 1] of the same inputs, each known to lie between two ends.

    Guaranteed for independent draws of one population: the interval covers the difference of the two means with
    probability at least 1 - delta.
    """
    one, other = np.array(ones), np.array(others)
    return Estimate(
        mean=fmean(one[:, 0] - other[:, 0]),
        lower=difference_lower(one[:, 0] - other[:, 1], delta / 2),
        upper=difference_upper(one[:, 1] - other[:, 0], delta / 2),
    )


def ends_of(flag: bool | None) -> Ends:
    """Return the ends of a flag: 0 or 1, and both where it is open."""
    return float(flag is True), float(flag is not False)
