"""Conditions under which a threshold on the stability of a mask is meaningful.

A stability rate or radius is a statement about the class of the *mask*. It means little where the full input has
another class, or where the input without any feature already has the class of the mask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from stabcert.core.decisions import Decisions, decide
from stabcert.core.types import Mask, MaskedPredictor

Refusal: TypeAlias = Literal["inconsistent", "vacuous"]
"""Reason for which a mask is not certified although its threshold is met."""


@dataclass(frozen=True)
class MaskFlags:
    """Comparison of one predictor's class on the mask with its classes on the full and on the empty input."""

    consistent: bool | None
    """True if the mask has the class of the full input; None if that was not evaluated or one is a near tie."""
    vacuous: bool | None
    """True if the empty input already has the class of the mask; None if not evaluated or one is a near tie."""


@dataclass(frozen=True)
class Allowed:
    """Masks that are certified despite a flag."""

    inconsistent: bool = False
    vacuous: bool = False


def refusal(flags: Iterable[MaskFlags], allowed: Allowed) -> Refusal | None:
    """Return the reason for which a mask whose threshold is met is not certified; None if it is certified.

    An unknown flag counts against the mask: only ``consistent=True`` and ``vacuous=False`` pass.

    Args:
        flags: flags under the certified function, and under every other function that must agree.
        allowed: flags that the user accepts.
    """
    flags = list(flags)
    if not allowed.inconsistent and any(one.consistent is not True for one in flags):
        return "inconsistent"
    if not allowed.vacuous and any(one.vacuous is not False for one in flags):
        return "vacuous"
    return None


def certain_classes(decisions: Decisions) -> list[int | None]:
    """Return the class of each mask, None where it is a near tie."""
    pairs = zip(decisions.classes, decisions.near_tie, strict=True)
    return [None if near_tie else int(one) for one, near_tie in pairs]


def compare_classes(mask: Mask, full: int | None, masked: int | None, empty: int | None) -> MaskFlags:
    """Return the flags of a mask from the classes of the full, the masked and the empty input.

    Args:
        mask: ``(n_features,)``, True = kept. A mask that keeps everything *is* the full input, and one that keeps
            nothing is the empty input, whatever their classes.
        full, masked, empty: classes; None where the class is not certain.
    """
    return MaskFlags(
        consistent=True if mask.all() else _same(masked, full),
        vacuous=True if not mask.any() else _same(masked, empty),
    )


def flags_of(predictor: MaskedPredictor, mask: Mask, masked: int | None) -> tuple[MaskFlags, int]:
    """Evaluate the full and the empty input, and return the flags of ``mask`` with the number of evaluations.

    At most 2 evaluations are needed.

    Args:
        predictor: any `MaskedPredictor`.
        mask: ``(n_features,)``, True = kept.
        masked: class on ``mask``; None at a near tie.

    Raises:
        ModelError: the predictor returned something other than probabilities.
    """
    everything, nothing = np.ones_like(mask), np.zeros_like(mask)
    others = [one for one in (everything, nothing) if not np.array_equal(one, mask)]
    found = dict(zip((one.all() for one in others), certain_classes(decide(predictor, np.stack(others))), strict=True))
    return compare_classes(mask, found.get(np.True_, masked), masked, found.get(np.False_, masked)), len(others)


def _same(one: int | None, other: int | None) -> bool | None:
    return None if one is None or other is None else one == other
