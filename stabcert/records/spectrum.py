"""Records of ``fourier``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stabcert.records.common import ClassName, ReportedRecord
from stabcert.records.values import (
    Count,
    Indices,
    NotEmpty,
    NotNegative,
    Number,
    OpenShare,
    Part,
    Positive,
    Share,
)

NeededEvaluations = Annotated[
    Count | None,
    Field(
        description="About how many samples (--n-samples; in a restriction, evaluations) would make it meaningful; "
        "null if it is, or if that is not known."
    ),
]


class Quantity(Part):
    """Exact, or an estimate with an interval that by itself fails with probability at most delta."""

    value: Number
    lower: Number
    upper: Number
    exact: bool
    meaningful: bool
    """false: the interval is wider than half of what is possible anyway."""
    needed_evaluations: NeededEvaluations


class Degree(Part):
    """The weight of one degree of the function smoothed with one lambda."""

    keep_probability: Share
    """Keep probability of the smoothing; 1: not smoothed."""
    degree: Count
    weight: Number
    """Sum of the squared coefficients of the degree. An unbiased estimate may be negative."""
    weight_lower: NotNegative
    weight_upper: NotNegative
    exact: bool
    meaningful: bool
    """false: the interval is wider than half of what is possible anyway."""
    needed_evaluations: NeededEvaluations
    mass: NotNegative | None
    """Sum of their absolute values; null where only estimates exist."""


class Coefficient(Part):
    """One coefficient: exact, or an estimate with an interval."""

    features: Indices
    value: Number
    lower: Number
    upper: Number
    exact: bool
    meaningful: bool
    """false: the interval is wider than half of what is possible anyway."""
    needed_evaluations: NeededEvaluations


class SmoothingStep(Part):
    """What smoothing with one lambda does to the function."""

    keep_probability: Share
    """Keep probability of the smoothing; 1: not smoothed."""
    variance: Quantity
    """Of the smoothed function, over masks that keep each feature with variance_over."""
    variance_over: Share
    variance_bound: NotNegative | None
    """Upper bound from the variance of the unsmoothed function; null where none applies."""
    noise_stability: Quantity
    """Stab_rho of the unsmoothed function with rho = lambda."""
    tail_mass: list[NotNegative] | None
    """Mass of degree k and above, k = 0, 1, ...; null unless exact."""
    tail_mass_bound: list[NotNegative] | None
    """Upper bounds on these from the unsmoothed function."""


class Restriction(Part):
    """Exact spectra on few features, the others fixed at random, averaged: weight of degree 0, 1, ..."""

    size: Positive
    draws: Count
    """0: the mean over all of them, exact."""
    weights: list[Quantity]


class Bound(Part):
    """Stability bounds at one radius beside the truth."""

    radius: Count
    keep_probability: Share
    """Keep probability of the smoothing; 1: not smoothed."""
    variant: Literal["unsmoothed", "smoothed", "smoothed-free"]
    """smoothed-free: only features that are not kept are smoothed."""
    sets: NotNegative
    """Upper bound on 1 - rate from every set of additions."""
    degrees: NotNegative
    """Weaker upper bound on 1 - rate from the coefficients by degree."""
    hard_radius: Count
    """Largest radius, up to the given one, at which no addition moves the probability by more than 1/2."""
    rate: Share
    """True rate at which the probability moves by at most 1/2."""
    class_rate: Share
    """True rate at which the predicted class stays; near ties do not count."""
    class_bound: NotNegative | None
    """Upper bound on 1 - class_rate; null where 1/2 does not decide between the classes."""
    evaluations: Count


class BoundLeftOut(Part):
    """A bound that was not computed."""

    radius: Count
    keep_probability: Share
    """Keep probability of the smoothing; 1: not smoothed."""
    variant: Literal["unsmoothed", "smoothed", "smoothed-free"]
    """smoothed-free: only features that are not kept are smoothed."""
    needed_evaluations: Count


class SpectrumResult(Part):
    """What `fourier` found: the spectrum, what smoothing does to it, stability bounds."""

    basis: Literal["standard", "monotone", "biased"]
    bias: OpenShare | None
    """Probability that a feature is kept, for the biased basis."""
    function: Literal["probability", "margin", "indicator"]
    """Of the target class: its probability, its lead over other_class, or whether it is predicted."""
    target_class: ClassName
    other_class: ClassName | None
    """The runner-up, for the margin."""
    exact: bool
    """All 2^n masks were evaluated."""
    n: Positive
    delta: OpenShare | None
    """Each interval by itself is wrong with at most this probability, those of the coefficients all together; null if
    everything is exact."""
    degrees: NotEmpty[Degree]
    coefficients: list[Coefficient]
    """The largest of the unsmoothed function; of an estimated spectrum, of all of degree 1 and 2 (up to --degree)."""
    total_influence: Quantity
    smoothing: list[SmoothingStep]
    restriction: Restriction | None
    """Exact spectra on few features, the others fixed at random, averaged: weight of degree 0, 1, ..."""
    bounds: list[Bound]
    bounds_left_out: list[BoundLeftOut]
    """Bounds that would have taken too many evaluations."""


class SpectrumRecord(ReportedRecord):
    command: Literal["fourier"]
    result: SpectrumResult
