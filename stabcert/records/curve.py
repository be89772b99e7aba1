"""Records of ``smooth-eval``: of one input, and of all of them together."""

from __future__ import annotations

from typing import Literal

from stabcert.records.common import ClassName, Model, ReportedRecord, Run
from stabcert.records.values import (
    Count,
    FractionText,
    Indices,
    Key,
    MayBeAbsent,
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


class NamedMask(Part):
    """The mask of one method."""

    method: Text
    selected: Indices
    """Indices of the kept features."""


class CountedAdditions(Part):
    """Additions of one radius that were tried."""

    radius: Count
    radius_used: Count
    """At most the number of features that are left to add."""
    samples: Positive
    matches: Count
    """Additions with the prediction of the mask; a near tie is none."""
    near_ties: Count
    enumerated: bool
    """Every addition was tried once."""


class SmoothedMask(Part):
    """One mask on the smoothed model."""

    method: Text
    masked_prediction: ClassName
    near_tie: bool
    consistent: bool | None
    """The class of the full input; null at a near tie."""
    n_free: Count
    """Features that are left to add."""
    rates: list[CountedAdditions]
    hard_radius: Count | None
    """No addition of up to this many features changes the prediction; null at a near tie."""


class SmoothedLevel(Part):
    """The model smoothed with one lambda, on one input."""

    keep_probability: PositiveShare
    """Share of features kept; 1 is the model itself."""
    fraction: FractionText
    """The same, exactly."""
    prediction: ClassName
    """Of the full input."""
    near_tie: bool
    correct: bool | None
    """null without a label."""
    agrees: bool | None
    """The class of the model itself; null at a near tie."""
    decremental_radius: Count | None
    """No removal of up to this many features from the full input changes its prediction; null at a near tie."""
    masks: NotEmpty[SmoothedMask]


class CurveInputResult(Part):
    """What `smooth-eval` found of one input."""

    label: ClassName | None
    """The class that the input is said to have."""
    copies_before: MayBeAbsent[Count] = None
    """How many inputs of the same bytes stand before it in the list; each has draws of its own."""
    noise: Literal["bernoulli", "quantized"]
    draws: Positive
    """Frozen noise masks of each lambda below 1; those of quantized noise are the quantization."""
    noise_seed: Pair[Count]
    """What the frozen noise was drawn from, together with the number of features."""
    n_samples: Positive
    """Additions to try for each mask and radius."""
    masks: NotEmpty[NamedMask]
    """One for each method; the mask of the record is that of the first."""
    lambdas: NotEmpty[SmoothedLevel]


class MeanRate(Part):
    """A mean over the inputs, at one radius."""

    radius: Count
    mean: Share
    lower: Share
    upper: Share
    clamped: Count
    """Inputs with fewer features to add than the radius, counted at all they have."""


class ShareAtRadius(Part):
    """A share of the inputs, at one radius."""

    radius: Count
    share: Share
    lower: Share
    upper: Share
    clamped: Count
    """Inputs with fewer features to change than the radius, counted at all they have."""


class RateDifference(Part):
    """A difference of means, at one radius."""

    radius: Count
    mean: SignedShare
    lower: SignedShare
    upper: SignedShare
    clamped: Count


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


class AccuracyDifference(Part):
    """A difference of accuracies."""

    mean: SignedShare
    lower: SignedShare
    upper: SignedShare


class MethodDifference(Part):
    """The masks of one method at one lambda, less those at the first."""

    method: Text
    rates: list[RateDifference]


class LevelDifference(Part):
    """One lambda less the first one."""

    reference: Number
    accuracy: AccuracyDifference | None
    rates: list[RateDifference]
    methods: NotEmpty[MethodDifference]


class CurveLevel(Part):
    """All inputs at one lambda."""

    keep_probability: PositiveShare
    """Share of features kept; 1 is the model itself."""
    fraction: FractionText
    """The same, exactly."""
    accuracy: Share | None
    """null without labels."""
    accuracy_lower: Share | None
    accuracy_upper: Share | None
    agreement: Share
    """Share of inputs with the class of the model itself."""
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
    """For each method what stands above for the first."""
    differences: LevelDifference | None
    """This lambda less the first one, input by input; null for the first."""


class ReachedThreshold(Part):
    """A threshold that every lower bound has to reach."""

    threshold: Share
    smallest_lower: Share
    """The smallest lower bound, which has to reach it."""
    met: bool
    """smallest_lower >= threshold, unrounded."""


class CurveResult(Part):
    """What `smooth-eval` found of all inputs together."""

    inputs: Positive
    """That were evaluated."""
    labelled: Count
    failed: Count
    """Inputs that could not be evaluated and are left out."""
    delta: Share
    """Each interval by itself is wrong with at most this probability."""
    noise: Literal["bernoulli", "quantized"]
    draws: Positive
    """Frozen noise masks of each lambda below 1; those of quantized noise are the quantization."""
    noise_seed: Pair[Count]
    """What the frozen noise was drawn from, together with the number of features."""
    n_samples: Positive
    """Additions to try for each mask and radius."""
    methods: NotEmpty[Text]
    lambdas: NotEmpty[CurveLevel]
    min_accuracy: ReachedThreshold | None
    min_rate: ReachedThreshold | None


class CurveInputRecord(ReportedRecord):
    command: Literal["smooth-eval"]
    result: CurveInputResult


class CurveRecord(Part):
    """The last record of a run, made from those of its inputs; evaluations and seconds are theirs together."""

    version: Literal["stabcert/1"]
    command: Literal["smooth-eval"]
    status: Literal["reported", "certified", "undecided"]
    """reported, unless --min-accuracy or --min-rate was asked for."""
    key: Key
    input: None
    model: Model
    prediction: None
    explanation: None
    result: CurveResult
    run: Run
