"""The result of `certify_soft`: numbers only, without input, model or report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from stabcert.core.types import Masks

Interval: TypeAlias = Literal["exact", "hoeffding"]
ReportedInterval: TypeAlias = Literal[Interval, "anytime"]
Formulation: TypeAlias = Literal["up-to", "exactly", "worst"]
Verdict: TypeAlias = Literal["certified", "not-certified", "undecided", "reported"]


@dataclass(frozen=True)
class StabilityRate:
    """Bounds on the stability rate at one radius, and the counts that they follow from."""

    radius: int
    samples: int
    """Tested additions (of the size that decides, for the worst-size formulation)."""
    matches: int
    """Tested additions with the prediction of the mask. A near tie is not a match."""
    near_ties: int
    """Additions whose two best classes are too close to distinguish; they widen the bounds on both sides."""
    rate: float | None
    """Estimate ``matches / samples``; None before the first sample."""
    lower: float
    upper: float
    hoeffding_epsilon: float | None
    """Half-width of the paper's interval for the same draws; None if enumerated or sequential."""
    enumerated: bool
    """Every addition was tested: the bounds hold with certainty, and the rate is exact except for near ties."""
    population: int | None
    """Number of additions; None above 10^6."""
    threshold: float | None
    met: bool | None
    """``lower >= threshold``, unrounded."""
    covers_up_to: int | None = None
    """The threshold also holds at every radius from here to this one (`certify_soft`, largest radius)."""

    @property
    def verdict(self) -> Verdict:
        if self.threshold is None:
            return "reported"
        if self.met:
            return "certified"
        return "not-certified" if self.upper < self.threshold else "undecided"


@dataclass(frozen=True)
class Shown:
    """The counts of tested additions that a certificate shows at one radius, and the bounds that it claims."""

    samples: int
    matches: int
    near_ties: int
    population: int | None
    lower: float
    upper: float

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.samples, self.matches, self.near_ties


@dataclass(frozen=True)
class SoftCertificate:
    """Bounds on the stability rate of one mask at one or several radii; the result of `certify_soft`."""

    prediction: int
    """Class on the masked input: the one that must survive."""
    n_features: int
    n_selected: int
    rates: tuple[StabilityRate, ...]
    delta: float
    """Probability that a statement of this certificate is wrong."""
    simultaneous: bool
    """True if all bounds hold jointly with probability 1 - delta; otherwise each radius holds individually."""
    interval: ReportedInterval
    sides: Literal[1, 2]
    """2: lower and upper bound hold jointly with probability 1 - delta. 1: each holds individually."""
    formulation: Formulation
    largest_radius: int | None
    """The rate is at least the threshold at every tested radius up to this one.

    Below the first tested radius if none is certified; None if it was not requested.
    """
    verdict: Verdict
    evaluations: int
    """Masks that the predictor evaluated."""
    flips: Masks = field(default_factory=lambda: np.zeros((0, 0), dtype=np.bool_), repr=False, compare=False)
    """``(k, n_features)``: distinct tested masks with another predicted class, without near ties.

    Fewest additions first, at most 100: the smallest tested ones of all radii.
    """
    consistent: bool | None = None
    """The mask alone has the class of the full input; None if that was not evaluated or is too close to call.

    ``verdict`` is about the rates alone: a mask that is not consistent has the rate of another class.
    """
    vacuous: bool | None = None
    """The empty input already has the class of the mask; None if that was not evaluated or is too close to call."""

    @property
    def near_ties(self) -> int:
        return sum(rate.near_ties for rate in self.rates)


def overall_verdict(rates: tuple[StabilityRate, ...], largest_radius: int | None) -> Verdict:
    """Return the worst verdict of all radii, or with a largest radius whether one is certified."""
    if largest_radius is not None and largest_radius >= rates[0].radius:
        return "certified"
    order: tuple[Verdict, ...] = ("reported", "certified", "undecided", "not-certified")
    return max((rate.verdict for rate in rates), key=order.index)
