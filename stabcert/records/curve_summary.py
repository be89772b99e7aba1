"""Records of ``smooth-eval`` for the summary of all inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal, Self

from stabcert.core.curve.result import (
    Estimate,
    EstimateAtRadius,
    MethodStability,
    SmoothingDifference,
    SmoothingLevel,
    Threshold,
)
from stabcert.records.common import Model, Run
from stabcert.records.curve import settings_fields
from stabcert.records.findings import CurveFinding
from stabcert.records.means import MeanDifference
from stabcert.records.values import (
    Count,
    FractionText,
    Key,
    NotEmpty,
    Number,
    Pair,
    Part,
    Positive,
    PositiveShare,
    Share,
    SignedShare,
    Text,
)
from stabcert.records.writing import SCHEMA


class MeanRate(Part):
    """A mean over the inputs, at one radius."""

    radius: Count
    mean: Share
    lower: Share
    upper: Share
    clamped: Count
    """Inputs with fewer features to add than the radius, counted at all they have."""

    @classmethod
    def of(cls, found: EstimateAtRadius) -> Self:
        return cls(**asdict(found))


class ShareAtRadius(Part):
    """A share of the inputs, at one radius."""

    radius: Count
    share: Share
    lower: Share
    upper: Share
    clamped: Count
    """Inputs with fewer features to change than the radius, counted at all they have."""

    @classmethod
    def of(cls, found: EstimateAtRadius) -> Self:
        return cls(radius=found.radius, share=found.mean, lower=found.lower, upper=found.upper, clamped=found.clamped)


class RateDifference(Part):
    """A difference of means, at one radius."""

    radius: Count
    mean: SignedShare
    lower: SignedShare
    upper: SignedShare
    clamped: Count

    @classmethod
    def of(cls, found: EstimateAtRadius) -> Self:
        return cls(**asdict(found))


class MethodLevel(Part):
    """The masks of one method at one lambda."""

    method: Text
    consistency: Share
    consistency_lower: Share
    consistency_upper: Share
    rates: list[MeanRate]
    """Mean stability rate."""
    hard_rates: list[ShareAtRadius]
    """Share of inputs whose hard radius is at least the radius."""

    @classmethod
    def of(cls, method: str, found: MethodStability) -> Self:
        return cls(
            method=method,
            **_share("consistency", found.consistency),
            rates=[MeanRate.of(rate) for rate in found.rates],
            hard_rates=[ShareAtRadius.of(rate) for rate in found.hard_rates],
        )


class MethodDifference(Part):
    """The masks of one method at one lambda, less those at the first."""

    method: Text
    rates: list[RateDifference]

    @classmethod
    def of(cls, method: str, rates: Sequence[EstimateAtRadius]) -> Self:
        return cls(method=method, rates=[RateDifference.of(rate) for rate in rates])


class LevelDifference(Part):
    """One lambda less the first one."""

    reference: Number
    accuracy: MeanDifference | None
    rates: list[RateDifference]
    methods: NotEmpty[MethodDifference]

    @classmethod
    def of(cls, found: SmoothingDifference, methods: Sequence[str]) -> Self:
        by_method = [MethodDifference.of(method, rates) for method, rates in zip(methods, found.rates, strict=True)]
        return cls(
            reference=float(found.reference),
            accuracy=None if found.accuracy is None else MeanDifference.of(found.accuracy),
            rates=by_method[0].rates,
            methods=by_method,
        )


class CurveLevel(Part):
    """All inputs at one lambda."""

    keep_probability: PositiveShare
    """Share of features kept; 1 is the unsmoothed model."""
    fraction: FractionText
    """The same, exactly."""
    accuracy: Share | None
    """null without labels."""
    accuracy_lower: Share | None
    accuracy_upper: Share | None
    agreement: Share
    """Share of inputs with the class of the unsmoothed model."""
    agreement_lower: Share
    agreement_upper: Share
    consistency: Share
    consistency_lower: Share
    consistency_upper: Share
    rates: list[MeanRate]
    """Mean stability rate."""
    hard_rates: list[ShareAtRadius]
    """Share of inputs whose hard radius is at least the radius."""
    certified_accuracy: list[ShareAtRadius]
    """Share of inputs that are right with a decremental radius of at least the radius; empty without labels."""
    methods: NotEmpty[MethodLevel]
    """The same fields for each method; those above are for the first."""
    differences: LevelDifference | None
    """This lambda less the first one, input by input; null for the first."""

    @classmethod
    def of(cls, found: SmoothingLevel, difference: SmoothingDifference | None, methods: Sequence[str]) -> Self:
        """Return one level; what belongs to masks is there for each method and, for the first one, beside the rest."""
        by_method = [MethodLevel.of(method, one) for method, one in zip(methods, found.methods, strict=True)]
        return cls(
            keep_probability=float(found.keep_probability),
            fraction=str(found.keep_probability),
            **_share("accuracy", found.accuracy),
            **_share("agreement", found.agreement),
            **_share("consistency", found.methods[0].consistency),
            rates=by_method[0].rates,
            hard_rates=by_method[0].hard_rates,
            certified_accuracy=[ShareAtRadius.of(rate) for rate in found.certified_accuracy],
            methods=by_method,
            differences=None if difference is None else LevelDifference.of(difference, methods),
        )


class ReachedThreshold(Part):
    """A threshold that every lower bound has to reach."""

    threshold: Share
    smallest_lower: Share
    """The smallest lower bound, which has to reach it."""
    met: bool
    """smallest_lower >= threshold, unrounded."""

    @classmethod
    def of(cls, threshold: Threshold | None) -> Self | None:
        if threshold is None:
            return None
        return cls(threshold=threshold.value, smallest_lower=threshold.lower, met=threshold.met)


class CurveResult(Part):
    """The result of `smooth-eval` for all inputs together."""

    inputs: Positive
    """Number of evaluated inputs."""
    labelled: Count
    failed: Count
    """Inputs that could not be evaluated and are left out."""
    delta: Share
    """Each interval individually is wrong with at most this probability."""
    noise: Literal["bernoulli", "quantized"]
    draws: Positive
    """Frozen noise masks of each lambda below 1; those of quantized noise are the quantization."""
    noise_seed: Pair[Count]
    """Seed of the frozen noise, together with the number of features."""
    n_samples: Positive
    """Additions to try for each mask and radius."""
    methods: NotEmpty[Text]
    lambdas: NotEmpty[CurveLevel]
    min_accuracy: ReachedThreshold | None
    min_rate: ReachedThreshold | None

    @classmethod
    def of(cls, finding: CurveFinding) -> Self:
        curve, methods = finding.curve, finding.methods
        return cls(
            inputs=curve.inputs,
            labelled=curve.labelled,
            failed=finding.failed,
            delta=curve.delta,
            **settings_fields(finding.settings),
            methods=list(methods),
            lambdas=[
                CurveLevel.of(level, difference, methods)
                for level, difference in zip(curve.levels, [None, *curve.differences], strict=True)
            ],
            min_accuracy=ReachedThreshold.of(finding.min_accuracy),
            min_rate=ReachedThreshold.of(finding.min_rate),
        )


class CurveRecord(Part):
    """The last record of a run, made from those of its inputs; evaluations and seconds are theirs together."""

    version: Literal["stabcert/1"]
    command: Literal["smooth-eval"]
    status: Literal["reported", "certified", "undecided"]
    """reported, unless --min-accuracy or --min-rate was requested."""
    key: Key
    input: None
    model: Model
    prediction: None
    explanation: None
    result: CurveResult
    run: Run

    @classmethod
    def of(cls, finding: CurveFinding, *, key: str) -> Self:
        return cls(
            version=SCHEMA,
            command="smooth-eval",
            status=finding.status,
            key=key,
            input=None,
            model=Model.model_validate(finding.model),
            prediction=None,
            explanation=None,
            result=CurveResult.of(finding),
            run=Run.model_validate(finding.run),
        )


def _share(name: str, estimate: Estimate | None) -> dict[str, Any]:
    """Return the three fields of an estimate."""
    return {
        name: None if estimate is None else estimate.mean,
        f"{name}_lower": None if estimate is None else estimate.lower,
        f"{name}_upper": None if estimate is None else estimate.upper,
    }
