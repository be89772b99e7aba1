"""Records of ``fourier``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal, Self

from pydantic import Field

from stabcert.core.spectrum.result import Coefficient as FoundCoefficient
from stabcert.core.spectrum.result import DegreeWeight, LeftOut, SpectrumFinding, StabilityBounds
from stabcert.core.spectrum.result import Quantity as Estimated
from stabcert.core.spectrum.result import Restriction as Restricted
from stabcert.core.spectrum.result import SmoothingStep as Step
from stabcert.records.common import ClassName
from stabcert.records.record import ReportedRecord
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
    """Exact, or an estimate with an interval that individually fails with probability at most delta."""

    value: Number
    lower: Number
    upper: Number
    exact: bool
    meaningful: bool
    """false: the interval is wider than half of what is possible anyway."""
    needed_evaluations: NeededEvaluations

    @classmethod
    def of(cls, found: Estimated) -> Self:
        return cls(**asdict(found))


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

    @classmethod
    def of(cls, found: DegreeWeight) -> Self:
        weight = found.weight
        return cls(
            keep_probability=found.keep_probability,
            degree=found.degree,
            weight=weight.value,
            weight_lower=weight.lower,
            weight_upper=weight.upper,
            exact=weight.exact,
            meaningful=weight.meaningful,
            needed_evaluations=weight.needed_evaluations,
            mass=found.mass,
        )


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

    @classmethod
    def of(cls, found: FoundCoefficient) -> Self:
        return cls(features=list(found.features), **asdict(found.value))


class SmoothingStep(Part):
    """Effects of smoothing with one lambda."""

    keep_probability: Share
    """Keep probability of the smoothing; 1: not smoothed."""
    variance: Quantity
    """Variance of the smoothed function, over masks that keep each feature with variance_over."""
    variance_over: Share
    variance_bound: NotNegative | None
    """Upper bound from the variance of the unsmoothed function; null where none applies."""
    noise_stability: Quantity
    """Stab_rho of the unsmoothed function with rho = lambda."""
    tail_mass: list[NotNegative] | None
    """Mass of degree k and above, k = 0, 1, ...; null unless exact."""
    tail_mass_bound: list[NotNegative] | None
    """Upper bounds on these from the unsmoothed function."""

    @classmethod
    def of(cls, step: Step) -> Self:
        return cls(
            keep_probability=step.keep_probability,
            variance=Quantity.of(step.variance),
            variance_over=step.variance_over,
            variance_bound=step.variance_bound,
            noise_stability=Quantity.of(step.noise_stability),
            tail_mass=None if step.tail_mass is None else list(step.tail_mass),
            tail_mass_bound=None if step.tail_mass_bound is None else list(step.tail_mass_bound),
        )


class Restriction(Part):
    """Exact spectra on few features, the others fixed at random, averaged: weight of degree 0, 1, ..."""

    size: Positive
    draws: Count
    """0: the mean over all of them, exact."""
    weights: list[Quantity]

    @classmethod
    def of(cls, found: Restricted) -> Self:
        return cls(size=found.size, draws=found.draws, weights=[Quantity.of(weight) for weight in found.weights])


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

    @classmethod
    def of(cls, found: StabilityBounds) -> Self:
        return cls(
            radius=found.radius,
            keep_probability=float(found.keep_probability),
            variant=found.variant,
            sets=found.sets,
            degrees=found.degrees,
            hard_radius=found.hard_radius,
            rate=found.rate,
            class_rate=found.class_rate,
            class_bound=found.class_bound,
            evaluations=found.evaluations,
        )


class BoundLeftOut(Part):
    """A bound that was not computed."""

    radius: Count
    keep_probability: Share
    """Keep probability of the smoothing; 1: not smoothed."""
    variant: Literal["unsmoothed", "smoothed", "smoothed-free"]
    """smoothed-free: only features that are not kept are smoothed."""
    needed_evaluations: Count

    @classmethod
    def of(cls, found: LeftOut) -> Self:
        return cls(
            radius=found.radius,
            keep_probability=found.keep_probability,
            variant=found.variant,  # type: ignore[arg-type]  # checked here
            needed_evaluations=found.needed_evaluations,
        )


class SpectrumResult(Part):
    """The result of `fourier`: the spectrum, effects of smoothing, stability bounds."""

    basis: Literal["standard", "monotone", "biased"]
    bias: OpenShare | None
    """Probability that a feature is kept, for the biased basis."""
    function: Literal["probability", "margin", "indicator"]
    """Function of the target class: its probability, its lead over other_class, or 1 where it is predicted."""
    target_class: ClassName
    other_class: ClassName | None
    """The runner-up, for the margin."""
    exact: bool
    """All 2^n masks were evaluated."""
    n: Positive
    delta: OpenShare | None
    """Each interval individually is wrong with at most this probability, those of the coefficients jointly; null if
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

    @classmethod
    def of(cls, finding: SpectrumFinding, class_names: tuple[str, ...]) -> Self:
        spectrum = finding.spectrum
        other, restriction = spectrum.other_class, spectrum.restriction
        return cls(
            basis=spectrum.basis,
            bias=spectrum.bias,
            function=spectrum.target,
            target_class=ClassName.of(spectrum.target_class, class_names),
            other_class=None if other is None else ClassName.of(other, class_names),
            exact=spectrum.exact,
            n=spectrum.n_features,
            delta=spectrum.delta,
            degrees=[Degree.of(degree) for degree in spectrum.degrees],
            coefficients=[Coefficient.of(found) for found in spectrum.coefficients],
            total_influence=Quantity.of(spectrum.total_influence),
            smoothing=[SmoothingStep.of(step) for step in spectrum.smoothing],
            restriction=None if restriction is None else Restriction.of(restriction),
            bounds=[Bound.of(bounds) for bounds in finding.bounds],
            bounds_left_out=[BoundLeftOut.of(one) for one in finding.left_out],
        )


class SpectrumRecord(ReportedRecord):
    command: Literal["fourier"]
    result: SpectrumResult
