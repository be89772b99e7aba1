"""Results of the spectral analysis: plain numbers, without inputs, models or reports."""

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
    """Exact value, or an unbiased estimate, moved to the nearest end of the interval where it lies outside."""
    lower: float
    upper: float
    exact: bool
    meaningful: bool = True
    """False where the interval is wider than half of the possible range."""
    needed_evaluations: int | None = None
    """Approximate number of samples that makes it meaningful (in a restriction: evaluations); None if it already is."""


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
    """Effect of smoothing with one keep probability on the function, beside the guaranteed bounds."""

    keep_probability: float
    variance: Quantity
    """Variance of the smoothed function over masks that keep each feature with ``variance_over``, independently."""
    variance_bound: float | None
    """Upper bound on ``variance``: (lambda - p) / (1 - p) times the variance of the unsmoothed function over masks
    that keep each feature with p = 1/2 or the bias (Soft stability, Theorem A.8). None where it does not apply
    (lambda not above p) or where the variance is not exact."""
    noise_stability: Quantity
    """Stab_rho of the unsmoothed function with rho the keep probability: mean of h(x) h(y) over pairs of masks in
    which each feature of y is that of x with probability rho, and otherwise drawn again."""
    tail_mass: tuple[float, ...] | None
    """Mass of degree >= k for k = 0, 1, ...; None where the spectrum is not exact."""
    tail_mass_bound: tuple[float, ...] | None
    """Unsmoothed tail mass of degree >= k times P(Bin(n, lambda) >= k) (Soft stability, Theorem A.4); in the
    monotone basis times lambda^k (Theorem B.7). None where the spectrum is not exact, and in the biased basis."""
    variance_over: float = 0.5
    """p / lambda, the distribution of Theorem A.8, where lambda is above p; otherwise p. p is 1/2 or the bias."""


@dataclass(frozen=True)
class Restriction:
    """Average of exact spectra of the function on few features, with the other features fixed at random."""

    size: int
    draws: int
    weights: tuple[Quantity, ...]
    """Mean weight of degree 0, 1, ... ``size``, in the standard or the biased basis."""


@dataclass(frozen=True)
class Spectrum:
    """The Boolean spectrum of one predictor's target on its masks; returned by `degree_weights`."""

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
    """Maximum failure probability of each interval individually, and of the intervals of the coefficients jointly;
    None if everything is exact."""
    degrees: tuple[DegreeWeight, ...]
    coefficients: tuple[Coefficient, ...]
    """The largest ones of the unsmoothed function, largest absolute value first. For a sampled spectrum they are
    selected from all of degree 1 and 2 (or up to ``degree`` if that is less), with intervals that hold jointly."""
    total_influence: Quantity
    """Sum over the features of the mean variance that comes from that feature alone. It equals the sum of k times the
    weight of degree k in the standard or the biased basis."""
    smoothing: tuple[SmoothingStep, ...]
    restriction: Restriction | None
    evaluations: int
    values: Scores | None = field(default=None, repr=False, compare=False)
    """All 2^n coefficients in the basis, entry ``sum(2**i for i in S)``; None unless exact."""


@dataclass(frozen=True)
class StabilityBounds:
    """Corrected bounds on the stability rate at one radius, beside the truth; returned by `stability_bounds`."""

    radius: int
    keep_probability: Fraction
    variant: Literal["unsmoothed", "smoothed", "smoothed-free"]
    """Smoothed features: in ``"smoothed-free"`` only those that are not selected."""
    sets: float
    """B.4': upper bound on 1 - ``rate`` from every set of additions; not informative from 1 on."""
    degrees: float
    """B.5' / B.8': weaker, from the coefficients by degree."""
    hard_radius: int
    """B.6': largest radius, up to the given one, at which no addition moves the function by more than 1/2."""
    rate: float
    """True stability rate by enumeration, as defined in the paper: the function moves by at most 1/2."""
    class_rate: float
    """True rate at which the predicted class stays; a near tie does not count as staying."""
    evaluations: int
    class_bound: float | None = None
    """Upper bound on 1 - ``class_rate``: the mean movement divided by the distance of the function to 1/2 (E4). None
    where 1/2 does not decide between the classes (three or more, and the function not above 1/2)."""
