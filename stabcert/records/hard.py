"""Records of ``certify-hard``."""

from __future__ import annotations

from typing import Literal

from stabcert.records.common import (
    AllowInconsistent,
    AllowVacuous,
    ClassName,
    Dtype,
    Family,
    Prediction,
    StreamRule,
    ThresholdRecord,
)
from stabcert.records.values import (
    AtMostOne,
    Count,
    FractionText,
    Indices,
    MayBeAbsent,
    NotEmpty,
    Number,
    OpenShare,
    Pair,
    Part,
    Positive,
    Sha256,
    Text,
    TwoOrMore,
)


class ClassVotes(Part):
    """A class, and the noise masks that vote for it."""

    id: Count
    label: Text
    votes: Positive


class Broken(Part):
    """An addition that changes what the function says, and what it says then; null if none was found."""

    added: Indices
    """The added features."""
    prediction: Prediction


class HardRequest(Part):
    """Everything that decides the result, given input, model and mask; `certify-hard --verify` does it again."""

    seed: Count
    dtype: Dtype
    noise: Literal["quantized", "bernoulli"]
    keep_probability: FractionText
    """Of a sweep: taken where no lambda is free of ties."""
    quantization: TwoOrMore | None
    delta: OpenShare | None
    n_samples: Positive | None
    """Draws of Bernoulli noise, those that choose the class included."""
    scores: Literal["vote", "probability"]
    direction: Literal["incremental", "decremental", "both"]
    refine: Count
    """Model evaluations for a larger radius."""
    enumerate: Count
    """Model evaluations for trying every addition; 0: none."""
    attack: Positive | None
    sweep: bool
    min_radius: Positive | None
    family: MayBeAbsent[Family] = None
    stream_rule: MayBeAbsent[StreamRule] = None
    allow_inconsistent: MayBeAbsent[AllowInconsistent] = None
    allow_vacuous: MayBeAbsent[AllowVacuous] = None


class Refinement(Part):
    """What --refine proved; null if not asked for."""

    radius: Count
    depth: Count
    """Features added at a time in its tables."""
    complete: bool
    stable_for_all_supersets: bool
    exact: bool
    """No larger radius exists."""
    evaluations: Count


class Enumerated(Part):
    """Every addition tried on the model itself, radius by radius."""

    prediction: ClassName
    radius: Count
    exact: bool
    """No larger radius exists."""
    stable_for_all_supersets: bool
    flip: Indices | None
    """Added features that change the prediction."""
    near_ties: Count
    evaluations: Count


class Attack(Part):
    """Search for counterexamples, for the smoothed model and for the model itself."""

    calls: Positive
    smoothed: Broken | None
    model: Broken | None


class CheckedAddition(Part):
    """The addition given to --check."""

    file: Text
    sha256: Sha256
    added: Indices
    touched: Count
    """Noise masks that keep at least one of them."""
    guaranteed: bool
    """Neither this addition nor any part of it changes the prediction."""
    prediction: Prediction
    """Of the smoothed model with this addition."""
    near_tie: bool


class SweptLambda(Part):
    """The certificate of one lambda that was tried."""

    keep_probability: FractionText
    """The exact share of noise that keeps a feature; 15/64 is 15 of 64 noise masks."""
    radius_incremental: Count | None
    radius_decremental: Count | None
    stable_for_all_supersets: bool
    gap: AtMostOne
    prediction: Prediction | None
    """Of this smoothed model on the full input."""
    masked_prediction: Prediction
    consistent: bool | None
    agrees_with_unsmoothed: bool | None


class HardResult(Part):
    """What `certify-hard` proved, tried and broke."""

    request: MayBeAbsent[HardRequest] = None
    keep_probability: FractionText
    """The exact share of noise that keeps a feature; 15/64 is 15 of 64 noise masks."""
    quantization: TwoOrMore | None
    """q: number of noise masks, and grid of lambda; null for Bernoulli noise."""
    noise: Literal["quantized", "bernoulli"]
    noise_seed: Pair[Count] | None
    """numpy.random.default_rng of it draws the frozen noise masks: the same for every input of n features; null for
    Bernoulli noise."""
    draws: Positive
    """Noise masks that vote."""
    scores: Literal["vote", "probability"]
    direction: Literal["incremental", "decremental", "both"]
    prediction: ClassName
    """Of the smoothed model on the masked input: the one that must survive."""
    full_prediction: ClassName | None
    """Of the smoothed model on the full input; null where it was not evaluated."""
    consistent: bool | None
    """The smoothed model says the same of both; null where that was not evaluated or is too close to call."""
    vacuous: bool | None = None
    """The smoothed model says the same of the mask and of the empty input; null where that is too close to call."""
    votes: list[ClassVotes]
    """Of the noise masks on the masked input; classes with votes, most first."""
    full_votes: list[ClassVotes] | None
    """The same on the full input."""
    gap: AtMostOne
    """Lead of the prediction that is relied on, as a share; for Bernoulli noise a lower confidence bound."""
    full_gap: AtMostOne | None
    near_ties: Count
    """Votes too close to call; each counts against the prediction."""
    radius_incremental: Count | None
    """No addition of up to this many features changes the prediction; null if not asked for."""
    radius_decremental: Count | None
    """No removal of up to this many features outside the mask from the full input changes the prediction; null with
    the reason."""
    why_no_decremental: Text | None
    stable_for_all_supersets: bool
    """No addition of any size changes the prediction."""
    broken_at: Positive | None
    """Smallest number of added features known to change what the smoothed model says."""
    radius_votes: Count
    """Incremental radius from the lead of the votes alone."""
    radius_arcs: Count | None
    """Incremental radius from the lead and from which noise masks a feature touches; null if not computed."""
    refinement: Refinement | None
    """What --refine proved; null if not asked for."""
    published_radius: Number | None
    """gap / (2 lambda) as published, for comparison only: not sound at ties."""
    enumerated_radius: Count | None
    """Hard radius of the model itself as far as every addition was tried; null if none were."""
    enumerated: Enumerated | None
    """Every addition tried on the model itself, radius by radius."""
    attack_radius: Count | None
    """Largest radius of the smoothed model that the attack did not break; null if not asked for or nothing was
    found."""
    attack: Attack | None
    """Search for counterexamples, for the smoothed model and for the model itself."""
    check: CheckedAddition | None
    """The addition given to --check."""
    unsmoothed_prediction: Prediction
    """Of the model itself on the full input."""
    unsmoothed_masked_prediction: Prediction
    """Of the model itself on the masked input."""
    agrees_with_unsmoothed: bool | None
    """The smoothed model says of the full input what the model itself says."""
    sweep: NotEmpty[SweptLambda] | None
    """Every lambda that was tried, best first; the record is about the first."""
    evaluations: Count
    """Distinct masked inputs that the certificate needed."""
    delta: OpenShare | None
    """Probability that the certificate is wrong; null: it cannot be wrong."""
    threshold: Positive | None
    """--min-radius"""
    met: bool | None


class HardRecord(ThresholdRecord):
    command: Literal["certify-hard"]
    status: Literal["certified", "not-certified", "inconsistent", "vacuous", "reported"]
    result: HardResult
