"""What the spectral analysis returns: numbers only, no input, no model, no report."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from stabcert.core.types import Scores

BasisKind: TypeAlias = Literal["standard", "monotone", "biased"]
TargetKind: TypeAlias = Literal["probability", "margin", "indicator"]


@dataclass(frozen=True)
class Quantity:
    """One number of a spectrum: exact, or an estimate with an interval."""

    value: float
    lower: float
    upper: float
    exact: bool
    meaningful: bool = True
    """False where the interval is as wide as what is possible anyway."""
    needed_evaluations: int | None = None
    """About how many evaluations would make it meaningful; None if it is, or if that is not known."""


@dataclass(frozen=True)
class DegreeWeight:
    """The part of a function that lies on one degree, after smoothing with one keep probability."""

    keep_probability: float
    degree: int
    weight: Quantity
    """Sum of the squared coefficients of that degree."""
    mass: float | None
    """Sum of the absolute coefficients; None where only estimates exist."""


@dataclass(frozen=True)
class Coefficient:
    """One coefficient."""

    features: tuple[int, ...]
    value: Quantity


@dataclass(frozen=True)
class SmoothingStep:
    """What smoothing with one keep probability does to the function, beside what it must do at least."""

    keep_probability: float
    variance: Quantity
    variance_bound: float | None
    """Upper bound on the variance from that of the unsmoothed function (A.8, with p = 1/2); None where it does not
    apply (lambda not above 1/2)."""
    noise_stability: Quantity
    """Stab_rho with rho the keep probability."""
    tail_mass: tuple[float, ...] | None
    """Mass of degree >= k for k = 0, 1, ...; None where the spectrum is not exact."""
    tail_mass_bound: tuple[float, ...] | None
    """lambda^k times the unsmoothed tail mass (A.4)."""


@dataclass(frozen=True)
class Restriction:
    """Exact spectra of the function on few features, the others fixed at random, averaged."""

    size: int
    draws: int
    weights: tuple[Quantity, ...]
    """Mean weight of degree 0, 1, ... ``size``."""


@dataclass(frozen=True)
class Spectrum:
    """The Boolean spectrum of one predictor's target on its masks; made by `degree_weights`."""

    basis: BasisKind
    bias: float | None
    """Probability p of each feature being kept, for the biased basis."""
    target: TargetKind
    target_class: int
    other_class: int | None
    """The runner-up, for the margin."""
    n_features: int
    exact: bool
    delta: float | None
    """Each interval by itself fails with at most this probability; None if everything is exact."""
    degrees: tuple[DegreeWeight, ...]
    coefficients: tuple[Coefficient, ...]
    """The largest ones of the unsmoothed function, largest absolute value first."""
    total_influence: Quantity
    smoothing: tuple[SmoothingStep, ...]
    restriction: Restriction | None
    evaluations: int
    values: Scores | None = field(default=None, repr=False, compare=False)
    """All 2^n coefficients in the basis, entry ``sum(2**i for i in S)``; None unless exact."""


@dataclass(frozen=True)
class StabilityBounds:
    """The corrected bounds on the stability rate at one radius, beside the truth; made by `stability_bounds`."""

    radius: int
    keep_probability: Fraction
    variant: Literal["unsmoothed", "smoothed", "smoothed-free"]
    """Smoothed-free: only the features that are not selected are smoothed."""
    sets: float
    """B.4': upper bound on 1 - rate from every set of additions."""
    degrees: float
    """B.5' / B.8': weaker, from the coefficients by degree."""
    hard_radius: int
    """B.6': largest radius up to the given one at which no addition moves the function by more than 1/2."""
    rate: float
    """The true stability rate, by enumeration, in the paper's sense: the function moves by at most 1/2."""
    class_rate: float
    """The true rate at which the predicted class stays."""
    evaluations: int
