"""Findings about hard stability on one input: certificates, the unsmoothed model beside them, counterexamples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from stabcert.core.hard.certificate import CheckedAddition, EnumeratedRadius, HardCertificate, NoRadius, Proof
from stabcert.core.mask_flags import MaskFlags
from stabcert.core.prediction import Prediction
from stabcert.core.types import Mask

Direction: TypeAlias = Literal["incremental", "decremental", "both"]

_NOT_REQUESTED = NoRadius("not asked for")


@dataclass(frozen=True)
class Broken:
    """An addition that certainly changes what a function says; found by a search, so a smaller one may exist."""

    added: Mask
    """The added features alone."""
    prediction: Prediction
    """Prediction of the function with this addition."""

    @property
    def size(self) -> int:
        return int(self.added.sum())


@dataclass(frozen=True)
class Attack:
    """Counterexamples that a search found within its model evaluations; None where it found nothing."""

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
    """Prediction of the smoothed model with exactly this addition."""


@dataclass(frozen=True)
class Smoothed:
    """The certificate of one smoothed model, and the predictions of that model."""

    certificate: HardCertificate
    masked: Prediction
    """On the masked input, by the share of votes (or the mean probability)."""
    full: Prediction | None
    """On the full input; None where it was not evaluated."""
    flags: MaskFlags
    """Flags of the smoothed model; for Bernoulli noise proved as far as the draws prove it."""


@dataclass(frozen=True)
class Reported:
    """The radii of a proof that were requested."""

    incremental: int | None
    """None if it was not requested."""
    decremental: int | None
    """None with the reason."""
    why_no_decremental: str | None
    stable_for_all_supersets: bool

    @property
    def radius(self) -> int | None:
        """The radius in question: for added features, unless only removals were requested."""
        return self.decremental if self.incremental is None else self.incremental

    def reaches(self, threshold: int) -> bool:
        """Return whether the radius in question reaches a threshold, or nothing that is added ever matters."""
        return self.stable_for_all_supersets or (self.radius is not None and self.radius >= threshold)


def reported(proof: Proof, direction: Direction) -> Reported:
    """Return what is reported of a proof."""
    removal = _NOT_REQUESTED if direction == "incremental" else proof.removal
    down, reason = (None, removal.reason) if isinstance(removal, NoRadius) else (removal, None)
    incremental = None if direction == "decremental" else proof.radius_incremental
    return Reported(incremental, down, reason, proof.stable_for_all_supersets)


@dataclass(frozen=True)
class HardFinding:
    """Everything that one call of ``certify-hard`` found about one input."""

    smoothed: Smoothed
    direction: Direction
    quantization: int | None
    """Grid of lambda and number of noise masks; None for Bernoulli noise."""
    noise_seed: tuple[int, int] | None
    """Seed of the frozen noise; None for Bernoulli noise, whose draws are not part of the function."""
    plain: Prediction
    """Prediction of the unsmoothed model on the full input."""
    plain_masked: Prediction
    """Prediction of the unsmoothed model on the masked input."""
    threshold: int | None
    enumerated: EnumeratedRadius | None
    attack: Attack | None
    check: Check | None
    sweep: tuple[Smoothed, ...] = ()
    """Every tested lambda, best first; `smoothed` is the first of them."""
    chosen: bool = False
    """The first lambda was chosen for the input, so that only those that keep the prediction were refined."""

    @property
    def certificate(self) -> HardCertificate:
        return self.smoothed.certificate

    @property
    def reported(self) -> Reported:
        """The radii that were requested."""
        return reported(self.certificate.proof, self.direction)

    @property
    def radius_incremental(self) -> int | None:
        """None if it was not requested."""
        return self.reported.incremental

    @property
    def radius_decremental(self) -> int | None:
        """None if it was not requested, or with a reason in the certificate."""
        return self.reported.decremental

    @property
    def met(self) -> bool | None:
        """The radius in question reaches the threshold, or nothing that is added ever matters."""
        return None if self.threshold is None else self.reported.reaches(self.threshold)

    @property
    def agrees(self) -> bool | None:
        """Agreement of the smoothed and the unsmoothed model on the full input; None where it is not known."""
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
        """The smallest addition known to change the prediction of the smoothed model."""
        return None if self.attack is None else self.attack.smoothed

    @property
    def broken_at(self) -> int | None:
        """The smallest number of added features known to change the smoothed prediction: found, or computed."""
        refinement = self.certificate.refinement
        if refinement is not None and refinement.exact and not self.certificate.stable_for_all_supersets:
            return refinement.radius + 1
        return None if self.broken is None else self.broken.size

    @property
    def smallest_plain_flip(self) -> Mask | None:
        """The smallest addition known to change the unsmoothed prediction: added features alone."""
        if self.enumerated is not None and self.enumerated.flip is not None:
            return self.enumerated.flip
        found = None if self.attack is None else self.attack.model
        return None if found is None else found.added


def agrees(smoothed: Smoothed, plain: Prediction) -> bool | None:
    """Return True if the smoothed and the unsmoothed model predict one class on the full input; None if unknown."""
    certificate = smoothed.certificate
    if certificate.noise == "bernoulli":
        # Draws show the prediction of the smoothed model only where they bound its lead away from 0.
        proved = certificate.full_gap is not None and certificate.full_gap > 0
        return certificate.prediction == plain.id if proved else None
    return None if smoothed.full is None else smoothed.full.id == plain.id


def keeps_prediction(smoothed: Smoothed, plain: Prediction) -> bool:
    """Return True if smoothing leaves the explained prediction, on the full input and on the mask alone."""
    return smoothed.masked.id == plain.id and agrees(smoothed, plain) is not False


def lambda_text(certificate: HardCertificate, quantization: int | None) -> str:
    """Return lambda as the exact fraction, over the grid if there is one and otherwise in lowest terms."""
    probability = certificate.keep_probability
    if probability is None:
        raise TypeError("certify-hard has one keep probability for all features")
    return str(probability) if quantization is None else f"{int(probability * quantization)}/{quantization}"


def ranked(votes: NDArray[np.int64]) -> list[int]:
    """Return the classes with votes, most votes first; among equals the lower index."""
    order = np.argsort(-votes, kind="stable")
    return [int(i) for i in order if votes[i] > 0]
