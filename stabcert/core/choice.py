"""The lambda of a smoothed predictor, chosen for one input and one mask by what smoothing costs there.

Smoothing with a smaller lambda removes more of each masked input. Predictions then change less from one mask to the
next, but at some lambda the smoothed predictor predicts another class than the unsmoothed one. Where that happens
depends on the input: no lambda is right for a whole data set.

The choice leaves the guarantee of a certificate as it is. A certificate is about one function, the smoothed predictor
of one lambda. The choice is a function of the input, the mask and the noise masks, which are frozen by the seed and
belong to the smoothed predictor. It evaluates the mask and the full input, and no addition. The additions that bound a
rate are drawn afterwards from a stream of their own, so that the function is fixed before the first of them is drawn.
For each lambda the bounds fail with probability at most delta, and so they do for the lambda that is chosen. Whoever
compares the bounds of several lambdas and keeps the best has no such guarantee.

Source: Soft stability (Jin et al. 2025), which names a choice of lambda for each input as future work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.decisions import decide
from stabcert.core.given import n_features_of
from stabcert.core.mask_flags import certain_classes
from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.smoothing import Ballots, SmoothedPredictor, ballots_on
from stabcert.core.streams import SMOOTHING_STREAM, noise_generator
from stabcert.core.types import Mask, MaskedPredictor, as_mask
from stabcert.errors import ParameterError

Rule: TypeAlias = Literal["smallest-lambda"]
"""The smallest lambda whose smoothed predictor keeps the prediction with the lead that is needed."""

DEFAULT_LAMBDAS = (7 / 8, 3 / 4, 5 / 8, 1 / 2, 3 / 8, 1 / 4, 1 / 8)
DEFAULT_LEAD = 1 / 4
"""Smallest lead, as a share of the votes.

With 64 noise masks it is twice the largest standard error of a lead, which is ``1 / sqrt(64)``. A smaller lead may
result from the noise masks that the seed happened to freeze.
"""


@dataclass(frozen=True)
class ChoiceQuestion:
    """The parameters of `choose_smoothing`; checked when made.

    Raises:
        ParameterError: no lambda, a lambda twice, one that smooths nothing or everything away, or a number of draws or
            lead that is out of range.
    """

    lambdas: tuple[float, ...] = DEFAULT_LAMBDAS
    """Lambdas to choose from, in falling order. The unsmoothed predictor follows if none of them qualifies."""
    draws: int = 64
    """Number of noise masks that vote."""
    lead: float = DEFAULT_LEAD
    """Smallest lead of the prediction, as a share of the votes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "lambdas", tuple(sorted(self.lambdas, reverse=True)))
        if not self.lambdas or len(set(self.lambdas)) < len(self.lambdas):
            raise ParameterError(
                f"lambdas must be 1 or more different numbers, got {len(self.lambdas)} of which "
                f"{len(set(self.lambdas))} are different. Name each lambda once",
                "lambdas",
            )
        wrong = [one for one in self.lambdas if not 0 < one < 1]
        if wrong:
            raise ParameterError(
                f"lambdas must be above 0 and below 1, got {wrong[0]}. Use numbers such as 0.5; the unsmoothed "
                "predictor is always the last choice",
                "lambdas",
            )
        if self.draws < 1:
            raise ParameterError(f"draws must be at least 1, got {self.draws}. Use 1 or more", "draws")
        if not 0 < self.lead <= 1:
            raise ParameterError(f"lead must be above 0 and at most 1, got {self.lead:g}. Use 0.25", "lead")

    @property
    def needed(self) -> int:
        """Smallest lead of the prediction in votes."""
        return max(1, math.ceil(Fraction(self.lead) * self.draws))


@dataclass(frozen=True)
class Support:
    """The votes of the noise masks for one class on one masked input."""

    votes: int
    rival: int
    """Most votes for another class."""
    near_ties: int
    """Votes whose two best classes could not be distinguished."""

    @property
    def lead(self) -> int:
        """Lead over every other class, whichever way the near ties fall."""
        return self.votes - self.rival - 2 * self.near_ties


@dataclass(frozen=True)
class Candidate:
    """The votes of one lambda for the prediction of the unsmoothed predictor."""

    keep_probability: float
    full: Support
    """On the full input."""
    masked: Support
    """On the masked input."""

    def qualifies(self, needed: int) -> bool:
        """Return whether the prediction has the lead that is needed, on the full input and on the mask."""
        return min(self.full.lead, self.masked.lead) >= needed


