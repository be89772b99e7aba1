"""Upper bounds on what adding r features takes from a lead, given the most that they take in each noise mask."""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from stabcert.core.hard.arcs import largest_cover


def largest_on_arcs(worst: NDArray[np.float64], starts: NDArray[np.intp], length: int, radius: int) -> float:
    """Most that ``radius`` arcs take if every noise mask on one of them takes its worst.

    Args:
        worst: ``(q,)``: most that up to ``radius`` features take in each noise mask.
        starts, length: the arcs, as of `stabcert.core.hard.arcs.circular_arcs`.
    """
    # With more features than distinct arcs, all arcs.
    return list(islice(largest_cover(worst, starts, length), radius + 1))[-1]


def largest_with_keeps(worst: NDArray[np.float64], keeps: int) -> NDArray[np.float64]:
    """Most that features take which all noise masks together keep at most ``keeps`` times; a knapsack, exact.

    Args:
        worst: ``(q, r + 1, k)``: most that up to j features take in each noise mask, for each of k classes.
        keeps: upper limit of the sum over the noise masks of how many of the features each one keeps.

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
