"""``result`` of ``certify-hard``: what was proved, what was tried, what was broken, and by how many votes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from stabcert.core.hard_certificate import CheckedAddition, EnumeratedRadius, HardCertificate
from stabcert.core.types import Mask
from stabcert.report.record import Prediction, prediction_record

Direction: TypeAlias = Literal["incremental", "decremental", "both"]


@dataclass(frozen=True)
class Broken:
    """An addition that certainly changes what a function says; found by a search, so a smaller one may exist."""

    added: Mask
    """The added features alone."""
    prediction: Prediction
    """What the function says then."""

    @property
    def size(self) -> int:
        return int(self.added.sum())


@dataclass(frozen=True)
class Attack:
    """What a search for counterexamples found within its model evaluations; None where it found nothing."""

    calls: int
    smoothed: Broken | None
    model: Broken | None


@dataclass(frozen=True)
class Check:
    """One addition of the user's own."""

    file: str
    sha256: str
    added: Mask
    """The added features alone."""
    found: CheckedAddition
    prediction: Prediction
    """Of the smoothed model with exactly this addition."""


@dataclass(frozen=True)
class Smoothed:
    """The certificate of one smoothed model, and what that model says."""

    certificate: HardCertificate
    masked: Prediction
    """On the masked input, by the share of votes (or the mean probability)."""
    full: Prediction | None
    """On the full input; None where it was not evaluated."""

    @property
    def consistent(self) -> bool | None:
        """The smoothed model says the same of the masked and of the full input; None where it was not evaluated."""
        return None if self.full is None else self.full.id == self.certificate.prediction


@dataclass(frozen=True)
class HardFinding:
    """Everything that one call of ``certify-hard`` found about one input."""

    smoothed: Smoothed
    direction: Direction
    quantization: int | None
    """Grid of lambda and number of noise masks; None for Bernoulli noise."""
    noise_seed: tuple[int, int] | None
    """What the frozen noise was drawn from; None for Bernoulli noise, whose draws are not part of the function."""
    plain: Prediction
    """The model itself on the full input."""
    plain_masked: Prediction
    """The model itself on the masked input."""
    threshold: int | None
    enumerated: EnumeratedRadius | None
    attack: Attack | None
    check: Check | None
    sweep: tuple[Smoothed, ...] = ()
    """Every lambda that was tried, best first; `smoothed` is the first of them."""

    @property
    def certificate(self) -> HardCertificate:
        return self.smoothed.certificate

    @property
    def radius_incremental(self) -> int | None:
        """None if it was not asked for."""
        return None if self.direction == "decremental" else self.certificate.radius_incremental

    @property
    def radius_decremental(self) -> int | None:
        """None if it was not asked for, or with a reason in the certificate."""
        return None if self.direction == "incremental" else self.certificate.radius_decremental

    @property
    def met(self) -> bool | None:
        """The radius in question reaches the threshold, or nothing that is added ever matters."""
        if self.threshold is None:
            return None
        radius = self.radius_decremental if self.direction == "decremental" else self.radius_incremental
        return self.certificate.stable_for_all_supersets or (radius is not None and radius >= self.threshold)

    @property
    def agrees(self) -> bool | None:
        """The smoothed model says of the full input what the model itself says; None where that is not known."""
        return agrees(self.smoothed, self.plain)

    @property
    def check_guaranteed(self) -> bool:
        """The user's addition and all its parts are guaranteed, by the votes or by any radius."""
        certificate = self.certificate
        return self.check is not None and (
            self.check.found.guaranteed
            or certificate.stable_for_all_supersets
            or 0 < self.check.found.added <= certificate.radius_incremental
        )

    @property
    def broken(self) -> Broken | None:
        """The smallest addition known to change what the smoothed model says."""
        return None if self.attack is None else self.attack.smoothed

    @property
    def broken_at(self) -> int | None:
        """The smallest number of added features known to change what the smoothed model says: found, or computed."""
        refinement = self.certificate.refinement
        if refinement is not None and refinement.exact and not self.certificate.stable_for_all_supersets:
            return refinement.radius + 1
        return None if self.broken is None else self.broken.size

    @property
    def smallest_plain_flip(self) -> Mask | None:
        """The smallest addition known to change what the model itself says, tried or searched; added features alone."""
        if self.enumerated is not None and self.enumerated.flip is not None:
            return self.enumerated.flip
        found = None if self.attack is None else self.attack.model
        return None if found is None else found.added


def agrees(smoothed: Smoothed, plain: Prediction) -> bool | None:
    """Whether the smoothed model says of the full input what the model itself says; None where that is not known."""
    certificate = smoothed.certificate
    if certificate.noise == "bernoulli":
        # Draws show what the smoothed model says only where they bound its lead away from 0.
        proved = certificate.full_gap is not None and certificate.full_gap > 0
        return certificate.prediction == plain.id if proved else None
    return None if smoothed.full is None else smoothed.full.id == plain.id


def keeps_prediction(smoothed: Smoothed, plain: Prediction) -> bool:
    """Smoothing leaves the prediction that is explained: on the full input, and on the mask alone."""
    return smoothed.masked.id == plain.id and agrees(smoothed, plain) is not False


