"""The function whose spectrum is taken: one number for each mask, from the predictor's probabilities."""

from __future__ import annotations

import numpy as np

from stabcert.core.decisions import decide_from, predict
from stabcert.core.distinct import distinct_masks
from stabcert.core.spectrum.result import TargetKind
from stabcert.core.spectrum.transforms import every_mask
from stabcert.core.types import MaskedPredictor, Masks, Probs, Scores
from stabcert.errors import ParameterError

_CHUNK_ROWS = 4096


class TargetFunction:
    """A bounded function of masks with values in ``[low, high]``.

    Probability: that of ``target_class``, in [0, 1]. Margin: that probability minus the one of ``other_class``, in
    [-1, 1]. The other class is the best one beside the target on the full input, and the same for all masks.
    Indicator: 1 where ``target_class`` is predicted, otherwise 0.

    Args:
        target_class: None for the class predicted on the full input, which is evaluated once for this.

    Raises:
        ParameterError: the kind of target or the class does not exist, or the predictor decides by a vote.
        ModelError: see `stabcert.core.decisions.predict`.
    """

    def __init__(self, predictor: MaskedPredictor, kind: TargetKind, target_class: int | None) -> None:
        if kind not in ("probability", "margin", "indicator"):
            raise ParameterError(
                f"target must be 'probability', 'margin' or 'indicator', got {kind!r}. Use one of them"
            )
        refuse_votes(predictor)
        self._predictor = predictor
        self.kind = kind
        self.n_features = predictor.n_features
        self.evaluations = 1
        full = predict(predictor, np.ones((1, self.n_features), dtype=np.bool_))
        self.target_class = choose_class(full, target_class)
        others = full[0].copy()
        others[self.target_class] = -1.0
        self.other_class = int(others.argmax()) if kind == "margin" else None
        self._full_value = self._of(full)[0]
        self.low, self.high = (-1.0, 1.0) if kind == "margin" else (0.0, 1.0)

    @property
    def centre(self) -> float:
        """Middle of the range, subtracted before degree 1 or more is estimated. Values lie within `half_range`."""
        return (self.low + self.high) / 2

    @property
    def half_range(self) -> float:
        return (self.high - self.low) / 2

    def table(self) -> Scores:
        """Return ``(2^n,)`` values at all masks, each evaluated once."""
        parts = []
        for masks in every_mask(self.n_features):
            ends = masks[-1].all()  # with the full input, which is known
            parts.append(self._evaluate(masks[:-1] if ends else masks))
        return np.concatenate([*parts, [self._full_value]])

    def values(self, masks: Masks) -> Scores:
        """Return ``(k,)`` values at ``(k, n_features)`` masks; equal masks are evaluated once."""
        first, inverse = distinct_masks(masks)
        distinct = masks[first]
        found = np.full(len(distinct), self._full_value)
        unknown = np.flatnonzero(~distinct.all(axis=1))
        for start in range(0, len(unknown), _CHUNK_ROWS):
            rows = unknown[start : start + _CHUNK_ROWS]
            found[rows] = self._evaluate(distinct[rows])
        return found[inverse.reshape(-1)]

    def _evaluate(self, masks: Masks) -> Scores:
        self.evaluations += len(masks)
        return self._of(predict(self._predictor, masks)) if len(masks) else np.zeros(0)

    def _of(self, probs: Probs) -> Scores:
        if self.kind == "indicator":
            said: Scores = (decide_from(self._predictor, probs).classes == self.target_class).astype(np.float64)
            return said
        # A row of probabilities may exceed 1 by a rounding error, and the intervals require the range.
        values: Scores = np.clip(probs[:, self.target_class], 0.0, 1.0)
        return values if self.other_class is None else values - np.clip(probs[:, self.other_class], 0.0, 1.0)


def refuse_votes(predictor: MaskedPredictor) -> None:
    """Check that the predictor decides by its probabilities, because spectra and stability bounds are about them.

    Raises:
        ParameterError: the predictor decides by other means, such as a vote, whose shares do not show where its
            decisions are near ties.
    """
    if hasattr(predictor, "decide"):
        raise ParameterError(
            "predictor must decide by its probabilities, got one that decides by a vote. Give its base, and smooth "
            "with keep_probabilities"
        )


def choose_class(full: Probs, target_class: int | None) -> int:
    """Return ``target_class``, or the class predicted on the full input if it is None.

    Args:
        full: ``(1, n_classes)``, the probabilities of the full input.

    Raises:
        ParameterError: ``target_class`` does not exist.
    """
    if target_class is None:
        return int(full[0].argmax())
    if not 0 <= target_class < full.shape[1]:
        raise ParameterError(
            f"target_class must be from 0 to {full.shape[1] - 1}, got {target_class}. Use one of these numbers"
        )
    return target_class
