"""Tests of additions: the prediction that must survive, and the streams of draws at each radius."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from stabcert.core.decisions import Decisions, decide
from stabcert.core.distinct import distinct_masks
from stabcert.core.masks import Additions, DrawsWithoutReplacement, IndependentDraws
from stabcert.core.streams import part_of, words_of
from stabcert.core.types import Mask, MaskedPredictor, Masks

MAX_WITHOUT_REPLACEMENT = 10**6
"""Size of the largest set that is sampled without replacement; in larger sets repeated draws are rare."""
MAX_FLIPS = 100
"""Maximum number of masks with another prediction that are kept, the smallest first."""


class Trials:
    """A predictor, a mask and its prediction, with a count of evaluations.

    Args:
        rng: source of two words. Each set of additions derives its own stream from them, so that the draws at
            one radius do not depend on the other requested radii.
    """

    def __init__(self, predictor: MaskedPredictor, mask: Mask, rng: Generator) -> None:
        self.predictor = predictor
        self.mask = mask
        self.evaluations = 0
        self.flips: Masks = np.zeros((0, len(mask)), dtype=np.bool_)
        """Distinct tested masks that certainly have another prediction, fewest additions first; see `MAX_FLIPS`."""
        self._root = words_of(rng)
        decision = self._decide(mask[None])
        self.prediction = int(decision.classes[0])
        self._certain = not decision.near_tie[0]

    @property
    def certain_prediction(self) -> int | None:
        """The prediction that must survive; None if it is itself a near tie."""
        return self.prediction if self._certain else None

    def outcomes(self, masks: Masks) -> tuple[list[bool], list[bool]]:
        """Return for each mask whether it certainly keeps the prediction, and whether it is a near tie."""
        decisions = self._decide(masks)
        if not self._certain:  # the class that must survive is itself too close to call, and so is every outcome
            return [False] * len(masks), [True] * len(masks)
        same = decisions.classes == self.prediction
        self._keep_flips(masks[~same & ~decisions.near_tie])
        return (same & ~decisions.near_tie).tolist(), decisions.near_tie.tolist()

    def draws(self, additions: Additions) -> IndependentDraws | DrawsWithoutReplacement:
        """Return a new stream of uniform draws, without replacement if the set is small enough."""
        rng = part_of(self._root, additions.radius, int(additions.exactly))
        if population(additions) is None:
            return IndependentDraws(additions, rng)
        return DrawsWithoutReplacement(additions, rng)

    def _keep_flips(self, masks: Masks) -> None:
        if len(self.flips) == MAX_FLIPS:
            masks = masks[masks.sum(axis=1) < self.flips[-1].sum()]
        if len(masks) == 0:
            return
        found = np.concatenate([self.flips, masks])
        first, _ = distinct_masks(found)
        found = found[np.sort(first)]
        # A stable sort, so that among equally many additions the first found comes first.
        self.flips = found[np.argsort(found.sum(axis=1), kind="stable")[:MAX_FLIPS]]
        self.flips.flags.writeable = False  # they go into a frozen certificate

    def _decide(self, masks: Masks) -> Decisions:
        self.evaluations += len(masks)
        return decide(self.predictor, masks)


def population(additions: Additions) -> int | None:
    """Return the size of a set that is sampled without replacement, otherwise None."""
    count = additions.count(at_most=MAX_WITHOUT_REPLACEMENT)
    return count if count <= MAX_WITHOUT_REPLACEMENT else None


def larger_than(additions: Additions, limit: int) -> bool:
    return additions.count(at_most=limit) > limit
