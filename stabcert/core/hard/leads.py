"""The lead of a smoothed prediction, and the most that adding or removing features can take from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stabcert.core.smoothing import Ballots, SmoothedPredictor


@dataclass(frozen=True)
class Lead:
    """The lead of one prediction over every class on one input."""

    prediction: int
    draws: int
    """Noise masks."""
    totals: NDArray[np.float64]
    """``(n_classes,)``: the lead over class k; infinite for the prediction itself."""
    budgets: NDArray[np.float64]
    """``(n_classes,)``: loss that the lead over class k can bear; negative if even the prediction is in doubt."""

    @property
    def certain(self) -> bool:
        """The prediction itself is beyond doubt."""
        return bool((self.budgets >= 0).all())

    @property
    def smallest(self) -> float:
        """Lead over the best other class, as a share of the noise masks."""
        return float(self.totals.min()) / self.draws


@dataclass(frozen=True)
class Leads(Lead):
    """The lead of one prediction over every class, as the ballots of one masked input prove it.

    A noise mask that keeps none of the changed features sees the same masked input as before. So changing
    features takes from the lead over class k at most the sum of ``losses[s, k]`` over the noise masks s that
    keep one of them, and the prediction certainly stays if that is at most ``budgets[k]`` for every k.
    """

    losses: NDArray[np.float64]
    """``(q, n_classes)``: what noise mask s can at most take from the lead over class k; 0 to 2."""


def lead_of_votes(votes: NDArray[np.int64], doubtful: NDArray[np.int64] | int = 0) -> Lead:
    """Return the lead of the class with most votes; among equals that of lowest index.

    A vote for the prediction counts 1, a vote for k counts -1, and a vote that is a near tie counts -1 for every k. A
    class of lower index than the prediction wins a tie, so one vote less is left to lose.

    Args:
        votes: ``(n_classes,)``.
        doubtful: ``(n_classes,)``: of these votes, how many are near ties.

    Source: MuS (Xue et al. 2023), Theorem 3.2, made strict at ties (erratum E6).
    """
    prediction = int(votes.argmax())
    sure = (votes - doubtful).astype(np.float64)
    totals = sure[prediction] - sure - np.sum(doubtful)
    totals[prediction] = np.inf
    reserve = (np.arange(len(votes)) < prediction).astype(np.float64)
    return Lead(prediction, int(votes.sum()), totals, totals - reserve)


def leads_of(smoothed: SmoothedPredictor, ballots: Ballots) -> Leads:
    """Return the leads of the prediction of ``smoothed`` on the masked input that ``ballots`` came from.

    Votes: as in `lead_of_votes`. Probabilities: noise mask s counts p_A - p_k; the lead must stay above what
    arithmetic can do to it.

    Source: MuS (Xue et al. 2023), Theorem 3.2, made strict at ties (erratum E6).
    """
    n_masks, n_classes = ballots.probs.shape
    if smoothed.scores == "probability":
        prediction = int(ballots.probs.mean(axis=0).argmax())
        margins = ballots.probs[:, [prediction]] - ballots.probs
        totals = margins.sum(axis=0)
        totals[prediction] = np.inf
        return Leads(prediction, n_masks, totals, totals - n_masks * smoothed.drift, margins + 1.0)
    counted, doubtful = (
        np.bincount(classes, minlength=n_classes) for classes in (ballots.classes, ballots.classes[ballots.near_tie])
    )
    lead = lead_of_votes(counted, doubtful)
    votes = (ballots.classes[:, None] == np.arange(n_classes)).astype(np.float64)
    margins = votes[:, [lead.prediction]] - votes
    margins[ballots.near_tie] = -1.0
    return Leads(lead.prediction, n_masks, lead.totals, lead.budgets, margins + 1.0)


def radius_by_counts(leads: Lead, counts: NDArray[np.int64]) -> int:
    """Return the largest number of features whose change certainly keeps the prediction, from the leads alone.

    Guaranteed, with certainty, for every design of frozen noise: no change of up to that many of the features
    changes the prediction. With equal counts l this is min over k of ``floor(budget_k / (2 l))``.

    Args:
        leads: of the prediction that must stay.
        counts: ``(m,)``: for each feature that may change, how many noise masks keep it.
    """
    # Where even the prediction is in doubt the smallest budget is negative, and no loss is within it.
    worst = 2.0 * np.cumsum(np.sort(counts)[::-1])
    return int(np.searchsorted(worst, leads.budgets.min(), side="right"))
