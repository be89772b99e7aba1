"""A proof by frozen noise reproduced from numbers of votes: what they prove in whatever noise masks cast them.

A record contains how many noise masks vote for each class, but not which. The lead of the votes follows from the
numbers alone. Radii that use which noise masks a feature touches are between those of the best and of the worst
arrangement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stabcert.core.distinct import distinct_masks
from stabcert.core.hard.arcs import circular_arcs, largest_cover
from stabcert.core.hard.leads import Lead, lead_of_votes, radius_by_counts
from stabcert.core.types import Mask, Masks


def lead_of_gap(gap: float, draws: int, reserve: float) -> Lead:
    """Return a lead over one other class of which only the share is known, less ``reserve`` votes."""
    totals = np.array([np.inf, gap * draws])
    return Lead(0, draws, totals, totals - reserve)


def covers(free_columns: Masks) -> list[int] | None:
    """Return the largest number of noise masks that keep at least one of r features, for r = 0, 1, ....

    The last entry holds for every larger r, too. The list is None if the columns are not arcs of one length.

    Args:
        free_columns: ``(q, m)``: for each feature that may change, the noise masks that keep it.
    """
    design, draws = circular_arcs(free_columns), len(free_columns)
    if design is None:
        return None
    found = []
    for covered in largest_cover(np.ones(draws), *design):
        found.append(int(covered))
        if found[-1] == draws:
            break
    return found


def largest_radius_of_means(touched: Sequence[int], draws: int, n_free: int) -> int:
    """Return a radius that mean probabilities of no predictor exceed, from the leads and arcs alone.

    A noise mask adds -1 to 1 to a lead. So more than half of the noise masks can lose more than the whole lead.

    Args:
        touched: as returned by `covers`.
    """
    return next((r - 1 for r, one in enumerate(touched) if 2 * one > draws), n_free)


def evaluated_masks(keep_masks: Masks, mask: Mask, *, full: bool, empty: bool) -> Masks:
    """Return the masks of the ballots on the masked input, then on the full one, then on the empty one."""
    wanted = [keep_masks & mask, *([keep_masks] if full else []), *([np.zeros_like(keep_masks)] if empty else [])]
    rows: Masks = np.concatenate(wanted)
    return rows


def count_distinct(masks: Masks) -> int:
    """Return the number of different rows, each of which costs one evaluation."""
    return len(distinct_masks(masks)[0])


@dataclass(frozen=True)
class VoteRecount:
    """The proof by votes on one input if none of them is a near tie, which is the best case."""

    votes: NDArray[np.int64]
    """``(n_classes,)``: of the noise masks, how many vote for each class."""
    keep: int
    """Noise masks that keep a feature."""
    n_free: int
    touched: Sequence[int] | None
    """Result of `covers`; None if not computed, and then nothing is bounded."""

    @cached_property
    def lead(self) -> Lead:
        return lead_of_votes(self.votes)

    @property
    def radius(self) -> int:
        """The radius from the lead alone; no arrangement of the votes matters for it."""
        return radius_of(self.lead, self.keep, self.n_free)

    @property
    def largest(self) -> int:
        """A radius that arcs prove for no arrangement of the votes to exceed."""
        if not self.lead.certain:
            return 0
        touched = self.touched or [0]
        return next((r - 1 for r, one in enumerate(touched) if not self.possible(one)), self.n_free)

    @property
    def smallest(self) -> int:
        """A radius that arcs prove for every arrangement of the votes."""
        if self.touched is None or not self.lead.certain:
            return 0
        return next((r - 1 for r, one in enumerate(self.touched) if not self.sure(one)), self.n_free)

    def possible(self, touched: int) -> bool:
        """Return whether some arrangement proves that a change of features in so many noise masks is harmless.

        At the least votes for class k lose nothing, votes for third classes 1, and votes for the prediction 2.
        """
        left = touched - np.minimum(touched, self.votes)
        third = self._third
        return self._bears(np.minimum(left, third) + 2 * np.maximum(0, left - third))

    def sure(self, touched: int) -> bool:
        """Return whether every arrangement proves that; at the most votes for the prediction are lost first."""
        own = int(self.votes[self.lead.prediction])
        left = np.full(len(self.votes), max(0, touched - own))
        return self._bears(2 * min(touched, own) + np.minimum(left, self._third))

    @property
    def _third(self) -> NDArray[np.int64]:
        """Votes for other classes than the prediction and class k."""
        third: NDArray[np.int64] = self.votes.sum() - self.votes - self.votes[self.lead.prediction]
        return third

    def _bears(self, losses: NDArray[np.int64]) -> bool:
        return bool((losses <= self.lead.budgets).all())


def radius_of(lead: Lead, keep: int, n_free: int) -> int:
    """Return the radius from a lead alone, where ``keep`` noise masks keep each feature."""
    return radius_by_counts(lead, np.full(n_free, keep))
