"""Larger hard radii of a smoothed predictor from more evaluations: tables instead of the worst case."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.distinct import distinct_masks
from stabcert.core.hard.arcs import circular_arcs
from stabcert.core.hard.certificate import Refinement
from stabcert.core.hard.leads import Leads, leads_of
from stabcert.core.hard.loss_bounds import largest_on_arcs, largest_with_keeps
from stabcert.core.hard.loss_tables import LossTables
from stabcert.core.hard.subsets import subsets
from stabcert.core.hard.worst_addition import additions_at_risk, smallest_lead
from stabcert.core.smoothing import Ballots, SmoothedPredictor
from stabcert.core.types import as_mask

_EPSILON = float(np.finfo(np.float64).eps)
_MAX_CELLS = 2**24
_MAX_LOOKUPS = 10**8

_Values = NDArray[np.float64]


def refine(
    smoothed: SmoothedPredictor,
    mask: ArrayLike,
    ballots: Ballots,
    *,
    full_ballots: Ballots | None = None,
    max_evaluations: int,
    at_least: int = 0,
) -> Refinement:
    """Return the largest radius that tables of the predictions on each noise mask's kept features can prove.

    Guaranteed, with certainty, for every design of frozen noise and every keep probability: no addition of up
    to ``radius`` features changes the prediction of ``smoothed``. If ``stable_for_all_supersets``, no addition
    changes it. If ``exact``, some addition of ``radius + 1`` features certainly changes it.

    The ballot of a noise mask s under an addition R depends only on the features of R that s keeps. The tables
    contain the predictions of the base on ``mask & s`` with up to d of the features added that s keeps. They give the
    value of the smoothed predictor at every R of up to d features. The tables grow by one feature at a time, as long
    as the next size fits into ``max_evaluations`` and can increase the radius. A radius r is then decided by bounds
    on the loss that r features cause to the lead. They are over the noise masks that r arcs cover, over the r n_s
    features that are kept in all, and over the share of each feature. Where these shares leave few enough R of r
    features at risk, the radius is decided exactly by adding up the tables for each of them.

    Near ties count against the prediction, except in the proof that an addition changes it, where they count for it.

    Args:
        smoothed: the smoothed predictor.
        mask: ``(n_features,)``, True = kept.
        ballots: ``smoothed.ballots(mask)``.
        full_ballots: ballots of the full input, if known; its masks are among those of complete tables.
        max_evaluations: largest number of masks that the unsmoothed predictor evaluates, each of them once.
        at_least: a radius already proved.

    Raises:
        InputError: ``mask`` does not fit the predictor.
        ModelError: the predictor returned something other than probabilities.

    Source: MuS (Xue et al. 2023), Definitions 2.2 and 2.3; the tables go beyond its Theorem 3.2.
    """
    kept = as_mask(mask, smoothed.n_features)
    leads = leads_of(smoothed, ballots)
    tables = LossTables(smoothed, kept, ballots, full_ballots)
    n_free = len(tables.free)
    if not leads.certain or at_least >= n_free:
        stable = leads.certain
        return Refinement(at_least, 0, tables.complete, stable, stable, 0)
    decision = _Decision(smoothed, leads, tables)
    radius, broken = at_least, False
    while radius < n_free and not broken:
        if not tables.complete and tables.depth <= radius:
            if not tables.deepen(radius + 1, max_evaluations):
                break
            decision.read()
        if tables.complete and decision.everything_holds():
            radius = n_free
            break
        holds, broken = decision.at(radius + 1)
        if not holds:
            break
        radius += 1
    stable = radius == n_free
    return Refinement(radius, tables.depth, tables.complete, stable, stable or broken, tables.evaluations)


class _Decision:
    """Decision, from the current tables, on whether every addition of one size keeps the prediction.

    Votes are whole numbers, which floats add and subtract exactly. Sums of probabilities have a rounding
    error, which `_budgets` subtracts.
    """

    def __init__(self, smoothed: SmoothedPredictor, leads: Leads, tables: LossTables) -> None:
        self.tables = tables
        self.leads = leads
        self.by_vote = smoothed.scores == "vote"
        self.counts = smoothed.keep_masks[:, tables.free].sum(axis=0)
        self.arcs = circular_arcs(smoothed.keep_masks[:, tables.free])
        self.pattern = distinct_masks(smoothed.keep_masks)[1]
        """``(q,)``: index of each noise mask among the distinct noise masks of the tables."""
        self.read()

    def read(self) -> None:
        """Read the losses from the current tables."""
        self.classes = self._other_classes()
        n_free, n_masks, depth = len(self.tables.free), len(self.tables.kept), self.tables.depth
        # worst[s, j, k]: largest loss that up to j features cause to the lead over class k in noise mask s.
        self.worst = np.zeros((n_masks, depth + 1, len(self.classes)))
        # shares[i, k]: the loss that a set causes is at most the sum of the shares of its features.
        self.shares = np.zeros((n_free, len(self.classes)))
        step = max(1, _MAX_CELLS // len(self.tables.ballots.classes))
        for start in range(0, len(self.classes), step):
            self._read(slice(start, start + step))

    def everything_holds(self) -> bool:
        """Return whether every superset keeps the prediction; the tables must be complete."""
        totals = np.tensordot(self.tables.copies, self.worst[:, -1], axes=1)
        return bool((totals <= self._budgets()).all())

    def at(self, radius: int) -> tuple[bool, bool]:
        """Return whether all additions of ``radius`` features keep the prediction, and whether one certainly fails."""
        depth = min(radius, self.tables.depth)
        worst, budgets = self.worst[self.pattern][:, : depth + 1], self._budgets()
        shares = -np.sort(-self.shares, axis=0)[:radius].sum(axis=0)
        open_ = np.flatnonzero((worst[:, -1].sum(axis=0) > budgets) & (shares > budgets))
        if len(open_) > 0:
            kept_in_all = int(np.sort(self.counts)[::-1][:radius].sum())
            open_ = open_[largest_with_keeps(worst[:, :, open_], kept_in_all) > budgets[open_]]
        if self.arcs is not None:
            starts, length = self.arcs
            covered = [largest_on_arcs(worst[:, -1, k], starts, length, radius) for k in open_]
            open_ = open_[np.array(covered) > budgets[open_]]
        if len(open_) == 0:
            return True, False
        # One class after the other, within the limit on lookups.
        at_most, holds, broken = _MAX_LOOKUPS // (radius * len(self.tables.kept)), True, False
        for k in open_:
            additions = additions_at_risk(self.shares[:, k], float(budgets[k]), radius, at_most=at_most)
            if additions is None:
                holds = False
                continue
            at_most -= len(additions)
            total = float(self.leads.totals[self.classes[k]])
            reserve = total - float(budgets[k])
            smallest = smallest_lead(self.tables, self._margins(self.classes[[k]], in_doubt=-1.0)[:, 0], additions)
            holds &= smallest >= reserve
            if self.by_vote and self.tables.ballots.near_tie.any():
                smallest = smallest_lead(self.tables, self._margins(self.classes[[k]], in_doubt=1.0)[:, 0], additions)
            # A vote is lost below the reserve. A mean is lost only where the lead of the other class is certain.
            broken |= smallest < (reserve if self.by_vote else -reserve)
        return holds, broken

    def _other_classes(self) -> NDArray[np.intp]:
        """Return the classes that could win: all that occur, and the lowest one of those without any vote."""
        n_classes = len(self.leads.budgets)
        others = np.delete(np.arange(n_classes), self.leads.prediction)
        if not self.by_vote:
            return others
        occurs = np.isin(others, self.tables.ballots.classes)
        return np.concatenate([others[occurs], others[~occurs][:1]])

    def _margins(self, classes: NDArray[np.intp], in_doubt: float) -> _Values:
        """Return ``(rows, k)``: the contribution of each ballot to the lead over each class; near ties ``in_doubt``."""
        ballots = self.tables.ballots
        margins: _Values
        if not self.by_vote:
            margins = ballots.probs[:, [self.leads.prediction]] - ballots.probs[:, classes]
            return margins
        said = ballots.classes[:, None]
        margins = (said == self.leads.prediction).astype(np.float64) - (said == classes)
        margins[ballots.near_tie] = in_doubt
        return margins

    def _read(self, some: slice) -> None:
        margins = self._margins(self.classes[some], in_doubt=-1.0)
        for s, kept in enumerate(self.tables.kept):
            share = np.zeros((len(kept), margins.shape[1]))
            for size in range(1, self.tables.depth + 1):
                losses = margins[s] - margins[self.tables.entries[size][s]]
                worst = losses.max(axis=0, initial=0.0)
                self.worst[s, size, some] = np.maximum(self.worst[s, size - 1, some], worst)
                for member in subsets(len(kept), size).T:
                    np.maximum.at(share, member, losses / size)
            self.shares[kept, some] += self.tables.copies[s] * share

    def _budgets(self) -> _Values:
        """Return the largest harmless loss of the lead over each class, less the rounding of all sums (0 for votes)."""
        draws, n_free = float(self.tables.copies.sum()), len(self.tables.free)
        # Each bound adds up to m parts of running sums over fewer than 2 (q + m) numbers up to 2.
        rounding = 0.0 if self.by_vote else 16 * _EPSILON * draws * (draws + n_free) * (1 + n_free)
        budgets: _Values = self.leads.budgets[self.classes] - rounding
        return budgets
