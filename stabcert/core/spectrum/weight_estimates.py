"""Estimates of the weight of a function by degree from its values at random masks, with finite-sample intervals.

The sum of ``chi_S(x) chi_S(y)`` over all sets S of k features depends only on the number of features that x and y
share. For uniform masks it is the Krawtchouk number of their distance. So the mean of ``h(x) h(y)`` times that number
over all pairs of different draws estimates the weight of degree k without bias, and sets are never sampled.
The published mean of squared sampled coefficients (Soft stability, Appendix C) is biased upwards by about
``E h^2 / N``. For k >= 2 this bias can exceed every possible weight, and the estimate is not offered.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import Masks, Scores
from stabcert.errors import ParameterError

_MAX_SETS = 1e280
"""Largest number of sets of an estimated degree; beyond it sums over pairs of samples overflow."""
_MAX_BIASED_SETS = 1e15
"""The same limit where the kernel is summed in floats; beyond it the sums cancel."""
_PAIRS_AT_ONCE = 2**22


def krawtchouk(n: int, degree: int) -> list[list[int]]:
    """Return ``kappa_k(d) = sum_j (-1)^j C(d, j) C(n - d, k - j)`` in row k and column d, in exact integers.

    They follow from the recurrence ``(k + 1) kappa_{k+1}(d) = (n - 2 d) kappa_k(d) - (n - k + 1) kappa_{k-1}(d)``.
    """
    rows = [[0] * (n + 1), [1] * (n + 1)]
    for k in range(degree):
        rows.append([((n - 2 * d) * rows[-1][d] - (n - k + 1) * rows[-2][d]) // (k + 1) for d in range(n + 1)])
    return rows[1:]


def check_degree(n_features: int, degree: int, bias: float) -> None:
    """Check that weights up to this degree can be estimated in floats.

    Raises:
        ParameterError: there are too many sets of that many features.
    """
    sets = max(math.comb(n_features, k) for k in range(degree + 1))
    growth = max((1 - bias) / bias, bias / (1 - bias))
    # The integer is compared before it is converted, because the conversion overflows.
    if sets > _MAX_SETS or (bias != 0.5 and sets * growth**degree > _MAX_BIASED_SETS):
        raise ParameterError(
            f"degree must be smaller for {n_features} features, got {degree}. There are too many sets of {degree} "
            "features to estimate their weight",
            "degree",
        )


def estimate_weights(masks: Masks, values: Scores, degree: int, bias: float = 0.5) -> Scores:
    """Return unbiased estimates of the weight of degree 0, 1, ... ``degree``.

    Args:
        masks: ``(N, n_features)``, independent; each feature kept with probability ``bias``. N at least 2.
        values: ``(N,)``, the function at each mask, or an unbiased random estimate of it that is independent from
            row to row. The weights are those of the mean function. Subtracting a constant changes only degree 0.
        degree: the largest estimated degree.
        bias: p of the biased basis; 1/2 is the standard one.

    Returns:
        ``(degree + 1,)``; an estimate may be negative.

    Source: a U-statistic of order 2, ``1 / (N (N - 1)) sum over i != j of h_i h_j kappa_k(d_ij)``.
    """
    samples, n = masks.shape
    kernel = _kernel(n, degree, bias)
    # One pass over the pairs for all degrees: the products, summed by how many features the two masks share.
    sums = np.zeros(kernel.shape[1])
    rows, sizes = masks.astype(np.float32), masks.sum(axis=1)  # exact: counts are small integers
    step = max(1, _PAIRS_AT_ONCE // samples)
    for start in range(0, samples, step):
        block = slice(start, start + step)
        both = (rows[block] @ rows[start:].T).astype(np.int64)
        cells = _cells(both, sizes[block][:, None], sizes[None, start:], n, bias)
        others = values[start:].copy()
        others[step:] *= 2  # pairs with a mask of a later block occur once
        products = values[block][:, None] * others
        sums += np.bincount(cells.ravel(), weights=products.ravel(), minlength=len(sums))
    same = _cells(sizes, sizes, sizes, n, bias)
    sums -= np.bincount(same, weights=values**2, minlength=len(sums))
    estimates: Scores = kernel @ sums / (samples * (samples - 1))
    return estimates


def weight_interval(
    estimate: float, *, samples: int, n_features: int, degree: int, delta: float, half_range: float
) -> tuple[float, float]:
    """Return an interval that contains the weight of ``degree`` with probability at least 1 - ``delta``, for every N.

    It is Chebyshev's inequality with the exact form of the variance. Let ``|h - c0| <= c``. The kernel
    ``g = h(x) h(y) kappa_k(x, y)`` has the conditional mean ``h(x) h_k(x)`` given x, where h_k is the part of
    degree k. So that part of its variance is at most ``c^2 W``. Its whole variance is at most
    ``c^4 E kappa_k^2 = c^4 C(n, k)``, because the products of the basis are orthonormal. Hence
    ``Var <= a W + b`` with ``a = 4 c^2 (N - 2) / (N (N - 1))`` and ``b = 2 c^4 C(n, k) / (N (N - 1))``. The
    interval is every W with ``(estimate - W)^2 <= (a W + b) / delta``, within ``[0, c^2]``. All of it holds for
    random values ``y = h(x and z)`` too, with the smoothed function instead of h_k, because x and z are drawn jointly.

    Args:
        estimate: result of `estimate_weights`, with values not further than ``half_range`` from 0.
        samples: N, at least 2.
        degree: 1 or more.
        half_range: c.
    """
    largest, pairs = half_range**2, samples * (samples - 1)
    a = 4 * half_range**2 * (samples - 2) / pairs / delta
    b = 2 * half_range**4 * (math.comb(n_features, degree) / pairs) / delta
    inside = a * a + 4 * estimate * a + 4 * b
    if inside < 0:  # every weight contradicts the estimate: an event of probability at most delta
        return 0.0, largest
    middle, spread = (2 * estimate + a) / 2, math.sqrt(inside) / 2
    lower, upper = max(0.0, middle - spread), min(largest, middle + spread)
    return (lower, upper) if lower <= upper else (0.0, largest)


def samples_for_weight(
    width: float, *, weight: float, n_features: int, degree: int, delta: float, half_range: float
) -> int:
    """Return about how many samples make `weight_interval` at most ``width`` wide, if the estimate is ``weight``."""
    samples = 2
    while True:
        lower, upper = weight_interval(
            weight, samples=samples, n_features=n_features, degree=degree, delta=delta, half_range=half_range
        )
        if upper - lower <= width:
            return samples
        samples += max(1, samples // 16)


def _kernel(n: int, degree: int, bias: float) -> Scores:
    """Return ``(degree + 1, cells)`` sums of the products of the basis over all sets of each degree."""
    check_degree(n, degree, bias)
    if bias == 0.5:
        return np.array(krawtchouk(n, degree), dtype=np.float64)
    # A feature contributes u if both keep it, v if both drop it, and -1 if they differ. The sum over the sets of
    # k features is the coefficient of t^k in (1 + u t)^both (1 + v t)^neither (1 - t)^differ.
    counts = np.arange(n + 1)
    powers = np.zeros((3, degree + 1, n + 1))
    for row, factor in enumerate(((1 - bias) / bias, bias / (1 - bias), -1.0)):
        for k in range(degree + 1):
            powers[row, k] = [math.comb(count, k) * factor**k for count in range(n + 1)]
    both, neither = (grid.ravel() for grid in np.meshgrid(counts, counts, indexing="ij"))
    differ = np.maximum(n - both - neither, 0)  # cells with both + neither > n stay empty
    kernel = np.zeros((degree + 1, len(both)))
    for k in range(degree + 1):
        for i in range(k + 1):
            for j in range(k - i + 1):
                kernel[k] += powers[0, i][both] * powers[1, j][neither] * powers[2, k - i - j][differ]
    return kernel


def _cells(
    both: NDArray[np.int64], sizes: NDArray[np.int64], others: NDArray[np.int64], n: int, bias: float
) -> NDArray[np.int64]:
    """Return the kernel column of each pair of masks, from the numbers of features that both and each keep."""
    if bias == 0.5:
        return sizes + others - 2 * both
    return both * (n + 1) + (n - sizes - others + both)
