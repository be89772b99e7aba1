"""Bounds on the mean of independent values anywhere in [0, 1]: tight where the values vary little.

Names as in `stabcert.core.statistics.bounds`: a *lower* or *upper* bound fails with probability at most ``delta``.
An *interval* fails on either side with probability at most ``delta`` in total.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.statistics.bounds import check_share
from stabcert.errors import InputError

_N_BETS = 16
_BETS = np.sin(np.arange(1, _N_BETS + 1) * np.pi / (2 * _N_BETS)) ** 2
"""Shares of the capital that are staked. They are dense at 0, for many values or few of them above the mean, and at 1,
for values that vary little. The share 1 brings the bound of values that are all 1 close to that of Clopper and
Pearson."""
_PRECISION = 1e-12
_ROUNDING = 1e-9
"""Evidence required beyond ``log(1 / delta)``, more than the rounding of a sum of logarithms can contribute."""


def log_e_value(mean: float, values: ArrayLike) -> float:
    """Return the evidence, as a logarithm, against "the mean is at most ``mean``".

    It is the average over c of the products over i of ``1 + c (x_i / mean - 1)``. Each product is the capital
    after betting the share c of it on each value being above ``mean``, starting from 1. Let the values be
    independent with a mean of at most ``mean``. Then each factor is non-negative (c <= 1, x >= 0) with expectation
    at most 1. So each product is a non-negative supermartingale, and so is their average. The probability that it
    *ever* reaches ``log(1 / delta)``, at whatever number of values one looks or stops, is then at most delta
    (Ville). The average of products over *fixed* c does not depend on the order of the values. Bets that learn from
    earlier values would.

    Source: Waudby-Smith and Ramdas 2023, "Estimating means of bounded random variables by betting".
    """
    distinct, counts = _distinct(values)
    return _log_e_value(mean, distinct, counts)


def mean_lower(values: ArrayLike, delta: float) -> float:
    """Return a lower bound on the mean, without approximation and for any number of values.

    With probability at least 1 - delta the mean is at least this bound. It is the largest mean rejected by
    `log_e_value`, which decreases in it. Bisection returns the rejected end. The bound does not depend on the order
    of the values, and it stays valid if their number is decided while they arrive.

    Args:
        values: independent draws of one law on [0, 1].
        delta: failure probability of the bound.

    Raises:
        InputError: ``values`` is empty, or contains a value outside [0, 1].
        ParameterError: ``delta`` is not between 0 and 1.
    """
    check_share(delta)
    distinct, counts = _distinct(values)
    rejected, kept = 0.0, float(distinct @ counts / counts.sum())
    while kept - rejected > _PRECISION:
        middle = (rejected + kept) / 2
        if _log_e_value(middle, distinct, counts) >= _ROUNDING - math.log(delta):
            rejected = middle
        else:
            kept = middle
    return rejected


def mean_upper(values: ArrayLike, delta: float) -> float:
    """Return an upper bound on the mean: the mirror image of `mean_lower`."""
    return 1.0 - mean_lower(1.0 - np.asarray(values, dtype=np.float64), delta)


def mean_interval(values: ArrayLike, delta: float) -> tuple[float, float]:
    """Return the two-sided interval: both one-sided bounds at delta / 2."""
    return mean_lower(values, delta / 2), mean_upper(values, delta / 2)


def difference_lower(differences: ArrayLike, delta: float) -> float:
    """Return `mean_lower` for values in [-1, 1], such as differences of two shares of the same input.

    Differences that are mostly 0 vary little, and so give a bound close to their mean. This is why two
    treatments are compared on the same inputs with the same random numbers.
    """
    return 2.0 * mean_lower((1.0 + np.asarray(differences, dtype=np.float64)) / 2.0, delta) - 1.0


def difference_upper(differences: ArrayLike, delta: float) -> float:
    """Return the upper bound: the mirror image of `difference_lower`."""
    return -difference_lower(-np.asarray(differences, dtype=np.float64), delta)


def _distinct(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distinct values in increasing order, so that rounding does not depend on the given order."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0 or not ((array >= 0.0) & (array <= 1.0)).all():
        raise InputError(
            f"values must be one row of numbers from 0 to 1, got an array of shape {array.shape}. "
            "Give at least one number, each from 0 to 1"
        )
    distinct, counts = np.unique(array, return_counts=True)
    return distinct, counts


def _log_e_value(mean: float, distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    if mean <= 0.0:
        return math.inf if distinct[-1] > 0.0 else 0.0
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # capital may reach 0 or overflow
        products = (np.log1p(_BETS[:, None] * (distinct / mean - 1.0)) * counts).sum(axis=1)
    # A product that reached 0 and overflowed counts as 0, because lost capital stays lost.
    return float(np.logaddexp.reduce(np.where(np.isnan(products), -math.inf, products)) - math.log(_N_BETS))
