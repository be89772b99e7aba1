"""Scores that do not decide which features are the best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import Mask

ROUNDING = 1e-12
"""Scores that differ by less do not differ: a fit to a constant function has scores that differ in nothing else."""


@dataclass(frozen=True)
class Tie:
    """Features that share the lowest score that is kept, and of which only some are."""

    kept: int
    left_out: int


def tie_of(scores: NDArray[np.float64] | None, mask: Mask) -> Tie | None:
    """Return how many of equal features ``mask`` keeps and leaves out; None if the scores decide."""
    if scores is None or mask.all() or not mask.any():
        return None
    lowest = scores[mask].min()
    if abs(scores[~mask].max() - lowest) > ROUNDING:
        return None
    same = np.abs(scores - lowest) <= ROUNDING
    return Tie(int((same & mask).sum()), int((same & ~mask).sum()))
