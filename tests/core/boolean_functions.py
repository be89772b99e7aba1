"""Functions of boolean masks for the tests of the spectrum: the definitions by brute force, and known functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import ArrayLike

from stabcert.core.types import Masks, Probs
from tests.doubles import Table

Bits = tuple[int, ...]


def masks_of(n_features: int) -> list[Bits]:
    """All masks in the order of a table: feature 0 changes fastest."""
    return [bits[::-1] for bits in product((0, 1), repeat=n_features)]


def basis_function(chosen: Bits, mask: Bits, basis: str, p: float = 0.5) -> float:
    """The basis function of a set at a mask, both as bits."""
    if basis == "monotone":
        return float(all(kept or not member for member, kept in zip(chosen, mask, strict=True)))
    spread = math.sqrt(p - p * p)
    return math.prod((p - kept) / spread for member, kept in zip(chosen, mask, strict=True) if member)


def synthesis(n_features: int, basis: str, p: float = 0.5) -> np.ndarray:
    """``(2^n, 2^n)``: the value at each mask (row) of each basis function (column)."""
    every = masks_of(n_features)
    return np.array([[basis_function(chosen, mask, basis, p) for chosen in every] for mask in every])


def smoothing(n_features: int, keep_probability: float) -> np.ndarray:
    """``(2^n, 2^n)``: how likely each mask (row) becomes each mask (column) when noise drops features."""
    every = masks_of(n_features)
    rows = []
    for mask in every:
        row = [0.0] * len(every)
        for noise in every:
            kept = tuple(a & z for a, z in zip(mask, noise, strict=True))
            row[every.index(kept)] += keep_probability ** sum(noise) * (1 - keep_probability) ** (
                n_features - sum(noise)
            )
        rows.append(row)
    return np.array(rows)


def inverse_transform(coefficients: ArrayLike, basis: str, p: float | None = None) -> np.ndarray:
    """The values of the function that has these coefficients; `synthesis` for many features, one after the other."""
    return _for_each_feature(coefficients, synthesis(1, basis, p or 0.5))


def smooth_values(values: ArrayLike, keep_probability: float) -> np.ndarray:
    """Values of the smoothed function; `smoothing` for many features, one after the other."""
    return _for_each_feature(values, smoothing(1, keep_probability))


def _for_each_feature(table: ArrayLike, matrix: np.ndarray) -> np.ndarray:
    result = np.asarray(table, dtype=np.float64)
    n_features = len(result).bit_length() - 1
    result = result.reshape((2,) * n_features)
    for axis in range(n_features):
        result = np.moveaxis(np.tensordot(matrix, result, axes=(1, axis)), 0, axis)
    return result.reshape(-1)


def measure(n_features: int, p: float) -> np.ndarray:
    """``(2^n,)``: how likely each mask is if each feature is kept with probability p."""
    return np.array([p ** sum(mask) * (1 - p) ** (n_features - sum(mask)) for mask in masks_of(n_features)])


def sizes(n_features: int) -> np.ndarray:
    return np.array([sum(mask) for mask in masks_of(n_features)])


def by_degree(table: ArrayLike) -> list[float]:
    values = np.asarray(table)
    n_features = len(values).bit_length() - 1
    return [float(values[sizes(n_features) == k].sum()) for k in range(n_features + 1)]


def soft(values: ArrayLike) -> Table:
    """Two classes; the values are the probabilities of class 1."""
    array = np.asarray(values, dtype=float)
    return Table(np.stack([1 - array, array], axis=1))


def random_values(n_features: int, rng: np.random.Generator) -> np.ndarray:
    """Values in [0, 1]: anything, or often 0, 1/2 and 1, or a class that is rare."""
    kind = rng.integers(3)
    if kind == 0:
        return rng.random(2**n_features)
    if kind == 1:
        return (rng.random(2**n_features) < rng.random()).astype(float)
    return rng.choice([0.0, 0.5, 1.0, float(rng.random())], size=2**n_features)


class Tribes:
    """Class 1 if all features of some tribe are kept; tribes are consecutive features of one size."""

    def __init__(self, n_features: int, size: int) -> None:
        self.n_features, self.size = n_features, size

    def __call__(self, masks: Masks, /) -> Probs:
        value = masks.reshape(len(masks), -1, self.size).all(axis=2).any(axis=1).astype(float)
        return np.stack([1 - value, value], axis=1)


class Junta:
    """A function of few of many features: a table of values, looked up by the features that matter."""

    def __init__(self, n_features: int, relevant: Sequence[int], values: ArrayLike) -> None:
        self.n_features, self.relevant = n_features, list(relevant)
        self.table = soft(values)

    def __call__(self, masks: Masks, /) -> Probs:
        return self.table(masks[:, self.relevant])


def subsets(items: Sequence[int], largest: int) -> list[tuple[int, ...]]:
    """All sets of at most ``largest`` of the items, the empty one first."""
    return [chosen for size in range(largest + 1) for chosen in combinations(items, size)]


def code(chosen: Sequence[int]) -> int:
    return sum(1 << i for i in chosen)
