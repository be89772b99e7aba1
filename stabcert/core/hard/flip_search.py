"""State of a search for a flipping addition: the smallest one so far, and the remaining evaluations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stabcert.core.decisions import decide, decide_from, predict
from stabcert.core.masks import CHUNK_CELLS, CHUNK_ROWS
from stabcert.core.types import Mask, MaskedPredictor, Masks

Changed: TypeAlias = Callable[[Mask, NDArray[np.intp]], Masks]
"""Function from one mask to several, one for each row of the second argument."""


class FlipSearch:
    """The smallest certain flip so far, and the remaining evaluations."""

    def __init__(self, predictor: MaskedPredictor, mask: Mask, max_evaluations: int, known_stable: int) -> None:
        self.predictor = predictor
        self.mask = mask
        self.free: NDArray[np.intp] = np.flatnonzero(~mask)
        self.left = max_evaluations - 1
        self.floor = known_stable
        """Radius known to be stable; the smallest flip has at least ``floor + 1`` features."""
        self.flip: Mask | None = None
        self.flip_size = len(mask) + 1
        self._own_decisions = hasattr(predictor, "decide")
        reference = decide(predictor, mask[None])
        self.prediction = int(reference.classes[0])
        self.certain = not reference.near_tie[0]

    @property
    def done(self) -> bool:
        return self.left <= 0 or self.floor >= min(len(self.free), self.flip_size - 1)

    def margins(self, changed: Changed, mask: Mask, which: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return margins of the rows ``changed(mask, which)``, negative where the prediction seems to change.

        The result is shorter if the evaluations run out. Every row that certainly flips is recorded.
        """
        step = max(1, min(CHUNK_ROWS, CHUNK_CELLS // max(1, len(self.mask))))
        parts = [np.zeros(0)]
        start = 0
        while start < len(which) and self.left > 0:
            masks = changed(mask, which[start : start + min(step, self.left)])
            self.left -= len(masks)
            start += len(masks)
            parts.append(self._margins(masks))
        return np.concatenate(parts)

    def _margins(self, masks: Masks) -> NDArray[np.float64]:
        probs = predict(self.predictor, masks)
        others = np.delete(probs, self.prediction, axis=1).max(axis=1)
        margins: NDArray[np.float64] = probs[:, self.prediction] - others
        flips = probs.argmax(axis=1) != self.prediction
        if not self._own_decisions:
            flips &= ~decide_from(self.predictor, probs).near_tie
        # A tie that goes to another class is a flip, and a near tie is not.
        margins = np.where(flips, np.minimum(margins, -1e-300), np.maximum(margins, 0.0))
        self._take_note(masks[flips])
        return margins

    def _take_note(self, masks: Masks) -> None:
        sizes = (masks & ~self.mask).sum(axis=1)
        for row in np.argsort(sizes, kind="stable"):
            if sizes[row] >= self.flip_size:
                return
            if self._own_decisions:
                if self.left <= 0:
                    return
                self.left -= 1
                decision = decide(self.predictor, masks[row][None])
                if decision.near_tie[0] or decision.classes[0] == self.prediction:
                    continue
            self.flip, self.flip_size = masks[row].copy(), int(sizes[row])
            return


def with_each(mask: Mask, features: NDArray[np.intp]) -> Masks:
    """Return rows of which row i adds only feature i of ``features``."""
    rows = np.repeat(mask[None], len(features), axis=0)
    rows[np.arange(len(features)), features] = True
    return rows


def without_each(mask: Mask, features: NDArray[np.intp]) -> Masks:
    """Return rows of which row i leaves out only feature i of ``features``."""
    rows = np.repeat(mask[None], len(features), axis=0)
    rows[np.arange(len(features)), features] = False
    return rows


def with_all(mask: Mask, features: NDArray[np.intp]) -> Mask:
    row = mask.copy()
    row[features] = True
    return row


def exchanged(mask: Mask, swaps: NDArray[np.intp]) -> Masks:
    """Return rows of which row i leaves out feature ``swaps[i, 0]`` and adds ``swaps[i, 1]``."""
    rows = without_each(mask, swaps[:, 0])
    rows[np.arange(len(swaps)), swaps[:, 1]] = True
    return rows


def prefixes(mask: Mask, lengths: NDArray[np.intp], *, order: NDArray[np.intp]) -> Masks:
    """Return rows of which row i adds the first ``lengths[i]`` features of ``order``."""
    rows = np.repeat(mask[None], len(lengths), axis=0)
    rows[:, order] |= np.arange(len(order)) < lengths[:, None]
    return rows
