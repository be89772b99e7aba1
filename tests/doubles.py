"""Predictors with known answers: Boolean functions whose stability rates are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.types import MaskedPredictor, Masks, Probs


def one_hot(classes: ArrayLike, n_classes: int = 2) -> Probs:
    """``(k,)`` classes to ``(k, n_classes)`` certain probabilities."""
    rows: Probs = np.eye(n_classes)[np.asarray(classes, dtype=np.intp)]
    return rows


class Table:
    """Any function of n features: row ``sum(2**i for kept i)`` of ``(2**n, n_classes)`` probabilities."""

    def __init__(self, probabilities: ArrayLike) -> None:
        self.probabilities: Probs = np.asarray(probabilities, dtype=np.float64)
        self.n_features = len(self.probabilities).bit_length() - 1
        if len(self.probabilities) != 2**self.n_features:
            raise ValueError("a table has 2**n rows")

    def __call__(self, masks: Masks, /) -> Probs:
        rows: Probs = self.probabilities[masks @ (1 << np.arange(self.n_features))]
        return rows


class Threshold:
    """Class 1 if at least ``at_least`` of ``members`` (default: all features) are kept, else class 0."""

    def __init__(self, n_features: int, at_least: int, members: Iterable[int] | None = None) -> None:
        self.n_features = n_features
        self.at_least = at_least
        self.members = np.array(sorted(range(n_features) if members is None else members), dtype=np.intp)

    def __call__(self, masks: Masks, /) -> Probs:
        return one_hot(masks[:, self.members].sum(axis=1) >= self.at_least)

    def rate(self, mask: ArrayLike, radius: int, *, exactly: bool = False) -> Fraction:
        """Share of the additions of up to (or exactly) ``radius`` features that keep the class of ``mask``."""
        kept = np.asarray(mask, dtype=bool)
        kept_members = int(kept[self.members].sum())
        free_members, free = len(self.members) - kept_members, int((~kept).sum())
        stays = [
            (kept_members + i >= self.at_least) == (kept_members >= self.at_least) for i in range(free_members + 1)
        ]
        matching = total = 0
        for size in range(radius if exactly else 0, radius + 1):
            total += math.comb(free, size)
            matching += sum(
                math.comb(free_members, i) * math.comb(free - free_members, size - i)
                for i in range(min(size, free_members) + 1)
                if stays[i]
            )
        return Fraction(matching, total)


class Unanimity(Threshold):
    """Class 1 if every one of ``members`` is kept."""

    def __init__(self, n_features: int, members: Iterable[int] | None = None) -> None:
        chosen = list(range(n_features) if members is None else members)
        super().__init__(n_features, len(chosen), chosen)


class Majority(Threshold):
    """Class 1 if more than half of the features are kept."""

    def __init__(self, n_features: int) -> None:
        super().__init__(n_features, n_features // 2 + 1)


class Constant(Threshold):
    """Class 1 whatever is kept: stable at every radius."""

    def __init__(self, n_features: int) -> None:
        super().__init__(n_features, 0)


class Parity:
    """Class = number of kept features modulo 2."""

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features

    def __call__(self, masks: Masks, /) -> Probs:
        return one_hot(masks.sum(axis=1) % 2)


class FlipAtSize:
    """Class 1 only on masks that keep exactly ``size`` features, one of them feature ``watched``."""

    def __init__(self, n_features: int, size: int, watched: int) -> None:
        self.n_features = n_features
        self.size = size
        self.watched = watched

    def __call__(self, masks: Masks, /) -> Probs:
        return one_hot((masks.sum(axis=1) == self.size) & masks[:, self.watched])

    def rate_from_nothing(self, radius: int) -> Fraction:
        """Stability rate, up to ``radius`` additions, of the mask that keeps nothing."""
        total = sum(math.comb(self.n_features, j) for j in range(radius + 1))
        flipped = math.comb(self.n_features - 1, self.size - 1) if radius >= self.size else 0
        return 1 - Fraction(flipped, total)


class Scripted:
    """Answers from a list, whatever the mask: one bool for each row after the first, True = class 1.

    Not a function of the mask; for reaching every outcome of a random draw on purpose.
    """

    def __init__(self, n_features: int, answers: Iterable[bool]) -> None:
        self.n_features = n_features
        self._answers = iter(answers)
        self._first = True

    def __call__(self, masks: Masks, /) -> Probs:
        answers = []
        for _ in range(len(masks)):
            answers.append(True if self._first else next(self._answers))
            self._first = False
        return one_hot(answers)


class Counting:
    """Wraps a predictor; counts calls and rows and remembers every mask."""

    def __init__(self, base: MaskedPredictor) -> None:
        self.base = base
        self.n_features = base.n_features
        self.decision_tolerance = float(getattr(base, "decision_tolerance", 0.0))
        self.calls = 0
        self.rows = 0
        self.seen: list[NDArray[np.bool_]] = []

    def __call__(self, masks: Masks, /) -> Probs:
        self.calls += 1
        self.rows += len(masks)
        self.seen.append(masks.copy())
        return self.base(masks)

    @property
    def masks(self) -> Masks:
        """All masks in the order in which they were asked for."""
        return np.concatenate(self.seen)


class Batchy:
    """Like ``base``, but undecided where ``tied(masks)`` is true: there the batch decides.

    The two classes then differ by less than ``decision_tolerance`` in log-probability, and which one is
    ahead depends on the size of the batch and on the place in it, as rounding errors do.
    """

    decision_tolerance = 1e-4

    def __init__(self, base: MaskedPredictor, tied: Callable[[Masks], NDArray[np.bool_]], *, drift: int = 0) -> None:
        self.base = base
        self.n_features = base.n_features
        self.tied = tied
        self.drift = drift

    def __call__(self, masks: Masks, /) -> Probs:
        probs = self.base(masks).copy()
        sign = np.where((np.arange(len(masks)) + len(masks) + self.drift) % 2 == 0, 1.0, -1.0)
        close = 0.5 + 1e-6 * np.stack([-sign, sign], axis=1)
        rows = self.tied(masks)
        probs[rows] = close[rows]
        return probs
