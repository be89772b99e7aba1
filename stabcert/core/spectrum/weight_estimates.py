"""Estimates of the weight of a function by degree from its values at random masks, with finite-sample intervals.

The sum of ``chi_S(x) chi_S(y)`` over all sets S of k features depends only on how many features x and y share:
for uniform masks it is the Krawtchouk number of their distance. So the mean of ``h(x) h(y)`` times that number
over all pairs of different draws estimates the weight of degree k without bias, and no set is ever sampled.
The mean of squared sampled coefficients that was published (Soft stability, Appendix C) is biased upwards by
about ``E h^2 / N``, which for k >= 2 can exceed anything that is possible, and is not offered.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import Masks, Scores
from stabcert.errors import ParameterError

_MAX_SETS = 1e280
"""Most sets of a degree that is estimated: beyond it sums over pairs of samples overflow."""
_MAX_BIASED_SETS = 1e15
"""The same where the kernel is summed in floats: beyond it the sums cancel."""
_PAIRS_AT_ONCE = 2**22


def krawtchouk(n: int, degree: int) -> list[list[int]]:
    """``kappa_k(d) = sum_j (-1)^j C(d, j) C(n - d, k - j)``: row k, column d, in exact integers.

    By the recurrence ``(k + 1) kappa_{k+1}(d) = (n - 2 d) kappa_k(d) - (n - k + 1) kappa_{k-1}(d)``.
    """
    rows = [[0] * (n + 1), [1] * (n + 1)]
    for k in range(degree):
        rows.append([((n - 2 * d) * rows[-1][d] - (n - k + 1) * rows[-2][d]) // (k + 1) for d in range(n + 1)])
    return rows[1:]


def check_degree(n_features: int, degree: int, bias: float) -> None:
    """Can weights up to this degree be estimated in floats at all?

    Raises:
        ParameterError: there are too many sets of that many features.
    """
    sets = max(math.comb(n_features, k) for k in range(degree + 1))
    growth = max((1 - bias) / bias, bias / (1 - bias))
    # The integer is compared before it is converted, for the conversion overflows.
    if sets > _MAX_SETS or (bias != 0.5 and sets * growth**degree > _MAX_BIASED_SETS):
        raise ParameterError(
            f"degree must be smaller for {n_features} features, got {degree}. There are too many sets of {degree} "
            "features to estimate their weight.",
            "degree",
        )


def estimate_weights(masks: Masks, values: Scores, degree: int, bias: float = 0.5) -> Scores:
    """Unbiased estimates of the weight of degree 0, 1, ... ``degree``.

    Args:
        masks: ``(N, n_features)``, independent; each feature kept with probability ``bias``. N at least 2.
        values: ``(N,)``, the function at each mask, or an unbiased random estimate of it that is independent from
            row to row: the weights are those of the mean function. Subtracting a constant changes degree 0 alone.
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
        others[step:] *= 2  # pairs with a mask of a later block are met once
        products = values[block][:, None] * others
        sums += np.bincount(cells.ravel(), weights=products.ravel(), minlength=len(sums))
    same = _cells(sizes, sizes, sizes, n, bias)
    sums -= np.bincount(same, weights=values**2, minlength=len(sums))
    estimates: Scores = kernel @ sums / (samples * (samples - 1))
    return estimates


def weight_interval(
    estimate: float, *, samples: int, n_features: int, degree: int, delta: float, half_range: float
) -> tuple[float, float]:
    """Interval that contains the weight of ``degree`` with probability at least 1 - ``delta``, for every N.

    Chebyshev's inequality with the exact form of the variance. With ``|h - c0| <= c`` the kernel
    ``g = h(x) h(y) kappa_k(x, y)`` has the conditional mean ``h(x) h_k(x)`` given x, where h_k is the part of
    degree k, so that part of its variance is at most ``c^2 W``; and its whole variance is at most
    ``c^4 E kappa_k^2 = c^4 C(n, k)``, since the products of the basis are orthonormal. Hence
    ``Var <= a W + b`` with ``a = 4 c^2 (N - 2) / (N (N - 1))`` and ``b = 2 c^4 C(n, k) / (N (N - 1))``, and the
    interval is every W with ``(estimate - W)^2 <= (a W + b) / delta``, within ``[0, c^2]``. All of it holds for
    random values ``y = h(x and z)`` too, with the smoothed function in place of h_k: x and z are drawn together.

    Args:
        estimate: of `estimate_weights`, with values not further than ``half_range`` from 0.
        samples: N, at least 2.
        degree: 1 or more.
        half_range: c.
    """
    largest, pairs = half_range**2, samples * (samples - 1)
    a = 4 * half_range**2 * (samples - 2) / pairs / delta
    b = 2 * half_range**4 * (math.comb(n_features, degree) / pairs) / delta
    inside = a * a + 4 * estimate * a + 4 * b
    if inside < 0:  # no weight at all fits the estimate: an event of probability at most delta
        return 0.0, largest
    middle, spread = (2 * estimate + a) / 2, math.sqrt(inside) / 2
    lower, upper = max(0.0, middle - spread), min(largest, middle + spread)
    return (lower, upper) if lower <= upper else (0.0, largest)


def samples_for_weight(
    width: float, *, weight: float, n_features: int, degree: int, delta: float, half_range: float
) -> int:
    """About how many samples make `weight_interval` at most ``width`` wide, if the estimate then is ``weight``."""
    samples = 2
    while True:
        lower, upper = weight_interval(
            weight, samples=samples, n_features=n_features, degree=degree, delta=delta, half_range=half_range
        )
        if upper - lower <= width:
            return samples
        samples += max(1, samples // 16)


def _kernel(n: int, degree: int, bias: float) -> Scores:
    """``(degree + 1, cells)``: the sum of the products of the basis over all sets of each degree."""
    check_degree(n, degree, bias)
    if bias == 0.5:
        return np.array(krawtchouk(n, degree), dtype=np.float64)
    # A feature contributes u if both keep it, v if both drop it, and -1 if they differ; the sum over the sets of
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
    """Column of the kernel for each pair of masks, from how many features they both keep, and each keeps."""
    if bias == 0.5:
        return sizes + others - 2 * both
    return both * (n + 1) + (n - sizes - others + both)
