"""Records of ``adapt``: the comparison of both models, there and back again."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import Any, Literal, Self

from stabcert.core.adaptation.result import MeanRadius, Measure, Overconfidence, Quantity
from stabcert.core.adaptation.settings import ComparisonSettings
from stabcert.core.curve.result import Threshold
from stabcert.records.adapt_inputs import ReportingInput
from stabcert.records.adaptation import Compared, Explained
from stabcert.records.common import Masking
from stabcert.records.means import MeanDifference, MeanShare
from stabcert.records.values import (
    Count,
    FractionText,
    NotEmpty,
    NotNegative,
    Pair,
    Part,
    Positive,
    Share,
    SignedShare,
    Text,
)


class MeasureRow(Part):
    """One quantity before and after; each interval holds individually."""

    quantity: Quantity
    at: FractionText | None
    """Keep share for agreement and accuracy, lambda for all others; null for masked agreement, the mean over shares."""
    radius: Count | None
    """Features that may be added or removed."""
    before: MeanShare
    after: MeanShare
    difference: MeanDifference

    @classmethod
    def of(cls, found: Measure) -> Self:
        return cls(
            quantity=found.quantity,
            at=None if found.at is None else str(found.at),
            radius=found.radius,
            before=MeanShare.of(found.before),
            after=MeanShare.of(found.after),
            difference=MeanDifference.of(found.difference),
        )


class MeanRadiusRow(Part):
    """Mean number of features that may certainly be added to an explanation."""

    keep_probability: FractionText
    before: NotNegative
    after: NotNegative

    @classmethod
    def of(cls, found: MeanRadius) -> Self:
        return cls(keep_probability=str(found.keep_probability), before=found.before, after=found.after)


class OverconfidenceRow(Part):
    """The test whether a model is more confident on masked inputs than it should be."""

    model: Literal["before", "after"]
    keep_share: FractionText
    inputs: Positive
    """Masked inputs, one mask each."""
    confidence: Share
    """Mean of the largest probabilities."""
    agreements: Count
    """Masked inputs with the class of the original model for the full input; near ties are among them."""
    p_value: Share

    @classmethod
    def of(cls, model: Literal["before", "after"], found: Overconfidence) -> Self:
        return cls(**asdict(found) | {"keep_share": str(found.keep_share)}, model=model)


class ComparisonRequest(Part):
    """Masks, additions and noise, the same for both models and for all inputs."""

    keep_shares: NotEmpty[FractionText]
    masks: Positive
    """Random masks of each keep share below 1."""
    radii: list[Count]
    n_samples: Positive
    """Additions to test for each radius."""
    lambdas: list[FractionText]
    draws: Positive
    """Frozen noise masks of each smoothed model; those of quantized noise are the quantization."""
    noise: Literal["bernoulli", "quantized"]
    noise_seed: Pair[Count]
    """Seed of the frozen noise, together with the number of features."""
    delta: Share
    """Each interval individually is wrong with at most this probability."""
    report_share: Share | None
    """Share of the inputs that was drawn for the report; null where they were named."""

    @classmethod
    def of(cls, found: Compared) -> Self:
        settings = found.settings
        return cls(
            keep_shares=[str(one) for one in settings.keep_shares],
            masks=settings.masks,
            radii=list(settings.radii),
            n_samples=settings.n_samples,
            lambdas=[str(one) for one in settings.lambdas],
            draws=settings.draws,
            noise=settings.noise,
            noise_seed=list(found.noise_seed),
            delta=found.comparison.delta,
            report_share=found.report_share,
        )


class Explanations(Part):
    """The explanations, by one attribution of the original model."""

    method: Text
    settings: dict[Text, Any]
    top_k: Text
    feature_kind: Text
    masking: Masking

    @classmethod
    def of(cls, found: Explained) -> Self:
        return cls(**asdict(found))


class CleanLoss(Part):
    """The loss on full inputs against its bound."""

    quantity: Literal["accuracy", "agreement"]
    bound: Share
    verdict: Literal["within", "open", "beyond"]
    """within: the whole interval is within the bound; open: the mean is, but not the interval; beyond: the mean is not.
    """

    @classmethod
    def of(cls, found: Compared) -> Self:
        quantity: Literal["accuracy", "agreement"] = "accuracy" if found.clean.quantity == "accuracy" else "agreement"
        return cls(quantity=quantity, bound=found.clean_bound, verdict=found.clean_verdict)


class RequestedGain(Part):
    """The gain of the masked agreement that was requested."""

    threshold: Share
    lower: SignedShare
    """Lower bound of the gain, which has to reach it."""
    met: bool
    """lower >= threshold, unrounded."""

    @classmethod
    def of(cls, found: Threshold | None) -> Self | None:
        return None if found is None else cls(threshold=found.value, lower=found.lower, met=found.met)


class ComparisonResult(Part):
    """Both models on the reporting inputs."""

    request: ComparisonRequest
    explanations: Explanations
    inputs: NotEmpty[ReportingInput]
    labelled: Count
    measures: NotEmpty[MeasureRow]
    mean_radii: list[MeanRadiusRow]
    overconfidence: list[OverconfidenceRow]
    clean: CleanLoss
    min_gain: RequestedGain | None

    @classmethod
    def of(cls, found: Compared, class_names: tuple[str, ...]) -> Self:
        comparison, method = found.comparison, found.explained.method
        return cls(
            request=ComparisonRequest.of(found),
            explanations=Explanations.of(found.explained),
            inputs=[ReportingInput.of(one, method, class_names) for one in found.inputs],
            labelled=comparison.labelled,
            measures=[MeasureRow.of(one) for one in comparison.measures],
            mean_radii=[MeanRadiusRow.of(one) for one in comparison.mean_radii],
            overconfidence=[
                *(OverconfidenceRow.of("before", one) for one in comparison.overconfidence_before),
                *(OverconfidenceRow.of("after", one) for one in comparison.overconfidence_after),
            ],
            clean=CleanLoss.of(found),
            min_gain=RequestedGain.of(found.threshold),
        )


def settings_of(request: dict[str, Any]) -> ComparisonSettings:
    """Return the settings of a comparison from its record.

    Raises:
        ParameterError: no comparison has these settings.
    """
    return ComparisonSettings(
        keep_shares=tuple(map(Fraction, request["keep_shares"])),
        masks=request["masks"],
        radii=tuple(request["radii"]),
        n_samples=request["n_samples"],
        lambdas=tuple(map(Fraction, request["lambdas"])),
        draws=request["draws"],
        noise=request["noise"],
    )
