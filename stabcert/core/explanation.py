"""A mask, what made it, and what a model predicts with and without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stabcert.core.mask_flags import MaskFlags, compare_classes
from stabcert.core.prediction import Prediction
from stabcert.core.ties import Tie, tie_of
from stabcert.core.types import Features, Mask


@dataclass(frozen=True)
class Explanation:
    """The mask, what made it, and the predictions with and without it."""

    method: str
    """Name of the attribution method, or ``"mask"`` for a mask the user gave."""
    settings: dict[str, Any]
    target: int
    features: Features
    mask: Mask
    masking: dict[str, Any]
    """Definition of dropping a feature: baseline, and all else that defines the function."""
    full: Prediction
    masked: Prediction
    empty: Prediction
    scores: NDArray[np.float64] | None = None
    near_ties: frozenset[Literal["full", "masked", "empty"]] = frozenset()
    """Those of the three predictions that are too close to call."""

    @property
    def flags(self) -> MaskFlags:
        """Consistency and vacuity of the function whose predictions these are."""
        full, masked, empty = (
            None if name in self.near_ties else prediction.id
            for name, prediction in (("full", self.full), ("masked", self.masked), ("empty", self.empty))
        )
        return compare_classes(self.mask, full, masked, empty)

    @property
    def consistent(self) -> bool | None:
        """The mask alone gives the prediction of the full input; None if one of the two is too close to call."""
        return self.flags.consistent

    @property
    def vacuous(self) -> bool | None:
        """Nothing at all already gives the prediction that the mask is said to explain; None as above."""
        return self.flags.vacuous

    @property
    def tie(self) -> Tie | None:
        """The scores do not say which features are the best: of equal ones some are kept and some are not."""
        return tie_of(self.scores, self.mask)
