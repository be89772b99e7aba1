"""Subsets of a fixed size, in an order in which the place of each can be computed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def subsets(n: int, size: int) -> NDArray[np.int32]:
    """Return all ``(C(n, size), size)`` subsets of 0 .. n - 1, each ascending, in colexicographic order.

    The subset of members v_1 < v_2 < ... is in row ``C(v_1, 1) + C(v_2, 2) + ...``.
    """
    rows = np.zeros((1, 0), dtype=np.int32)
    for c in range(1, size + 1):
        # The subsets of c members whose largest is v: the first C(v, c - 1) subsets of c - 1 members, and v.
        counts = [math.comb(v, c - 1) for v in range(n)]
        smaller = np.concatenate([rows[:0], *(rows[:count] for count in counts)])
        largest = np.repeat(np.arange(n, dtype=np.int32), counts)
        rows = np.concatenate([smaller, largest[:, None]], axis=1)
    return rows
