"""Upper bounds on the loss that r added features cause to a lead, from upper bounds for each noise mask."""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from stabcert.core.hard.arcs import largest_cover


def largest_on_arcs(worst: NDArray[np.float64], starts: NDArray[np.intp], length: int, radius: int) -> float:
    """Return the largest loss on ``radius`` arcs if every noise mask on one of them has its largest loss.

    Args:
        worst: ``(q,)``: largest loss that up to ``radius`` features cause in each noise mask.
        starts, length: the arcs, as returned by `stabcert.core.hard.arcs.circular_arcs`.
        radius: number of arcs.
    """
    # With more features than distinct arcs, all arcs are covered.
    return list(islice(largest_cover(worst, starts, length), radius + 1))[-1]


def largest_with_keeps(worst: NDArray[np.float64], keeps: int) -> NDArray[np.float64]:
    """Return the largest loss that features can cause if all noise masks jointly keep them at most ``keeps`` times.

    It is the exact solution of a knapsack problem.

    Args:
        worst: ``(q, r + 1, k)``: largest loss that up to j features cause in each noise mask, for each of k classes.
        keeps: upper limit on the number of kept features, summed over the noise masks.

    Returns:
        ``(k,)``: the largest sum of ``worst[s, j_s]`` over all j_s up to r with a sum of at most ``keeps``.
    """
    largest = np.zeros((keeps + 1, worst.shape[2]))
    for values in worst:
        following = largest + values[0]
        for j in range(1, min(len(values) - 1, keeps) + 1):
            np.maximum(following[j:], largest[: keeps + 1 - j] + values[j], out=following[j:])
        largest = following
    best: NDArray[np.float64] = largest[-1]
    return best