@dataclass(frozen=True)
class LambdaChoice:
    """A lambda for one input and one mask, and the votes from which it was chosen."""

    question: ChoiceQuestion
    prediction: int | None
    """Class of the unsmoothed predictor on the full input; None for a near tie, which no lambda can keep."""
    candidates: tuple[Candidate, ...]
    """The lambdas that were tested, from the smallest upwards. The last one qualifies, or none does."""
    smoothed: SmoothedPredictor | None
    """The smoothed predictor of the chosen lambda; None if no lambda qualifies."""

    @property
    def chosen(self) -> float:
        """The chosen lambda; 1, which is not smoothed, if no lambda qualifies."""
        return chosen_of(self.candidates, self.question.needed)


def chosen_of(candidates: tuple[Candidate, ...], needed: int) -> float:
    """Return the smallest lambda that qualifies, 1 if none does: the same code for a choice and for its check."""
    return min((one.keep_probability for one in candidates if one.qualifies(needed)), default=1.0)


def choose_smoothing(
    predictor: MaskedPredictor,
    mask: ArrayLike,
    *,
    lambdas: tuple[float, ...] = DEFAULT_LAMBDAS,
    draws: int = 64,
    lead: float = DEFAULT_LEAD,
    seed: int = 0,
) -> LambdaChoice:
    """Choose the smallest lambda at which smoothing keeps the prediction of ``predictor`` for one mask.

    A lambda qualifies if its smoothed predictor predicts the class that ``predictor`` predicts on the full input, both
    on the full input and on ``mask``, each with a lead of at least ``lead`` of its votes. Votes that are near ties
    count against the prediction. Lambdas are tested from the smallest upwards, and the first that qualifies is chosen.

    The choice is deterministic and evaluates no addition. Bounds of `certify_soft` for the chosen smoothed predictor
    therefore hold with the same probability as for a lambda that was named, if its ``rng`` is not the one of ``seed``.

    Args:
        predictor: any `MaskedPredictor`, not smoothed.
        mask: ``(n_features,)``, True = kept: the explanation.
        lambdas: keep probabilities above 0 and below 1.
        draws: number of frozen noise masks that vote at each lambda.
        lead: smallest lead as a share of the votes, above 0 and at most 1.
        seed: seed of the noise masks. It belongs to the smoothed predictor, and must not depend on the input.

    Raises:
        InputError: a mask that does not fit.
        ParameterError: lambdas, draws or a lead out of range.
        ModelError: the predictor returned something other than probabilities.
    """
    return answer_choice(predictor, mask, ChoiceQuestion(tuple(lambdas), draws, lead), seed=seed)


def answer_choice(predictor: MaskedPredictor, mask: ArrayLike, question: ChoiceQuestion, *, seed: int) -> LambdaChoice:
    """Return the choice that answers a question; arguments, guarantee and errors are those of `choose_smoothing`."""
    kept = as_mask(mask, n_features_of(predictor))
    (prediction,) = certain_classes(decide(predictor, np.ones((1, len(kept)), dtype=np.bool_)))
    candidates: list[Candidate] = []
    for keep_probability in sorted(question.lambdas) if prediction is not None else ():
        smoothed = frozen_smoothing(predictor, keep_probability, draws=question.draws, seed=seed)
        candidates.append(_candidate(smoothed, kept, keep_probability, prediction or 0))
        if candidates[-1].qualifies(question.needed):
            return LambdaChoice(question, prediction, tuple(candidates), smoothed)
    return LambdaChoice(question, prediction, tuple(candidates), None)


def frozen_smoothing(
    predictor: MaskedPredictor, keep_probability: float, *, draws: int, seed: int
) -> SmoothedPredictor:
    """Return the smoothed predictor whose noise masks are frozen by a seed: the same for every input and mask."""
    keep_masks = bernoulli_keep_masks(
        predictor.n_features,
        keep_probability=keep_probability,
        draws=draws,
        rng=noise_generator(seed, SMOOTHING_STREAM),
    )
    return SmoothedPredictor(predictor, keep_masks)


def _candidate(smoothed: SmoothedPredictor, mask: Mask, keep_probability: float, prediction: int) -> Candidate:
    """Return the votes of one lambda; both inputs are evaluated in one call."""
    ballots = ballots_on(smoothed.base, np.concatenate([smoothed.keep_masks, mask & smoothed.keep_masks]))
    draws = len(smoothed.keep_masks)
    full, masked = (_support(ballots, prediction, slice(start, start + draws)) for start in (0, draws))
    return Candidate(keep_probability, full, masked)


def _support(ballots: Ballots, prediction: int, part: slice) -> Support:
    votes: NDArray[np.int64] = np.bincount(ballots.classes[part], minlength=ballots.probs.shape[1])
    return Support(
        votes=int(votes[prediction]),
        rival=int(np.delete(votes, prediction).max(initial=0)),
        near_ties=int(ballots.near_tie[part].sum()),
    )
