"""The smallest lead of a smoothed prediction under additions of a given size, by testing all that are at risk."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stabcert.core.hard.loss_tables import LossTables

_CHUNK_ROWS = 2**13


def additions_at_risk(
    shares: NDArray[np.float64], budget: float, radius: int, *, at_most: int
) -> NDArray[np.intp] | None:
    """Return all sets of exactly ``radius`` features whose shares sum to more than ``budget``, and no other sets.

    Args:
        shares: ``(m,)`` non-negative, for each feature.
        budget: sum up to which a set is not listed.
        radius: 1 to m.
        at_most: limit on the number of sets.

    Returns:
        ``(k, radius)``, the features of each set in ascending order; None if there are more than ``at_most``.
    """
    order = np.argsort(-shares, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(shares[order])])
    # Places in the order by falling share. Each kept beginning has an end that puts it above the budget. So there are
    # never more beginnings than sets.
    sets, spent = np.zeros((1, 0), dtype=np.intp), np.zeros(1)
    for missing in range(radius, 0, -1):
        # The largest sum of place j and the best ones after it, which falls with j.
        most = sums[missing:] - sums[: len(sums) - missing]
        first = sets[:, -1] + 1 if sets.shape[1] > 0 else np.zeros(1, dtype=np.intp)
        counts = np.maximum(np.searchsorted(-most, spent - budget, side="left") - first, 0)
        if counts.sum() > at_most:
            return None
        parent = np.repeat(np.arange(len(sets)), counts)
        place = np.arange(len(parent)) - np.repeat(np.cumsum(counts) - counts, counts) + first[parent]
        sets = np.concatenate([sets[parent], place[:, None]], axis=1)
        spent = spent[parent] + shares[order[place]]
    return np.sort(order[sets], axis=1)


def smallest_lead(tables: LossTables, margins: NDArray[np.float64], additions: NDArray[np.intp]) -> float:
    """Return the smallest lead over one class at any of the additions; infinite if ``additions`` is empty.

    Args:
        tables: tables as deep as the additions are large, or complete.
        margins: ``(rows,)``: the contribution of each row of the ballots of ``tables`` to the lead.
        additions: ``(k, r)``: free features, numbered among the free ones, in ascending order.
    """
    places = [_Places(tables, s) for s in range(len(tables.kept))]
    smallest = np.inf
    for start in range(0, len(additions), _CHUNK_ROWS):
        chunk = additions[start : start + _CHUNK_ROWS]
        leads = np.zeros(len(chunk))
        for place, copies in zip(places, tables.copies, strict=True):
            leads += copies * margins[place.rows(chunk)]
        smallest = min(smallest, float(leads.min()))
    return smallest


class _Places:
    """Positions of additions in the tables of one noise mask."""

    def __init__(self, tables: LossTables, s: int) -> None:
        kept = tables.kept[s]
        self.entries = np.concatenate([level[s] for level in tables.entries])
        sizes = [len(level[s]) for level in tables.entries]
        self.starts = np.cumsum([0, *sizes[:-1]])
        # rank[i, c]: the contribution of free feature i to the rank of a subset in which it is the c-th kept one.
        self.rank = np.zeros((len(tables.free), len(sizes)), dtype=np.int64)
        for v, feature in enumerate(kept):
            self.rank[feature] = [math.comb(v, c) for c in range(len(sizes))]
        self.is_kept = np.zeros(len(tables.free), dtype=np.bool_)
        self.is_kept[kept] = True

    def rows(self, additions: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the row of the ballots for each addition."""
        count = np.zeros(len(additions), dtype=np.intp)
        at = np.zeros(len(additions), dtype=np.int64)
        for features in additions.T:
            kept = self.is_kept[features]
            count += kept
            at += np.where(kept, self.rank[features, count], 0)
        rows: NDArray[np.int64] = self.entries[self.starts[count] + at]
        return rows
