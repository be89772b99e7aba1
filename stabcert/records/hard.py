"""Records of ``certify-hard``."""

from __future__ import annotations

from typing import Any, Literal, Self

from stabcert.core.hard.finding import HardFinding, Smoothed, agrees, lambda_text, reported
from stabcert.core.hard.sweep import Choice
from stabcert.records.asked import AllowInconsistent, AllowVacuous, Dtype, Family, StreamRule
from stabcert.records.common import ClassName, Prediction
from stabcert.records.hard_parts import Attack, CheckedAddition, ClassVotes, Enumerated, Refinement
from stabcert.records.record import ThresholdRecord
from stabcert.records.values import (
    AtMostOne,
    Count,
    FractionText,
    MayBeAbsent,
    NotEmpty,
    Number,
    OpenShare,
    Pair,
    Part,
    Positive,
    Text,
    TwoOrMore,
)


class HardRequest(Part):
    """Everything that decides the result, given input, model and mask; `certify-hard --verify` does it again."""

    seed: Count
    dtype: Dtype
    noise: Literal["quantized", "bernoulli"]
    keep_probability: FractionText
    """The share of noise that keeps a feature; in a sweep or choice, for the case that no lambda is free of ties."""
    quantization: TwoOrMore | None
    delta: OpenShare | None
    n_samples: Positive | None
    """Draws of Bernoulli noise, those that choose the class included."""
    scores: Literal["vote", "probability"]
    direction: Literal["incremental", "decremental", "both"]
    refine: Count
    """Model evaluations for a larger radius."""
    enumerate: Count
    """Model evaluations for testing every addition; 0: none."""
    attack: Positive | None
    sweep: bool
    min_radius: Positive | None
    family: MayBeAbsent[Family] = None
    stream_rule: MayBeAbsent[StreamRule] = None
    allow_inconsistent: MayBeAbsent[AllowInconsistent] = None
    allow_vacuous: MayBeAbsent[AllowVacuous] = None
    choice: MayBeAbsent[Choice] = None
    """Rule that chose lambda among the rows of result.sweep; missing where lambda was named, and in a sweep.
    largest-radius: of those that keep the unsmoothed prediction the largest radius, then the least noise."""


class SweptLambda(Part):
    """The certificate of one lambda that was tested."""

    keep_probability: FractionText
    """The exact share of noise that keeps a feature; 15/64 is 15 of 64 noise masks."""
    radius_incremental: Count | None
    radius_decremental: Count | None
    stable_for_all_supersets: bool
    gap: AtMostOne
    prediction: Prediction | None
    """Prediction of this smoothed model on the full input."""
    masked_prediction: Prediction
    consistent: bool | None
    agrees_with_unsmoothed: bool | None

    @classmethod
    def of(cls, one: Smoothed, finding: HardFinding) -> Self:
        certificate = one.certificate
        shown = reported(certificate.proof, finding.direction)
        return cls(
            keep_probability=lambda_text(certificate, finding.quantization),
            radius_incremental=shown.incremental,
            radius_decremental=shown.decremental,
            stable_for_all_supersets=certificate.stable_for_all_supersets,
            gap=certificate.gap,
            prediction=None if one.full is None else Prediction.of(one.full),
            masked_prediction=Prediction.of(one.masked),
            consistent=one.flags.consistent,
            agrees_with_unsmoothed=agrees(one, finding.plain),
        )


