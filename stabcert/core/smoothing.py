"""Smoothing: the vote of a predictor over frozen random masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stabcert.core.decisions import decide
from stabcert.core.types import MaskedPredictor, Masks, Probs, as_masks
from stabcert.errors import InputError

_ROWS_AT_ONCE = 8192


class SmoothedPredictor:
    """A predictor smoothed by multiplicative noise that is drawn once and then frozen.

    ``smoothed(masks)`` is the share of the q keep-masks under which ``base`` predicts each class: row
    j votes for the class of ``base(mask & keep_masks[j])``. Because the noise is frozen, this is a
    deterministic function of the mask, and every certificate of it is about *this* function; the
    seed of the noise belongs to what is certified.

    Args:
        base: any `MaskedPredictor`.
        keep_masks: ``(q, n_features)`` bool, True = kept.

    Source: MuS (Xue et al. 2023), Section 3; Soft stability (Jin et al. 2025), Definition 4.1.
    """

    def __init__(self, base: MaskedPredictor, keep_masks: Masks) -> None:
        self.base = base
        self.keep_masks = as_masks(keep_masks, base.n_features).copy()
        self.keep_masks.setflags(write=False)
        if len(self.keep_masks) == 0:
            raise InputError("smoothing needs at least one keep-mask")
        self._n_classes: int | None = None

    @property
    def n_features(self) -> int:
        return self.base.n_features

    def votes(self, masks: Masks) -> NDArray[np.int64]:
        """``(k, n_classes)`` integers; each row sums to q."""
        masks = as_masks(masks, self.n_features)
        step = max(1, _ROWS_AT_ONCE // len(self.keep_masks))
        parts = [self._votes(masks[start : start + step]) for start in range(0, len(masks), step)]
        return np.concatenate(parts) if parts else np.empty((0, self._classes(masks)), dtype=np.int64)

    def __call__(self, masks: Masks, /) -> Probs:
        shares: Probs = self.votes(masks) / len(self.keep_masks)
        return shares

    def _votes(self, masks: Masks) -> NDArray[np.int64]:
        rows = (masks[:, None] & self.keep_masks[None]).reshape(-1, self.n_features)
        classes = decide(self.base, rows).classes.reshape(len(masks), -1)
        n_classes = self._classes(masks[:1])
        votes = np.zeros((len(masks), n_classes), dtype=np.int64)
        np.add.at(votes, (np.arange(len(masks))[:, None], classes), 1)
        return votes

    def _classes(self, masks: Masks) -> int:
        if self._n_classes is None:
            probe = masks[:1] if len(masks) else np.zeros((1, self.n_features), dtype=np.bool_)
            self._n_classes = np.asarray(self.base(probe & self.keep_masks[:1])).shape[1]
        return self._n_classes
