"""``result`` of ``certify-hard``: what was proved, what was tried, what was broken, and by how many votes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stabcert.core.hard.certificate import EnumeratedRadius, HardCertificate
from stabcert.core.types import Mask
from stabcert.report.hard.finding import Broken, HardFinding, Smoothed, agrees
from stabcert.report.record import class_record, prediction_record


def lambda_text(certificate: HardCertificate, quantization: int | None) -> str:
    """lambda as the exact fraction: over the grid where there is one, else in lowest terms."""
    probability = certificate.keep_probability
    if probability is None:
        raise TypeError("certify-hard has one keep probability for all features")
    return str(probability) if quantization is None else f"{int(probability * quantization)}/{quantization}"


def hard_result(
    finding: HardFinding, class_names: tuple[str, ...], *, request: dict[str, Any] | None = None
) -> dict[str, Any]:
    """``result`` of ``certify-hard``; features are indices, votes are of classes with at least one, most first.

    Args:
        request: all that it takes to do the same again.
    """
    certificate, refinement = finding.certificate, finding.certificate.refinement
    votes, full_votes = certificate.votes, certificate.full_votes
    return ({} if request is None else {"request": request}) | {
        "lambda": lambda_text(certificate, finding.quantization),
        "quantization": finding.quantization,
        "noise": certificate.noise,
        "noise_seed": None if finding.noise_seed is None else list(finding.noise_seed),
        "draws": certificate.draws,
        "scores": certificate.scores,
        "direction": finding.direction,
        "prediction": class_record(certificate.prediction, class_names),
        "full_prediction": None
        if finding.smoothed.full is None
        else class_record(finding.smoothed.full.id, class_names),
        "consistent": finding.smoothed.flags.consistent,
        "vacuous": finding.smoothed.flags.vacuous,
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
    return [class_record(i, class_names) | {"votes": int(votes[i])} for i in ranked(votes)]


def _why_no_decremental(finding: HardFinding) -> str | None:
    if finding.direction == "incremental":
        return "not asked for"
    return finding.certificate.why_no_decremental


def _indices(mask: Mask) -> list[int]:
    return [int(i) for i in np.flatnonzero(mask)]


def _enumerated(found: EnumeratedRadius | None, class_names: tuple[str, ...]) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "prediction": class_record(found.prediction, class_names),
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
        "consistent": one.flags.consistent,
        "agrees_with_unsmoothed": agrees(one, finding.plain),
    }