class HardResult(Part):
    """The result of `certify-hard`: what was proved, tested and broken."""

    request: MayBeAbsent[HardRequest] = None
    keep_probability: FractionText
    """The exact share of noise that keeps a feature; 15/64 is 15 of 64 noise masks."""
    quantization: TwoOrMore | None
    """q: number of noise masks, and grid of lambda; null for Bernoulli noise."""
    noise: Literal["quantized", "bernoulli"]
    noise_seed: Pair[Count] | None
    """numpy.random.default_rng of it draws the frozen noise masks: the same for every input of n features; null for
    Bernoulli noise, and for noise masks that were given in Python."""
    draws: Positive
    """Noise masks that vote."""
    scores: Literal["vote", "probability"]
    direction: Literal["incremental", "decremental", "both"]
    prediction: ClassName
    """Class of the smoothed model on the masked input: the one that must survive."""
    full_prediction: ClassName | None
    """Class of the smoothed model on the full input; null where it was not evaluated."""
    consistent: bool | None
    """The smoothed model predicts the same class for both; null if not evaluated or too close to call."""
    vacuous: bool | None = None
    """The smoothed model predicts the same class for the mask and the empty input; null if too close to call."""
    votes: list[ClassVotes]
    """Votes of the noise masks on the masked input; classes with votes, most first."""
    full_votes: list[ClassVotes] | None
    """The same on the full input."""
    gap: AtMostOne
    """Lead of the prediction that is relied on, as a share; for Bernoulli noise a lower confidence bound."""
    full_gap: AtMostOne | None
    near_ties: Count
    """Votes too close to call; each counts against the prediction."""
    radius_incremental: Count | None
    """No addition of up to this many features changes the prediction; null if not requested."""
    radius_decremental: Count | None
    """No removal of up to this many features outside the mask from the full input changes the prediction; null with
    the reason."""
    why_no_decremental: Text | None
    stable_for_all_supersets: bool
    """No addition of any size changes the prediction."""
    broken_at: Positive | None
    """Smallest number of added features known to change the prediction of the smoothed model."""
    radius_votes: Count
    """Incremental radius from the lead of the votes alone."""
    radius_arcs: Count | None
    """Incremental radius from the lead and from which noise masks a feature touches; null if not computed."""
    refinement: Refinement | None
    """Proof by --refine; null without it."""
    published_radius: Number | None
    """gap / (2 lambda) as published, for comparison only: not sound at ties."""
    enumerated_radius: Count | None
    """Hard radius of the unsmoothed model as far as every addition was tested; null if none were."""
    enumerated: Enumerated | None
    """Every addition tested on the unsmoothed model, radius by radius."""
    attack_radius: Count | None
    """Largest radius of the smoothed model that the attack did not break; null if not requested or nothing was
    found."""
    attack: Attack | None
    """Search for counterexamples, for the smoothed model and for the unsmoothed model."""
    check: CheckedAddition | None
    """The addition given to --check."""
    unsmoothed_prediction: Prediction
    """Prediction of the unsmoothed model on the full input."""
    unsmoothed_masked_prediction: Prediction
    """Prediction of the unsmoothed model on the masked input."""
    agrees_with_unsmoothed: bool | None
    """The smoothed and the unsmoothed model predict the same class for the full input."""
    sweep: NotEmpty[SweptLambda] | None
    """Every lambda that was tested, best first; the record is about the first. If request.choice is there, only
    those that keep the prediction are refined, until no addition matters at one of them."""
    evaluations: Count
    """Distinct masked inputs that the certificate needed."""
    delta: OpenShare | None
    """Probability that the certificate is wrong; null: it cannot be wrong."""
    threshold: Positive | None
    """--min-radius"""
    met: bool | None

    @classmethod
    def of(cls, finding: HardFinding, class_names: tuple[str, ...], *, request: dict[str, Any] | None = None) -> Self:
        """Return the result of a finding; features are indices.

        Args:
            request: fields of `HardRequest`: all that it takes to do the same again.
        """
        asked = {} if request is None else {"request": HardRequest.model_validate(request)}
        certificate, smoothed = finding.certificate, finding.smoothed
        return cls(
            **asked,
            keep_probability=lambda_text(certificate, finding.quantization),
            quantization=finding.quantization,
            noise=certificate.noise,
            noise_seed=None if finding.noise_seed is None else list(finding.noise_seed),
            draws=certificate.draws,
            scores=certificate.scores,
            direction=finding.direction,
            prediction=ClassName.of(certificate.prediction, class_names),
            full_prediction=None if smoothed.full is None else ClassName.of(smoothed.full.id, class_names),
            consistent=smoothed.flags.consistent,
            vacuous=smoothed.flags.vacuous,
            votes=ClassVotes.ranked(certificate.votes, class_names),
            full_votes=None
            if certificate.full_votes is None
            else ClassVotes.ranked(certificate.full_votes, class_names),
            gap=certificate.gap,
            full_gap=certificate.full_gap,
            near_ties=certificate.near_ties,
            radius_incremental=finding.radius_incremental,
            radius_decremental=finding.radius_decremental,
            why_no_decremental=finding.reported.why_no_decremental,
            stable_for_all_supersets=certificate.stable_for_all_supersets,
            broken_at=finding.broken_at,
            radius_votes=certificate.radius_votes,
            radius_arcs=certificate.radius_arcs,
            refinement=None if certificate.refinement is None else Refinement.of(certificate.refinement),
            published_radius=certificate.published_radius,
            enumerated_radius=None if finding.enumerated is None else finding.enumerated.radius,
            enumerated=None if finding.enumerated is None else Enumerated.of(finding.enumerated, class_names),
            attack_radius=None if finding.broken is None else finding.broken.size - 1,
            attack=None if finding.attack is None else Attack.of(finding.attack),
            check=None
            if finding.check is None
            else CheckedAddition.of(finding.check, guaranteed=finding.check_guaranteed),
            unsmoothed_prediction=Prediction.of(finding.plain),
            unsmoothed_masked_prediction=Prediction.of(finding.plain_masked),
            agrees_with_unsmoothed=finding.agrees,
            sweep=[SweptLambda.of(one, finding) for one in finding.sweep] or None,
            evaluations=certificate.evaluations,
            delta=certificate.delta,
            threshold=finding.threshold,
            met=finding.met,
        )


class HardRecord(ThresholdRecord):
    command: Literal["certify-hard"]
    status: Literal["certified", "not-certified", "inconsistent", "vacuous", "reported"]
    result: HardResult
