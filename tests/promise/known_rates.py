"""Boolean functions whose share of matching additions is known at every number of added features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stabcert.core.soft.certificate import Formulation
from stabcert.core.types import Masks, Probs
from tests.doubles import one_hot


class BySize:
    """Class 1 on so many of the masks with 0, 1, 2, ... kept features, those of smallest code; else class 0."""

    def __init__(self, flips: Sequence[int]) -> None:
        self.n_features = len(flips) - 1
        self.flips = tuple(flips)
        self._weights = 1 << np.arange(self.n_features)
        self._table: NDArray[np.intp] = np.zeros(2**self.n_features, dtype=np.intp)
        left = list(flips)
        for code in range(2**self.n_features):
            if left[code.bit_count()]:
                left[code.bit_count()] -= 1
                self._table[code] = 1

    def __call__(self, masks: Masks, /) -> Probs:
        return one_hot(self._table[masks @ self._weights])

    def rates_by_size(self) -> list[Fraction]:
        """Share of the additions of exactly 0, 1, ... features to nothing that keep the class."""
        n = self.n_features
        return [1 - Fraction(flips, math.comb(n, size)) for size, flips in enumerate(self.flips)]


class Watched:
    """Class 1 on masks that keep one of the first so many features, how many depends on the number that is kept."""

    def __init__(self, n_features: int, watched: dict[int, int]) -> None:
        self.n_features = n_features
        self.watched = watched
        self._by_size: NDArray[np.int64] = np.array([watched.get(size, 0) for size in range(n_features + 1)])

    def __call__(self, masks: Masks, /) -> Probs:
        first = np.where(masks.any(axis=1), masks.argmax(axis=1), self.n_features)
        return one_hot(first < self._by_size[masks.sum(axis=1)])

    def rates_by_size(self) -> list[Fraction]:
        """Share of the additions of exactly 0, 1, ... features to nothing that keep the class."""
        n, sizes = self.n_features, range(max(self.watched) + 1)
        return [Fraction(math.comb(n - self.watched.get(j, 0), j), math.comb(n, j)) for j in sizes]


Known: TypeAlias = BySize | Watched


def just_below(target: float, n_features: int, sizes: Sequence[int], *, together: bool) -> BySize:
    """At each of ``sizes`` the share of matches is below ``target`` by as little as possible; all others match.

    ``together``: that of all sizes up to it, as far as the size itself can bring it there.
    """
    flips, matching, total = [0], 1, 1
    for size in range(1, n_features + 1):
        count = math.comb(n_features, size)
        most = math.ceil(target * (total + count)) - matching if together else math.ceil(target * count)
        flips.append(count - min(count, max(0, most - 1)) if size in sizes else 0)
        matching, total = matching + count - flips[-1], total + count
    return BySize(flips)


def watched_just_below(target: float, n_features: int, largest: int) -> Watched:
    """The same for many features, at each size from 1 to ``largest``."""

    def below(size: int, watched: int) -> bool:
        return math.comb(n_features - watched, size) < target * math.comb(n_features, size)

    sizes = range(1, largest + 1)
    return Watched(n_features, {size: next(w for w in range(n_features) if below(size, w)) for size in sizes})


def rates(function: Known, formulation: Formulation, radii: Sequence[int]) -> list[Fraction]:
    """The stability rate of the mask that keeps nothing at each radius, from the definitions."""
    by_size, found = function.rates_by_size(), []
    for radius in radii:
        counts = [math.comb(function.n_features, size) for size in range(radius + 1)]
        matching = sum((n * rate for n, rate in zip(counts, by_size, strict=False)), Fraction(0))
        of = {"up-to": matching / sum(counts), "exactly": by_size[radius], "worst": min(by_size[1 : radius + 1])}
        found.append(of[formulation])
    return found
