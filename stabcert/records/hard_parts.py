"""Parts of the result of ``certify-hard``."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from stabcert.core.hard.certificate import EnumeratedRadius
from stabcert.core.hard.certificate import Refinement as Refined
from stabcert.core.hard.finding import Attack as Searched
from stabcert.core.hard.finding import Broken as Flipped
from stabcert.core.hard.finding import Check, ranked
from stabcert.records.common import ClassName, Prediction, indices_of
from stabcert.records.values import (
    Count,
    Indices,
    Part,
    Positive,
    Sha256,
    Text,
)


class ClassVotes(Part):
    """A class, and the noise masks that vote for it."""

    id: Count
    label: Text
    votes: Positive

    @classmethod
    def ranked(cls, votes: NDArray[np.int64], class_names: tuple[str, ...]) -> list[Self]:
        """Return the classes with votes, most votes first."""
        return [cls(id=i, label=class_names[i], votes=int(votes[i])) for i in ranked(votes)]


class Broken(Part):
    """An addition that changes the prediction, with the new prediction; null if none was found."""

    added: Indices
    """The added features."""
    prediction: Prediction

    @classmethod
    def of(cls, found: Flipped | None) -> Self | None:
        if found is None:
            return None
        return cls(added=indices_of(found.added), prediction=Prediction.of(found.prediction))


class Refinement(Part):
    """Proof by --refine; null without it."""

    radius: Count
    depth: Count
    """Features added at a time in its tables."""
    complete: bool
    stable_for_all_supersets: bool
    exact: bool
    """No larger radius exists."""
    evaluations: Count

    @classmethod
    def of(cls, found: Refined) -> Self:
        return cls(
            radius=found.radius,
            depth=found.depth,
            complete=found.complete,
            stable_for_all_supersets=found.stable_for_all_supersets,
            exact=found.exact,
            evaluations=found.evaluations,
        )


class Enumerated(Part):
    """Every addition tested on the unsmoothed model, radius by radius."""

    prediction: ClassName
    radius: Count
    exact: bool
    """No larger radius exists."""
    stable_for_all_supersets: bool
    flip: Indices | None
    """Added features that change the prediction."""
    near_ties: Count
    evaluations: Count

    @classmethod
    def of(cls, found: EnumeratedRadius, class_names: tuple[str, ...]) -> Self:
        return cls(
            prediction=ClassName.of(found.prediction, class_names),
            radius=found.radius,
            exact=found.exact,
            stable_for_all_supersets=found.stable_for_all_supersets,
            flip=None if found.flip is None else indices_of(found.flip),
            near_ties=found.near_ties,
            evaluations=found.evaluations,
        )


class Attack(Part):
    """Search for counterexamples, for the smoothed model and for the unsmoothed model."""

    calls: Positive
    smoothed: Broken | None
    model: Broken | None

    @classmethod
    def of(cls, found: Searched) -> Self:
        return cls(calls=found.calls, smoothed=Broken.of(found.smoothed), model=Broken.of(found.model))


class CheckedAddition(Part):
    """The addition given to --check."""

    file: Text
    sha256: Sha256
    added: Indices
    touched: Count
    """Noise masks that keep at least one of them."""
    guaranteed: bool
    """Neither this addition nor any part of it changes the prediction."""
    prediction: Prediction
    """Prediction of the smoothed model with this addition."""
    near_tie: bool

    @classmethod
    def of(cls, check: Check, *, guaranteed: bool) -> Self:
        return cls(
            file=check.file,
            sha256=check.sha256,
            added=indices_of(check.added),
            touched=check.found.touched,
            guaranteed=guaranteed,
            prediction=Prediction.of(check.prediction),
            near_tie=check.found.near_tie,
        )
