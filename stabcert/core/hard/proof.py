"""What leads prove, apart from what was seen: the same code for a certificate and for the check of a record."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from stabcert.core.hard.bernoulli_radius import decremental_radius, incremental_radius
from stabcert.core.hard.certificate import NoRadius, Removal, covers_everything

NOT_EVALUATED = NoRadius("the full input was not evaluated")
MASKED_TIE = NoRadius("the prediction of the masked input is too close to call")
FULL_TIE = NoRadius("the prediction of the full input is too close to call")
OTHER_CLASS = NoRadius("the full input has another prediction than the masked one")


@dataclass(frozen=True)
class Proof:
    """Radii, and whether no superset of the mask has another prediction."""

    incremental: int
    removal: Removal
    stable_for_all_supersets: bool


@dataclass(frozen=True)
class SeenDraws:
    """What draws of Bernoulli noise showed of the smoothed predictor on the masked and on the full input."""

    prediction: int
    """Class that the pilot chose on the masked input."""
    gap: Fraction
    """Lower confidence bound on its lead on the masked input."""
    full_gap: Fraction | None
    """The same on the full input; None where it was not evaluated."""
    full_class: int | None
    """Class of most draws on the full input."""


def conclude(*, certain: bool, incremental: int, removal: Removal, n_free: int, stable: bool = False) -> Proof:
    """Return the proof that follows from two radii.

    Args:
        certain: the prediction on the masked input is not too close to call.
        incremental: radius upwards from the mask.
        removal: radius downwards from the full input, or why there is none.
        n_free: features that can be added.
        stable: it is known otherwise that no superset of the mask has another prediction.
    """
    downwards = None if isinstance(removal, NoRadius) else removal
    if not (stable or (certain and covers_everything(incremental, downwards, n_free))):
        return Proof(incremental, removal, stable_for_all_supersets=False)
    # Where every superset has the prediction, so have those in any radius.
    return Proof(n_free, removal if downwards is None else n_free, stable_for_all_supersets=True)


def bernoulli_proof(seen: SeenDraws, keep_probability: Fraction, n_free: int) -> Proof:
    """Return what draws of Bernoulli noise prove, in exact arithmetic."""
    return conclude(
        certain=seen.gap > 0,
        incremental=incremental_radius(seen.gap, keep_probability, n_free),
        removal=_bernoulli_removal(seen, keep_probability, n_free),
        n_free=n_free,
    )


def _bernoulli_removal(seen: SeenDraws, keep_probability: Fraction, n_free: int) -> Removal:
    if seen.full_gap is None:
        return NOT_EVALUATED
    if seen.gap <= 0:
        return MASKED_TIE
    if seen.full_gap > 0:
        return decremental_radius(seen.full_gap, keep_probability, n_free)
    return FULL_TIE if seen.full_class == seen.prediction else OTHER_CLASS
