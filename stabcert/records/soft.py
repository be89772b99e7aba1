"""Records of ``certify-soft``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from stabcert.core.soft.certificate import Interval, ReportedInterval, SoftCertificate, StabilityRate
from stabcert.records.asked import AllowInconsistent, AllowVacuous, Dtype, Family, SoftStreamRule
from stabcert.records.choice import Choice, RequestedChoice
from stabcert.records.common import Prediction
from stabcert.records.record import ThresholdRecord
from stabcert.records.values import (
    INTEGER,
    Count,
    MayBeAbsent,
    NotEmpty,
    Number,
    OpenShare,
    Part,
    Positive,
    PositiveShare,
    Share,
    Text,
)


class Rate(Part):
    """The stability rate at one radius, and its bounds."""

    radius: Count
    samples: Count
    """Additions that were tested."""
    matches: Count
    """Those with the prediction of the mask."""
    near_ties: Count
    rate: Share | None
    lower: Share
    upper: Share
    hoeffding_epsilon: Number | None
    """Half-width of the paper's interval; null if enumerated or sequential."""
    enumerated: bool
    """Every addition was tested: the rate is exact."""
    population: int | None
    """Number of additions; null above 10^6."""
    threshold: Share | None
    met: bool | None
    """lower >= threshold, unrounded."""
    verdict: Literal["certified", "not-certified", "undecided", "reported"]
    covers_up_to: int | None
    """The threshold also holds at every radius up to this one."""

    @classmethod
    def of(cls, found: StabilityRate) -> Self:
        return cls(
            radius=found.radius,
            samples=found.samples,
            matches=found.matches,
            near_ties=found.near_ties,
            rate=found.rate,
            lower=found.lower,
            upper=found.upper,
            hoeffding_epsilon=found.hoeffding_epsilon,
            enumerated=found.enumerated,
            population=found.population,
            threshold=found.threshold,
            met=found.met,
            verdict=found.verdict,
            covers_up_to=found.covers_up_to,
        )


class Smoothing(Part):
    """The smoothed model that was certified; null if it was the unsmoothed model."""

    keep_probability: Share
    draws: Positive
    noise: Literal["bernoulli"]
    unsmoothed_prediction: Prediction


class SoftRequest(Part):
    """Everything that decides the result, given input, model and mask; `certify-soft --verify` does it again."""

    seed: Count
    dtype: Dtype
    radius: Text
    """Value of --radius."""
    formulation: Literal["up-to", "exactly", "worst"]
    interval: Interval
    delta: OpenShare
    simultaneous: bool
    """The radii were to share delta; with a largest radius they do not."""
    epsilon: OpenShare | None
    """Sets the number of samples; null where that is given or the test is sequential."""
    n_samples: Positive | None
    min_rate: PositiveShare | None
    sequential: bool
    max_samples: Positive | None
    largest_radius: bool
    smooth: Share
    """Probability with which the smoothed model keeps a feature; 1 = no smoothing."""
    smooth_draws: Positive | None
    family: MayBeAbsent[Family] = None
    stream_rule: MayBeAbsent[SoftStreamRule] = None
    allow_inconsistent: MayBeAbsent[AllowInconsistent] = None
    allow_vacuous: MayBeAbsent[AllowVacuous] = None
    choice: MayBeAbsent[RequestedChoice] = None


class SoftResult(Part):
    """The result of `certify-soft`: bounds on the stability rate at each radius."""

    request: MayBeAbsent[SoftRequest] = None
    interval: ReportedInterval
    sides: Annotated[Literal[1, 2], INTEGER]
    """2: lower and upper hold together with probability 1 - delta; 1: each individually."""
    formulation: Literal["up-to", "exactly", "worst"]
    delta: OpenShare
    simultaneous: bool
    """The bounds of all radii hold together with probability 1 - delta."""
    smoothing: Smoothing | None
    choice: MayBeAbsent[Choice] = None
    rates: NotEmpty[Rate]
    largest_radius: int | None
    near_ties: Count
    interrupted: bool

    @classmethod
    def of(
        cls,
        found: SoftCertificate,
        smoothing: Smoothing | None = None,
        *,
        request: dict[str, Any] | None = None,
        choice: Choice | None = None,
        interrupted: bool = False,
    ) -> Self:
        """Return the result of a certificate.

        Args:
            request: fields of `SoftRequest`: all that it takes to do the same again.
            choice: the choice of lambda, if it was not named.
        """
        chosen: dict[str, Any] = {} if choice is None else {"choice": choice}
        asked: dict[str, Any] = {} if request is None else {"request": SoftRequest.model_validate(request)}
        return cls(
            **asked,
            interval=found.interval,
            sides=found.sides,
            formulation=found.formulation,
            delta=found.delta,
            simultaneous=found.simultaneous,
            smoothing=smoothing,
            **chosen,
            rates=[Rate.of(rate) for rate in found.rates],
            largest_radius=found.largest_radius,
            near_ties=found.near_ties,
            interrupted=interrupted,
        )


class SoftRecord(ThresholdRecord):
    command: Literal["certify-soft"]
    status: Literal["certified", "not-certified", "undecided", "inconsistent", "vacuous", "reported"]
    result: SoftResult
