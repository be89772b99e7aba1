"""The types that cross every border: masks, probabilities, and the function between them.

Polarity, once and for all: in a mask ``True`` means that the feature is *kept*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.errors import InputError

Mask: TypeAlias = NDArray[np.bool_]
"""``(n_features,)`` bool, True = kept."""
Masks: TypeAlias = NDArray[np.bool_]
"""``(k, n_features)`` bool, True = kept."""
Probs: TypeAlias = NDArray[np.float64]
"""``(k, n_classes)`` float64, rows sum to 1."""
Scores: TypeAlias = NDArray[np.float64]
"""``(n_features,)`` float64, larger = more important."""


@runtime_checkable
class MaskedPredictor(Protocol):
    """A classifier of one fixed input, as a function on boolean masks.

    ``predictor(masks)`` maps ``(k, n_features)`` bool to ``(k, n_classes)`` float64 probabilities.
    It must be a deterministic function of each mask alone: not of the batch it came in, of the
    order, or of hidden state. Every certificate rests on this.

    An object whose arithmetic depends on the batch in the last bits may offer a float attribute
    ``decision_tolerance``: the difference of the two largest log-probabilities under which a
    decision is not to be relied on (see `stabcert.core.decisions`). Without it, 0 is assumed. If it settles such
    decisions itself, by better arithmetic, a larger ``drift_tolerance`` says how far the numbers may move. One that
    decides by other means, as a vote does, offers ``decide(masks) -> Decisions``.
    """

    @property
    def n_features(self) -> int: ...

    def __call__(self, masks: Masks, /) -> Probs: ...


@dataclass(frozen=True)
class Feature:
    """What a human calls one feature of one input."""

    label: str
    """Short name: ``"row 3, column 7"`` or the word itself."""
    box: tuple[int, int, int, int] | None = None
    """Images: left, top, right, bottom in pixels of the model's input (right, bottom exclusive)."""
    span: tuple[int, int] | None = None
    """Texts: start and end (exclusive) in characters of the user's own text."""


@dataclass(frozen=True)
class Features:
    """The n features of one input, in the order of the mask."""

    kind: str
    """``"patch"``, ``"grid"``, ``"segment"``, ``"word"``, ``"token"``, ``"sentence"``."""
    items: tuple[Feature, ...]
    shape: tuple[int, ...]
    """Grid shape for patches and grids, else ``(n_features,)``."""

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Attribution:
    """Importance of each feature for one class, and everything that made it."""

    scores: Scores
    target: int
    """Class that is explained."""
    method: str
    settings: dict[str, Any] = field(default_factory=dict)
    """JSON-ready parameters, enough to compute the same scores again."""
    standard_errors: Scores | None = None
    """Of each score, from the random draws that made it; None where the method draws nothing or gives none."""
    notes: tuple[str, ...] = ()
    """What the user should know before trusting the scores."""


def as_mask(mask: ArrayLike, n_features: int) -> Mask:
    """Check one mask and return it as a bool array.

    Raises:
        InputError: not one row of ``n_features`` values, or values other than 0 and 1.
    """
    array = np.asarray(mask)
    if array.shape != (n_features,):
        raise InputError(
            f"a mask of shape {array.shape} does not fit an input with {n_features} features; "
            f"give one row of {n_features} values, 1 = kept, 0 = dropped"
        )
    return _as_bool(array)


def as_masks(masks: ArrayLike, n_features: int) -> Masks:
    """Check a batch of masks and return it as a bool array of shape ``(k, n_features)``.

    Raises:
        InputError: another shape, or values other than 0 and 1.
    """
    array = np.asarray(masks)
    if array.ndim != 2 or array.shape[1] != n_features:
        raise InputError(
            f"masks of shape {array.shape} do not fit an input with {n_features} features; "
            f"give an array of shape (k, {n_features}), 1 = kept, 0 = dropped"
        )
    return _as_bool(array)


def _as_bool(array: NDArray[Any]) -> NDArray[np.bool_]:
    if array.dtype == np.bool_:
        return array
    # A float such as .999998 is not a mask: multiplying an input by it is another function.
    if array.dtype.kind not in "iuf" or not np.isin(array, (0, 1)).all():
        raise InputError("a mask holds only 0 and 1 (or False and True); 1 means kept")
    return array.astype(np.bool_)
