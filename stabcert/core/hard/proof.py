"""The proof that follows from what was seen: the same code for a certificate and for the check of a record."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from stabcert.core.hard.bernoulli_radius import decremental_radius, gap_lower, incremental_radius
from stabcert.core.hard.certificate import NoRadius, Proof, Refinement, Removal, covers_everything
from stabcert.core.hard.question import BernoulliQuestion

NOT_EVALUATED = NoRadius("the full input was not evaluated")
MASKED_TIE = NoRadius("the prediction of the masked input is too close to call")
FULL_TIE = NoRadius("the prediction of the full input is too close to call")
OTHER_CLASS = NoRadius("the full input has another prediction than the masked one")


@dataclass(frozen=True)
class SeenDraws:
    """The outcome of draws of Bernoulli noise on the masked and on the full input, before anything is concluded."""

    prediction: int
    """Class that the pilot chose on the masked input."""
    gap: Fraction
    """Lower confidence bound on its lead on the masked input."""
    full_gap: Fraction | None
    """The same on the full input; None where it was not evaluated."""
    full_class: int | None
    """Class of most draws on the full input."""

    @property
    def certain_class(self) -> int | None:
        """Class of M_lambda on the masked input; None if it is too close to call."""
        return self.prediction if self.gap > 0 else None

    @property
    def certain_full_class(self) -> int | None:
        """Class of M_lambda on the full input: proved if it is the prediction, otherwise that of most draws."""
        if self.full_gap is None:
            return None
        if self.full_gap > 0:
            return self.prediction
        return None if self.full_class == self.prediction else self.full_class

    def published_radius(self, keep_probability: Fraction) -> float:
        """Return gap / (2 lambda), for comparison only; 0 without a lead."""
        return max(0.0, float(self.gap / (2 * keep_probability)))


def conclude(
    *,
    certain: bool,
    radius_votes: int,
    radius_arcs: int | None = None,
    refinement: Refinement | None = None,
    removal: Removal,
    n_free: int,
    delta: float | None = None,
) -> Proof:
    """Return the proof that follows from radii.

    Args:
        certain: the prediction on the masked input is not too close to call.
        radius_votes, radius_arcs: radii upwards from the mask.
        refinement: what more evaluations prove.
        removal: radius downwards from the full input, or the reason why it does not exist.
        n_free: features that can be added.
        delta: probability that a radius is wrong; None if that is impossible.
    """
    incremental = max(radius_votes, radius_arcs or 0, 0 if refinement is None else refinement.radius)
    downwards = None if isinstance(removal, NoRadius) else removal
    stable = refinement is not None and refinement.stable_for_all_supersets
    stable = stable or (certain and covers_everything(incremental, downwards, n_free))
    if stable:
        # Where every superset has the prediction, so have those in any radius.
        incremental, removal = n_free, removal if downwards is None else n_free
    return Proof(radius_votes, radius_arcs, refinement, incremental, removal, stable, delta)


def why_no_removal(*, certain: bool, full_certain: bool, same: bool) -> NoRadius | None:
    """Return the reason why a radius of removals cannot be proved from the full input; None if it can be proved.

    Args:
        certain, full_certain: the predictions on the masked and on the full input are not too close to call.
        same: the two predictions are equal.
    """
    if not certain:
        return MASKED_TIE
    if not full_certain:
        return FULL_TIE
    return None if same else OTHER_CLASS


def published_radius(gap: float, keep_probability: Fraction | None) -> float | None:
    """Return gap / (2 lambda) of frozen noise, for comparison only; None if no such lambda exists."""
    return gap / (2 * float(keep_probability)) if keep_probability else None


def draws_gap(matches: int, question: BernoulliQuestion) -> Fraction:
    """Return the lower confidence bound on a lead from the draws that certainly have the class."""
    return gap_lower(matches, question.draws, question.delta_each)


def bernoulli_proof(seen: SeenDraws, question: BernoulliQuestion, n_free: int) -> Proof:
    """Return what draws of Bernoulli noise prove, in exact arithmetic."""
    return conclude(
        certain=seen.gap > 0,
        radius_votes=incremental_radius(seen.gap, question.keep_probability, n_free),
        removal=_bernoulli_removal(seen, question.keep_probability, n_free),
        n_free=n_free,
        delta=question.share,
    )


def _bernoulli_removal(seen: SeenDraws, keep_probability: Fraction, n_free: int) -> Removal:
    if seen.full_gap is None:
        return NOT_EVALUATED
    proved = seen.full_gap > 0
    same = seen.full_class == seen.prediction
    # Only the lead of the prediction is bounded. Another class of most draws counts as the class of the full input.
    reason = why_no_removal(certain=seen.gap > 0, full_certain=proved or not same, same=proved or same)
    return decremental_radius(seen.full_gap, keep_probability, n_free) if reason is None else reason
