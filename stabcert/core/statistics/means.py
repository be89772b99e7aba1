"""Bounds on the mean of independent values in [0, 1] that are not 0 or 1 alone: tight where they vary little.

Names as in `stabcert.core.statistics.bounds`: a *lower* or *upper* bound fails with probability at most ``delta``,
an *interval* on either side with probability at most ``delta`` in total.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.statistics.bounds import check_share
from stabcert.errors import InputError

_N_BETS = 16
_BETS = np.sin(np.arange(1, _N_BETS + 1) * np.pi / (2 * _N_BETS)) ** 2
"""Shares of the capital that are staked. Dense at 0, for many values or few of them above the mean, and at 1, for
values that vary little; 1 itself makes the bound of values that are all 1 nearly that of Clopper and Pearson."""
_PRECISION = 1e-12
_ROUNDING = 1e-9
"""Evidence beyond ``log(1 / delta)`` that is asked for, so that no rounding of a sum of logarithms can make it up."""


def log_e_value(mean: float, values: ArrayLike) -> float:
    """Evidence, as a logarithm, against "the mean is at most ``mean``".

    The average over c of the products over i of ``1 + c (x_i / mean - 1)``: what becomes of one coin that is
    bet on values above ``mean``, the share c of it each time. If the values are independent with a mean of at
    most ``mean``, each factor is non-negative (c <= 1, x >= 0) with expectation at most 1, so each product is
    a non-negative supermartingale, and so is their average. The probability that it *ever* reaches
    ``log(1 / delta)``, at whatever number of values one looks or stops, is then at most delta (Ville). The
    average of products over *fixed* c does not depend on the order of the values; bets that learn from the
    values before them would.

    Source: Waudby-Smith and Ramdas 2023, "Estimating means of bounded random variables by betting".
    """
    distinct, counts = _distinct(values)
    return _log_e_value(mean, distinct, counts)


def mean_lower(values: ArrayLike, delta: float) -> float:
    """With probability at least 1 - delta the mean is at least this; no approximation, for any number of values.

    The largest mean rejected by `log_e_value`, which decreases in it; bisection returns the rejected end. It
    does not depend on the order of the values, and it stays valid if their number is decided while they come in.

    Args:
        values: independent draws of one law on [0, 1].

    Raises:
        InputError: no value, or one outside [0, 1].
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
    """Mirror image of `mean_lower`."""
    return 1.0 - mean_lower(1.0 - np.asarray(values, dtype=np.float64), delta)


def mean_interval(values: ArrayLike, delta: float) -> tuple[float, float]:
    """Two-sided: both one-sided bounds at delta / 2."""
    return mean_lower(values, delta / 2), mean_upper(values, delta / 2)


def difference_lower(differences: ArrayLike, delta: float) -> float:
    """`mean_lower` for values in [-1, 1], such as differences of two shares of the same input.

    Differences that are mostly 0 vary little, and so give a bound close to their mean: the point of comparing two
    treatments on the same inputs with the same random numbers.
    """
    return 2.0 * mean_lower((1.0 + np.asarray(differences, dtype=np.float64)) / 2.0, delta) - 1.0


def difference_upper(differences: ArrayLike, delta: float) -> float:
    """Mirror image of `difference_lower`."""
    return -difference_lower(-np.asarray(differences, dtype=np.float64), delta)


def _distinct(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The distinct values in increasing order, so that not even rounding depends on the order given."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0 or not ((array >= 0.0) & (array <= 1.0)).all():
        raise InputError("a mean is bounded from one row of at least one value, each between 0 and 1")
    distinct, counts = np.unique(array, return_counts=True)
    return distinct, counts


def _log_e_value(mean: float, distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    if mean <= 0.0:
        return math.inf if distinct[-1] > 0.0 else 0.0
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # capital that is lost, or that overflows
        products = (np.log1p(_BETS[:, None] * (distinct / mean - 1.0)) * counts).sum(axis=1)
    # Lost and overflown at once: what is lost stays lost.
    return float(np.logaddexp.reduce(np.where(np.isnan(products), -math.inf, products)) - math.log(_N_BETS))
