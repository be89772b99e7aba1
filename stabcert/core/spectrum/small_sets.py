"""Functions of the sets of at most r features: their monotone coefficients, and smoothing, without the larger sets.

The sets are the rows of `stabcert.core.masks.Additions` in their order, which starts with the empty addition. Every
part of such a set is also one of the sets. So the operators that `stabcert.core.spectrum.transforms` applies to all
2^n sets work on these.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stabcert.core.masks import count_additions
from stabcert.core.types import Masks

Steps: TypeAlias = list[tuple[NDArray[np.intp], NDArray[np.intp]]]
"""Rows of the sets with each feature, and rows of the same sets without it."""


def steps_of(sets: Masks) -> Steps:
    """Return, for each feature, the rows of the sets with it and the rows of the same sets without it.

    Args:
        sets: ``(k, m)``, each once, and with each set all its parts.
    """
    row_of = {code.tobytes(): row for row, code in enumerate(np.packbits(sets, axis=1))}
    steps = []
    for feature in range(sets.shape[1]):
        having = np.flatnonzero(sets[:, feature])
        smaller = sets[having].copy()
        smaller[:, feature] = False
        codes = np.packbits(smaller, axis=1)
        steps.append((having, np.array([row_of[code.tobytes()] for code in codes], dtype=np.intp)))
    return steps


def moebius(values: NDArray[np.float64], steps: Steps) -> NDArray[np.float64]:
    """Return monotone coefficients of a function of the sets: row T is the sum over parts of T with alternating sign.

    Args:
        values: ``(k,)`` or ``(k, columns)``, a row for each set.
        steps: the result of `steps_of`.
    """
    coefficients = values.copy()
    for having, without in steps:
        coefficients[having] -= coefficients[without]
    return coefficients


def smooth_sets(values: NDArray[np.float64], steps: Steps, keep_probability: float) -> NDArray[np.float64]:
    """Return the mean of the function over random parts of each set that keep features with ``keep_probability``."""
    smoothed = values.copy()
    for having, without in steps:
        smoothed[having] = keep_probability * smoothed[having] + (1 - keep_probability) * smoothed[without]
    return smoothed


def containment(n_free: int, radius: int, size: int) -> Fraction:
    """Return the probability that a uniform addition contains a given set of ``size`` features.

    The addition has up to ``radius`` of ``n_free`` features.
    ``P_{m,r}(k) = sum_{j=k}^r C(m - k, j - k) / |Delta_r|`` (Soft stability, Lemma B.5).
    """
    containing = sum(comb(n_free - size, j - size) for j in range(size, radius + 1))
    return Fraction(containing, count_additions(n_free, radius))
