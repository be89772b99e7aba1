"""Smoothing: the vote of a predictor over frozen random masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stabcert.core.decisions import Decisions, decide, decide_from, predict
from stabcert.core.masks import CHUNK_CELLS
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

    @property
    def n_features(self) -> int:
        return self.base.n_features

    def votes(self, masks: Masks) -> NDArray[np.int64]:
        """``(k, n_classes)`` integers; each row sums to q."""
        return self._count(masks)[0]

    def __call__(self, masks: Masks, /) -> Probs:
        shares: Probs = self.votes(masks) / len(self.keep_masks)
        return shares

    def decide(self, masks: Masks) -> Decisions:
        """The winner of each vote; a near tie where votes that are themselves near ties could change it."""
        votes, unsure = self._count(masks)
        best = np.partition(votes, -2, axis=1)[:, -2:]
        # A vote that goes the other way changes the lead by two.
        near_tie = (unsure > 0) & (best[:, 1] - best[:, 0] <= 2 * unsure)
        return Decisions(votes.argmax(axis=1), near_tie)

    def _count(self, masks: Masks) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Votes ``(k, n_classes)``, and how many of each row's voters are near ties ``(k,)``."""
        masks = as_masks(masks, self.n_features)
        rows_at_once = min(_ROWS_AT_ONCE, CHUNK_CELLS // max(1, self.n_features))
        step = max(1, rows_at_once // len(self.keep_masks))
        parts = [self._count_chunk(masks[start : start + step]) for start in range(0, max(1, len(masks)), step)]
        return np.concatenate([votes for votes, _ in parts]), np.concatenate([unsure for _, unsure in parts])

    def _count_chunk(self, masks: Masks) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        rows = (masks[:, None] & self.keep_masks[None]).reshape(-1, self.n_features)
        probs = predict(self.base, rows)
        # A base that decides by other means, such as another vote, is asked itself.
        decisions = decide(self.base, rows) if hasattr(self.base, "decide") else decide_from(self.base, probs)
        votes = np.zeros((len(masks), probs.shape[1]), dtype=np.int64)
        shape = (len(masks), len(self.keep_masks))
        np.add.at(votes, (np.arange(len(masks))[:, None], decisions.classes.reshape(shape)), 1)
        return votes, decisions.near_tie.reshape(shape).sum(axis=1, dtype=np.int64)
