"""What ``certify-hard`` found of one input: the certificate, the model itself beside it, counterexamples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from stabcert.core.hard.certificate import CheckedAddition, EnumeratedRadius, HardCertificate
from stabcert.core.mask_flags import MaskFlags
from stabcert.core.types import Mask
from stabcert.report.record import Prediction

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
    flags: MaskFlags
    """Of the smoothed model; for Bernoulli noise proved as far as the draws prove it."""


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
