"""Types that every part shares: masks, probabilities, and the function between them.

Polarity: in every mask ``True`` means that the feature is *kept*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.given import mask_hint
from stabcert.errors import InputError

Mask: TypeAlias = NDArray[np.bool_]
"""``(n_features,)`` bool, True = kept."""
Masks: TypeAlias = NDArray[np.bool_]
"""``(k, n_features)`` bool, True = kept."""
Probs: TypeAlias = NDArray[np.float64]
"""``(k, n_classes)`` float64, rows sum to 1."""
Scores: TypeAlias = NDArray[np.float64]
"""``(n_features,)`` float64, larger = more important."""
Side: TypeAlias = Literal["first", "second"]
"""One of the two texts of a pair."""
SIDES: tuple[Side, ...] = get_args(Side)


@runtime_checkable
class MaskedPredictor(Protocol):
    """A classifier of one fixed input, as a function on boolean masks.

    ``predictor(masks)`` maps ``(k, n_features)`` bool to ``(k, n_classes)`` float64 probabilities.
    It must be a deterministic function of each mask alone. It must not depend on the batch of the mask, on the
    order, or on hidden state. Every certificate requires this. The masks are read-only; copy them to change them.

    The arithmetic of a predictor may depend on the batch in the last bits. Such an object may have a float attribute
    ``decision_tolerance``: the difference of the two largest log-probabilities below which a
    decision is not reliable (see `stabcert.core.decisions`). Without it, 0 is assumed. If the object settles such
    decisions itself, by better arithmetic, a larger ``drift_tolerance`` gives how far the numbers may move. A
    predictor that decides by other means, such as a vote, has a method ``decide(masks) -> Decisions``.
    """

    @property
    def n_features(self) -> int: ...

    def __call__(self, masks: Masks, /) -> Probs: ...


@dataclass(frozen=True)
class Feature:
    """Human-readable description of one feature of one input."""

    label: str
    """Short name: ``"row 3, column 7"`` or the word itself."""
    box: tuple[int, int, int, int] | None = None
    """Left, top, right, bottom in pixels of the model's input (right, bottom exclusive); None for texts."""
    span: tuple[int, int] | None = None
    """Start and end (exclusive) in characters of the user's own text; None for images."""
    side: Side | None = None
    """The text that contains it, where the input is a pair of texts."""


@dataclass(frozen=True)
class Features:
    """The n features of one input, in the order of the mask."""

    kind: str
    """Name of the feature space, such as ``"patch"``, ``"grid"``, ``"segment"``, ``"word"`` or ``"token"``."""
    items: tuple[Feature, ...]
    shape: tuple[int, ...]
    """Grid shape for patches and grids, otherwise ``(n_features,)``."""
    nouns: tuple[str, str] = ("feature", "features")
    """The name of one feature, and of several."""

    def __len__(self) -> int:
        return len(self.items)

    def counted(self, number: int) -> str:
        """Return a number of features in words: ``"1 patch"``, ``"12 words"``."""
        return f"{number} {self.nouns[number != 1]}"

    @property
    def of_text(self) -> bool:
        """True if the features are pieces of a text."""
        return any(item.span is not None for item in self.items)


@dataclass(frozen=True)
class Attribution:
    """Importance of each feature for one class, with the method and the settings that produced it."""

    scores: Scores
    target: int
    """The explained class."""
    method: str
    settings: dict[str, Any] = field(default_factory=dict)
    """JSON-ready parameters, sufficient to reproduce the scores."""
    standard_errors: Scores | None = None
    """Standard error of each score over the random draws; None where the method does not estimate it."""
    notes: tuple[str, ...] = ()
    """Cautions to read before trusting the scores."""


def as_mask(mask: ArrayLike, n_features: int) -> Mask:
    """Check one mask and return it as a bool array.

    Raises:
        InputError: ``mask`` is not one row of ``n_features`` values, or contains values other than 0 and 1.
    """
    array = np.asarray(mask)
    if array.shape != (n_features,):
        raise InputError(
            f"a mask of shape {array.shape} does not fit an input with {n_features} features. "
            f"Give one row of {n_features} values, 1 = kept, 0 = dropped{mask_hint(mask)}"
        )
    return _as_bool(array, mask_hint(mask))


def as_masks(masks: ArrayLike, n_features: int) -> Masks:
    """Check a batch of masks and return it as a bool array of shape ``(k, n_features)``.

    Raises:
        InputError: ``masks`` has another shape, or contains values other than 0 and 1.
    """
    array = np.asarray(masks)
    if array.ndim != 2 or array.shape[1] != n_features:
        raise InputError(
            f"masks of shape {array.shape} do not fit an input with {n_features} features. "
            f"Give an array of shape (k, {n_features}), 1 = kept, 0 = dropped{mask_hint(masks)}"
        )
    return _as_bool(array, mask_hint(masks))


def _as_bool(array: NDArray[Any], hint: str) -> NDArray[np.bool_]:
    if array.dtype == np.bool_:
        return array
    # A float such as .999998 is not a mask, because multiplying an input by it is another function.
    if array.dtype.kind not in "iuf" or not np.isin(array, (0, 1)).all():
        raise InputError(
            "a mask must contain only 0 and 1 (or False and True), got other values. Use 1 for kept and 0 for dropped"
            + hint
        )
    return array.astype(np.bool_)
