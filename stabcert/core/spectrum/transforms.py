"""Exact transforms of functions of boolean masks: standard, biased and monotone basis, and smoothing in each.

A function of n features is a table of 2^n values. Entry ``sum(2**i for i in S)`` belongs to the mask that
keeps the set S. Its coefficients in a basis have the same layout. Every operator here applies the same 2 x 2
matrix to each feature in turn, so it takes time O(n 2^n).

Source: Soft stability (Jin et al. 2025), Appendices A and B.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.spectrum.result import BasisKind
from stabcert.core.types import Masks, Scores
from stabcert.errors import InputError, ParameterError

MAX_EXACT_FEATURES = 24
"""Largest number of features of an exact transform: 2^24 evaluations, and about 1 GB."""
_TABLES = 8
"""Largest number of tables of 2^n numbers that are in memory at the same time."""
_ROWS_AT_ONCE = 4096

_Matrix: TypeAlias = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class ExactCost:
    """Cost of an exact transform; returned by `exact_cost`."""

    evaluations: int
    """Number of masks that the predictor evaluates: all of them."""
    memory_bytes: int
    """Upper bound on the memory of the tables and masks, without that of the predictor."""


def exact_cost(n_features: int) -> ExactCost:
    """Return the evaluations and memory of the exact spectrum of a function of ``n_features``, before it starts.

    Raises:
        ParameterError: ``n_features`` is not from 1 to `MAX_EXACT_FEATURES`.
    """
    if not 1 <= n_features <= MAX_EXACT_FEATURES:
        raise ParameterError(
            f"an exact spectrum of {n_features} features would take 2^{n_features} evaluations. Possible are 1 to "
            f"{MAX_EXACT_FEATURES} features. Use a smaller exact_max to estimate it with n_samples, or "
            f"restrict={MAX_EXACT_FEATURES} for exact spectra of some of the features"
        )
    return ExactCost(2**n_features, _TABLES * 8 * 2**n_features + 24 * _ROWS_AT_ONCE * n_features)


def every_mask(n_features: int) -> Iterator[Masks]:
    """Yield all masks in the order of a table, in chunks of bounded memory."""
    bits = np.arange(n_features)
    for start in range(0, 2**n_features, _ROWS_AT_ONCE):
        codes = np.arange(start, min(start + _ROWS_AT_ONCE, 2**n_features))
        yield (codes[:, None] >> bits & 1).astype(np.bool_)


def features_of(code: int) -> tuple[int, ...]:
    """Return the set to which entry ``code`` of a table belongs."""
    return tuple(i for i in range(code.bit_length()) if code >> i & 1)


def transform(values: ArrayLike, basis: BasisKind, bias: float | None = None) -> Scores:
    """Return the coefficients of a table of values.

    Standard basis: ``chi_S(a) = (-1)^|S and a|``, orthonormal over uniform masks. Biased: the product over S of
    ``(p - a_i) / sqrt(p - p^2)``, orthonormal over masks that keep each feature with p (Definition A.5);
    p = 1/2 is the standard one. Monotone: 1 if the mask keeps all of S, otherwise 0 (Lemma B.1).

    Args:
        values: ``(2^n,)``.
        basis: ``standard``, ``biased`` or ``monotone``.
        bias: p, only for the biased basis.

    Raises:
        InputError: ``values`` is not ``2^n`` finite numbers.
        ParameterError: ``basis`` is unknown, or ``bias`` is given for another basis or is not between 0 and 1.
    """
    return _each_feature(values, _analysis(basis, bias))


def smooth_coefficients(
    coefficients: ArrayLike, keep_probability: float, basis: BasisKind, bias: float | None = None
) -> Scores:
    """Return the coefficients of the smoothed function from those of the function, in the same basis.

    Standard: ``lambda^|T| sum over S above T of (1 - lambda)^|S - T| h(S)`` (Lemma A.3). Monotone: damped by
    ``lambda^|T|`` (Theorem B.7). Biased: as in the standard basis, but each dropped feature also contributes the mean
    ``sqrt(p / (1 - p))`` of its basis function at a mask without it.
    """
    p = _probability(basis, bias)
    at_dropped = 0.0 if p is None else math.sqrt(p / (1 - p))
    return _each_feature(coefficients, ((1.0, (1 - keep_probability) * at_dropped), (0.0, keep_probability)))


def degrees_of(n_features: int) -> NDArray[np.int64]:
    """Return ``(2^n,)`` numbers of features in the set of each entry."""
    degrees = np.zeros(1, dtype=np.int64)
    for _ in range(n_features):
        degrees = np.concatenate([degrees, degrees + 1])
    return degrees


def weights_by_degree(coefficients: Scores) -> Scores:
    """Return ``(n + 1,)`` sums of the squared coefficients of each degree; in an orthonormal basis, Parseval."""
    return _sums_by_degree(coefficients**2)


def mass_by_degree(coefficients: Scores) -> Scores:
    """Return ``(n + 1,)`` sums of the absolute coefficients of each degree."""
    return _sums_by_degree(np.abs(coefficients))


def _sums_by_degree(table: Scores) -> Scores:
    n_features = len(table).bit_length() - 1
    # The type stubs of numpy declare the sums as integer counts.
    return np.bincount(degrees_of(n_features), weights=table, minlength=n_features + 1).astype(np.float64)


def _analysis(basis: BasisKind, bias: float | None) -> _Matrix:
    """Return the matrix that a transform applies to the two values of one feature, dropped and kept."""
    p = _probability(basis, bias)
    if p is None:
        return (1.0, 0.0), (-1.0, 1.0)
    spread = math.sqrt(p * (1 - p))
    return (1 - p, p), (spread, -spread)


def _probability(basis: BasisKind, bias: float | None) -> float | None:
    """Return the keep probability of the masks over which the basis is orthonormal; None for the monotone basis."""
    if basis not in ("standard", "biased", "monotone"):
        raise ParameterError(
            f"basis must be 'standard', 'monotone' or 'biased', got {basis!r}. Use one of them", "basis"
        )
    if basis != "biased":
        if bias is not None:
            raise ParameterError(
                f"the {basis} basis does not have a bias, got {bias}. Use the biased basis, or leave the bias out"
            )
        return 0.5 if basis == "standard" else None
    if bias is None or not 0.0 < bias < 1.0:
        raise ParameterError(
            f"bias must be between 0 and 1 for the biased basis, got {bias}. Use a probability, for example biased:0.3"
        )
    return bias


def _each_feature(table: ArrayLike, matrix: _Matrix) -> Scores:
    """Apply ``matrix`` to the pair (without, with) of every feature."""
    result = np.array(table, dtype=np.float64)
    size = len(result) if result.ndim == 1 else 0
    if size == 0 or size & (size - 1) or not np.isfinite(result).all():
        raise InputError(
            f"the table of a function of n features must be 2^n finite numbers, got an array of shape {result.shape}. "
            "Give one value for each mask"
        )
    (a, b), (c, d) = matrix
    step = 1
    while step < size:
        pairs = result.reshape(-1, 2, step)
        without, with_it = pairs[:, 0], pairs[:, 1]
        pairs[:, 0], pairs[:, 1] = a * without + b * with_it, c * without + d * with_it
        step *= 2
    return result
