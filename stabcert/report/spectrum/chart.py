"""What the diagrams of a spectrum show, whatever draws them: curves on a scale of decades, sticks by degree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stabcert.core.spectrum.result import DegreeWeight, Spectrum
from stabcert.report.spectrum.wording import is_zero

MOST_STICKS = 1024
"""Coefficients that can be told apart in one diagram."""
_MOST_DECADES = 8


@dataclass(frozen=True)
class Curve:
    """Weight by degree, smoothed with one keep probability."""

    keep_probability: float
    weights: tuple[DegreeWeight, ...]


@dataclass(frozen=True)
class Decades:
    """A logarithmic axis from ``10**low`` to ``10**high``."""

    low: int
    high: int

    def place(self, value: float) -> float:
        """0 at the lower end, 1 at the upper one; what is outside lies on the edge."""
        if value <= 10.0**self.low:
            return 0.0
        return min(1.0, (math.log10(value) - self.low) / (self.high - self.low))

    def shows(self, value: float) -> bool:
        return value > 10.0**self.low


@dataclass(frozen=True)
class Sticks:
    """All coefficients but the constant: by degree, within a degree by the features' order."""

    values: NDArray[np.float64]
    starts: tuple[int, ...]
    """Where degree 1, 2, ... begins, and the end."""


def curves(spectrum: Spectrum) -> list[Curve]:
    probabilities = dict.fromkeys(one.keep_probability for one in spectrum.degrees)
    return [
        Curve(p, tuple(sorted((one for one in spectrum.degrees if one.keep_probability == p), key=_degree)))
        for p in probabilities
    ]


def decades(spectrum: Spectrum) -> Decades:
    """From the smallest weight to the largest end of an interval, but never more than eight decades."""
    weights = [one.weight for one in spectrum.degrees]
    high = max((one.upper for one in weights), default=1.0)
    top = 0 if is_zero(high) else math.ceil(math.log10(high))
    known = [one.lower if one.lower > 0 else one.upper / 10 for one in weights if not is_zero(one.upper)]
    low = math.floor(math.log10(min(known))) if known else top - 1
    return Decades(max(min(low, top - 1), top - _MOST_DECADES), top)


def sticks(spectrum: Spectrum) -> Sticks | None:
    """None where the coefficients are not known or are too many to be told apart."""
    values = spectrum.values
    if values is None or len(values) > MOST_STICKS:
        return None
    sizes = np.array([code.bit_count() for code in range(len(values))])
    order = np.argsort(sizes, kind="stable")[1:]
    starts = np.searchsorted(sizes[order], np.arange(1, spectrum.n_features + 2))
    return Sticks(values[order], tuple(int(start) for start in starts))


def _degree(one: DegreeWeight) -> int:
    return one.degree
