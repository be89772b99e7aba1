"""Findings of ``fourier``: one of a function whose spectrum is known, one of estimates made by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from stabcert.core.spectrum.analyse import degree_weights
from stabcert.core.spectrum.result import (
    Coefficient,
    DegreeWeight,
    LeftOut,
    Quantity,
    Restriction,
    SmoothingStep,
    Spectrum,
    SpectrumFinding,
    StabilityBounds,
)
from tests.doubles import Table

H8 = (0.3, 0.1, 0.4, 0.1, 0.5, 0.9, 0.2, 0.6)
"""Probabilities of class 1; entry ``sum(2**i for kept i)``."""


def table(values: Any = H8) -> Table:
    """Two classes, the second with these probabilities."""
    ones = np.asarray(values, dtype=np.float64)
    return Table(np.stack([1 - ones, ones], axis=1))


def exact(values: Any = H8, **options: Any) -> Spectrum:
    """The spectrum of the probability of class 1."""
    settings: dict[str, Any] = {"target_class": 1, "keep_probabilities": (1.0, 0.9, 0.5)} | options
    return degree_weights(table(values), rng=np.random.default_rng(0), **settings)


def estimate(value: float, lower: float, upper: float, needed: int | None = None) -> Quantity:
    return Quantity(value, lower, upper, exact=False, meaningful=needed is None, needed_evaluations=needed)


def sampled(**options: Any) -> Spectrum:
    """Degree 1 known roughly, degree 2 not at all."""
    smoothing = SmoothingStep(0.5, estimate(0.02, 0.01, 0.06), None, estimate(0.2, 0.1, 0.3), None, None, 0.5)
    values: dict[str, Any] = {
        "basis": "standard",
        "bias": None,
        "target": "probability",
        "target_class": 1,
        "other_class": None,
        "n_features": 4,
        "exact": False,
        "delta": 0.1,
        "degrees": tuple(
            DegreeWeight(share, degree, weight, None)
            for share in (1.0, 0.5)
            for degree, weight in enumerate(
                (estimate(0.25, 0.2, 0.3), estimate(0.05, 0.03, 0.08), estimate(0.1, 0.0, 0.25, 31443))
            )
        ),
        "coefficients": (
            Coefficient((1, 3), estimate(-0.2, -0.25, -0.15)),
            Coefficient((2,), estimate(0.1, -0.05, 0.25)),
        ),
        "total_influence": estimate(0.2, 0.1, 0.9),
        "smoothing": (smoothing,),
        "restriction": Restriction(2, 32, (estimate(0.2, 0.1, 0.3), estimate(0.1, 0.0, 0.2), estimate(0.1, 0.0, 0.2))),
        "evaluations": 5000,
    }
    return Spectrum(**(values | options))


BOUNDS = StabilityBounds(
    radius=2,
    keep_probability=Fraction(9, 10),
    variant="smoothed-free",
    sets=0.12345,
    degrees=1.5,
    hard_radius=1,
    rate=0.99999,
    class_rate=0.5,
    evaluations=11,
    class_bound=None,
)
LEFT_OUT = LeftOut(3, 0.9, "smoothed", 155648)
EXACT = SpectrumFinding(exact(restrict=2), (BOUNDS,))
SAMPLED = SpectrumFinding(sampled(), (BOUNDS,), (LEFT_OUT,))
MARGIN = SpectrumFinding(exact(target="margin", basis="biased", bias=0.3))