def lambda_text(certificate: HardCertificate, quantization: int | None) -> str:
    """lambda as the exact fraction: over the grid where there is one, else in lowest terms."""
    probability = certificate.keep_probability
    if probability is None:
        raise TypeError("certify-hard has one keep probability for all features")
    return str(probability) if quantization is None else f"{int(probability * quantization)}/{quantization}"


def hard_result(finding: HardFinding, class_names: tuple[str, ...]) -> dict[str, Any]:
    """``result`` of ``certify-hard``; features are indices, votes are of classes with at least one, most first."""
    certificate, refinement = finding.certificate, finding.certificate.refinement
    votes, full_votes = certificate.votes, certificate.full_votes
    return {
        "lambda": lambda_text(certificate, finding.quantization),
        "quantization": finding.quantization,
        "noise": certificate.noise,
        "noise_seed": None if finding.noise_seed is None else list(finding.noise_seed),
        "draws": certificate.draws,
        "scores": certificate.scores,
        "direction": finding.direction,
        "prediction": _class(certificate.prediction, class_names),
        "full_prediction": None if finding.smoothed.full is None else _class(finding.smoothed.full.id, class_names),
        "consistent": finding.smoothed.consistent,
        "votes": vote_records(votes, class_names),
        "full_votes": None if full_votes is None else vote_records(full_votes, class_names),
        "gap": certificate.gap,
        "full_gap": certificate.full_gap,
        "near_ties": certificate.near_ties,
        "radius_incremental": finding.radius_incremental,
        "radius_decremental": finding.radius_decremental,
        "why_no_decremental": _why_no_decremental(finding),
        "stable_for_all_supersets": certificate.stable_for_all_supersets,
        "broken_at": finding.broken_at,
        "radius_votes": certificate.radius_votes,
        "radius_arcs": certificate.radius_arcs,
        "refinement": None
        if refinement is None
        else {
            "radius": refinement.radius,
            "depth": refinement.depth,
            "complete": refinement.complete,
            "stable_for_all_supersets": refinement.stable_for_all_supersets,
            "exact": refinement.exact,
            "evaluations": refinement.evaluations,
        },
        "published_radius": certificate.published_radius,
        "enumerated_radius": None if finding.enumerated is None else finding.enumerated.radius,
        "enumerated": _enumerated(finding.enumerated, class_names),
        "attack_radius": None if finding.broken is None else finding.broken.size - 1,
        "attack": None
        if finding.attack is None
        else {
            "calls": finding.attack.calls,
            "smoothed": _broken(finding.attack.smoothed),
            "model": _broken(finding.attack.model),
        },
        "check": _check(finding),
        "unsmoothed_prediction": prediction_record(finding.plain),
        "unsmoothed_masked_prediction": prediction_record(finding.plain_masked),
        "agrees_with_unsmoothed": finding.agrees,
        "sweep": [_swept(one, finding) for one in finding.sweep] or None,
        "evaluations": certificate.evaluations,
        "delta": certificate.delta,
        "threshold": finding.threshold,
        "met": finding.met,
    }


def ranked(votes: NDArray[np.int64]) -> list[int]:
    """The classes with votes, most votes first; among equals the lower index."""
    order = np.argsort(-votes, kind="stable")
    return [int(i) for i in order if votes[i] > 0]


def vote_records(votes: NDArray[np.int64], class_names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [_class(i, class_names) | {"votes": int(votes[i])} for i in ranked(votes)]


def _why_no_decremental(finding: HardFinding) -> str | None:
    if finding.direction == "incremental":
        return "not asked for"
    return finding.certificate.why_no_decremental


def _class(index: int, class_names: tuple[str, ...]) -> dict[str, Any]:
    return {"id": index, "label": class_names[index]}


def _indices(mask: Mask) -> list[int]:
    return [int(i) for i in np.flatnonzero(mask)]


def _enumerated(found: EnumeratedRadius | None, class_names: tuple[str, ...]) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "prediction": _class(found.prediction, class_names),
        "radius": found.radius,
        "exact": found.exact,
        "stable_for_all_supersets": found.stable_for_all_supersets,
        "flip": None if found.flip is None else _indices(found.flip),
        "near_ties": found.near_ties,
        "evaluations": found.evaluations,
    }


def _broken(found: Broken | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"added": _indices(found.added), "prediction": prediction_record(found.prediction)}


def _check(finding: HardFinding) -> dict[str, Any] | None:
    check = finding.check
    if check is None:
        return None
    return {
        "file": check.file,
        "sha256": check.sha256,
        "added": _indices(check.added),
        "touched": check.found.touched,
        "guaranteed": finding.check_guaranteed,
        "prediction": prediction_record(check.prediction),
        "near_tie": check.found.near_tie,
    }


def _swept(one: Smoothed, finding: HardFinding) -> dict[str, Any]:
    certificate, direction = one.certificate, finding.direction
    return {
        "lambda": lambda_text(certificate, finding.quantization),
        "radius_incremental": None if direction == "decremental" else certificate.radius_incremental,
        "radius_decremental": None if direction == "incremental" else certificate.radius_decremental,
        "stable_for_all_supersets": certificate.stable_for_all_supersets,
        "gap": certificate.gap,
        "prediction": None if one.full is None else prediction_record(one.full),
        "masked_prediction": prediction_record(one.masked),
        "consistent": one.consistent,
        "agrees_with_unsmoothed": agrees(one, finding.plain),
    }
