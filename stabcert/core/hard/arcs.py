"""The exact worst case for quantized noise, whose features are kept on arcs of a circle of noise masks.

Adding features affects the noise masks on the union of their arcs. So the largest loss that r features
cause to a lead is a maximum of weights covered by r arcs of equal length. An exact dynamic programme computes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stabcert.core.hard.leads import Leads
from stabcert.core.types import Masks


def radius_by_arcs(leads: Leads, keep_masks: Masks) -> int | None:
    """Return the largest number of features whose change certainly keeps the prediction, from leads and arcs.

    Guaranteed, with certainty: no change of up to that many of the features changes the prediction. For the
    addition of features, and votes without near ties, the ballots cannot prove more. Unless all
    features may be added, some predictor has the same ballots and changes its prediction at one feature more.

    Args:
        leads: leads of the prediction that must stay.
        keep_masks: ``(q, m)``: for each feature that may change, the noise masks that keep it.

    Returns:
        The radius; None if the columns are not arcs of one length, as those of `quantized_keep_masks` are.
    """
    design = circular_arcs(keep_masks)
    if design is None:
        return None
    if not leads.certain:
        return 0
    starts, length = design
    others = np.delete(np.arange(len(leads.budgets)), leads.prediction)
    # Classes with the same loss in every noise mask differ only in the budget, and the smallest budget decides.
    others = others[np.argsort(leads.budgets[others], kind="stable")]
    _, first = np.unique(leads.losses[:, others], axis=1, return_index=True)
    others = others[np.sort(first)]
    radius = int(keep_masks.shape[1])
    largest_losses = leads.losses[:, others].max(axis=1)
    for position, k in enumerate(others):
        # An upper bound for all classes; budgets grow from here on.
        if position > 0 and _first_above(largest_losses, starts, length, leads.budgets[k], radius) == radius:
            break
        radius = _first_above(leads.losses[:, k], starts, length, leads.budgets[k], radius)
    return radius


def circular_arcs(keep_masks: Masks) -> tuple[NDArray[np.intp], int] | None:
    """Return distinct starts and the common length, if each non-empty column is one circular arc; otherwise None."""
    counts = keep_masks.sum(axis=0)
    columns = keep_masks[:, counts > 0]
    lengths = np.unique(counts[counts > 0])
    if len(lengths) == 0:
        return np.zeros(0, dtype=np.intp), 0
    rises = columns & ~np.roll(columns, 1, axis=0)
    length = int(lengths[0])
    if len(lengths) > 1 or (length < len(columns) and (rises.sum(axis=0) != 1).any()):
        return None
    # An arc all around has no rise, and argmax gives it the start 0.
    return np.unique(rises.argmax(axis=0)), length


def largest_cover(weights: NDArray[np.float64], starts: NDArray[np.intp], length: int) -> Iterator[float]:
    """Yield the largest sum of weights on the union of r arcs, for r = 0, 1, ... up to the number of starts.

    The sums are exact, from a dynamic programme over arcs in order, for each choice of a first arc. The cost is
    ``O(q G log(length))`` for each r and G starts. Each r is computed when it is requested.

    Args:
        weights: ``(q,)`` non-negative, around the circle.
        starts: ``(G,)`` distinct; an arc covers ``start, ..., start + length - 1`` modulo q.
    """
    yield 0.0
    if len(starts) == 0:
        return
    q = len(weights)
    # Row f: positions counted from the start of the first arc, which covers everything that wraps around the end.
    present = np.zeros(2 * q, dtype=np.bool_)
    present[starts] = present[starts + q] = True
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([weights, weights]))])
    place = np.arange(q)
    before = sums[starts[:, None] + place]
    after = sums[starts[:, None] + np.minimum(place + length, q)]
    possible = present[starts[:, None] + place]
    possible[:, 0] = False
    # best[f, p]: the largest sum with r arcs of which the last starts at p.
    best = np.full((len(starts), q), -np.inf)
    best[:, 0] = after[:, 0] - before[:, 0]
    for _ in starts:
        yield float(best.max())
        apart = _shifted(np.maximum.accumulate(best, axis=1), length) - before
        overlapping = _largest_of_last(best - after, length - 1)
        best = np.where(possible, np.maximum(apart, overlapping) + after, -np.inf)


def _first_above(
    weights: NDArray[np.float64], starts: NDArray[np.intp], length: int, budget: float, at_most: int
) -> int:
    """Return the largest r up to ``at_most`` for which no r arcs cover more than ``budget``."""
    for r, covered in enumerate(largest_cover(weights, starts, length)):
        if covered > budget:
            return r - 1
        if r == at_most:
            break
    return at_most


def _shifted(values: NDArray[np.float64], by: int) -> NDArray[np.float64]:
    """Return row by row the value ``by`` places before, and minus infinity where that place does not exist."""
    moved = np.full_like(values, -np.inf)
    moved[:, by:] = values[:, : values.shape[1] - by]
    return moved


def _largest_of_last(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return row by row the largest of the ``count`` values before each place."""
    if count == 0:
        return np.full_like(values, -np.inf)
    width, largest = 1, values
    while 2 * width <= count:
        largest = np.maximum(largest, _shifted(largest, width))
        width *= 2
    return _shifted(np.maximum(largest, _shifted(largest, count - width)), 1)
