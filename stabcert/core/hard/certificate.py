"""Results of the hard certificates: numbers only, without the input, the model or the report.

A hard radius r guarantees that *no* way of adding up to r features changes the prediction. All radii are integers,
proved without rounding; a radius is what is shown, never what is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from stabcert.core.mask_flags import MaskFlags
from stabcert.core.types import Mask

Noise: TypeAlias = Literal["quantized", "bernoulli"]
ScoreKind: TypeAlias = Literal["vote", "probability"]


@dataclass(frozen=True)
class NoRadius:
    """The reason why no radius was proved."""

    reason: str


Removal: TypeAlias = int | NoRadius
"""A radius for removing features, or the reason why it does not exist."""


@dataclass(frozen=True)
class Refinement:
    """The proof by more model evaluations: tables of the predictions of each noise mask for the features it keeps."""

    radius: int
    """Largest radius that the tables prove; never below what the votes alone prove."""
    depth: int
    """Features added at a time in the tables: no radius above it can come out of them."""
    complete: bool
    """Every subset of the free features of every noise mask is in the tables: the radius they can prove is not cut
    short by ``depth``."""
    stable_for_all_supersets: bool
    exact: bool
    """``radius + 1`` is known to be broken (or everything is stable): no larger radius exists."""
    evaluations: int
    """Distinct masks of the unsmoothed predictor that the tables needed beyond those already evaluated."""


@dataclass(frozen=True)
class Seen:
    """Outcomes of evaluations, before anything is proved."""

    prediction: int
    """Class of the smoothed predictor on the masked input: the one that must survive."""
    full_prediction: int | None
    """Class of the smoothed predictor on the full input; None where it was not evaluated."""
    votes: NDArray[np.int64]
    """``(n_classes,)``: of the noise masks on the masked input, how many say each class."""
    full_votes: NDArray[np.int64] | None
    """The same on the full input; None where it was not evaluated."""
    gap: float
    """Lead of the prediction over every other class that is relied on, as a share: near ties count against it, and
    for Bernoulli noise it is a lower confidence bound."""
    full_gap: float | None
    near_ties: int
    """Votes whose two best classes could not be told apart; each is counted against the prediction.

    0 for probabilities, where what arithmetic can do is taken off the lead instead.
    """
    flags: MaskFlags
    """Comparison of the smoothed predictor's classes on the mask, the full and the empty input.

    For Bernoulli noise ``consistent`` is part of the statement that holds with probability 1 - delta if it is True, and
    what most draws show if it is False. Noise takes nothing from an input that keeps nothing, so that for the empty
    input the predictor itself tells.
    """


@dataclass(frozen=True)
class Proof:
    """Radii that follow from what was seen; `stabcert.core.hard.proof.conclude` makes it."""

    radius_votes: int
    """Incremental radius from the lead alone: strict at ties, minimum over all classes."""
    radius_arcs: int | None
    """Incremental radius from the lead and from which noise masks each feature touches; None where not computed."""
    refinement: Refinement | None
    radius_incremental: int
    """The largest of all that was proved: no addition of up to this many features changes the prediction."""
    removal: Removal
    """No removal of up to this many features that the mask does not keep from the *full* input changes the prediction.

    Nothing is said of removing selected ones.
    """
    stable_for_all_supersets: bool
    """No superset of the mask has another prediction."""
    delta: float | None
    """Probability that the proof is wrong; None if it cannot be wrong."""


@dataclass(frozen=True)
class HardCertificate:
    """A radius within which no addition changes the prediction of one smoothed predictor.

    The attributes of `seen` and of `proof` are attributes of the certificate, too.
    """

    n_features: int
    n_selected: int
    noise: Noise
    scores: ScoreKind
    keep_probability: Fraction | None
    """lambda as the exact share of noise masks that keep a feature; None if features differ in it."""
    draws: int
    """Noise masks: q if quantized, the samples that made the confidence bound if Bernoulli."""
    seen: Seen
    proof: Proof
    published_radius: float | None
    """gap / (2 lambda) as the paper prints it, for comparison only: it is not sound at ties."""
    evaluations: int
    """Distinct masks that were given to the unsmoothed predictor."""

    @property
    def n_free(self) -> int:
        return self.n_features - self.n_selected

    @property
    def radius_decremental(self) -> int | None:
        """The radius for removing features; None with the reason in ``why_no_decremental``."""
        return None if isinstance(self.removal, NoRadius) else self.removal

    @property
    def why_no_decremental(self) -> str | None:
        """The reason why a radius for removing features does not exist; None if it exists."""
        return self.removal.reason if isinstance(self.removal, NoRadius) else None

    @property
    def prediction(self) -> int:
        return self.seen.prediction

    @property
    def full_prediction(self) -> int | None:
        return self.seen.full_prediction

    @property
    def votes(self) -> NDArray[np.int64]:
        return self.seen.votes

    @property
    def full_votes(self) -> NDArray[np.int64] | None:
        return self.seen.full_votes

    @property
    def gap(self) -> float:
        return self.seen.gap

    @property
    def full_gap(self) -> float | None:
        return self.seen.full_gap

    @property
    def near_ties(self) -> int:
        return self.seen.near_ties

    @property
    def consistent(self) -> bool | None:
        return self.seen.flags.consistent

    @property
    def vacuous(self) -> bool | None:
        return self.seen.flags.vacuous

    @property
    def radius_votes(self) -> int:
        return self.proof.radius_votes

    @property
    def radius_arcs(self) -> int | None:
        return self.proof.radius_arcs

    @property
    def refinement(self) -> Refinement | None:
        return self.proof.refinement

    @property
    def radius_incremental(self) -> int:
        return self.proof.radius_incremental

    @property
    def removal(self) -> Removal:
        return self.proof.removal

    @property
    def stable_for_all_supersets(self) -> bool:
        return self.proof.stable_for_all_supersets

    @property
    def delta(self) -> float | None:
        return self.proof.delta


@dataclass(frozen=True)
class EnumeratedRadius:
    """The hard radius of a predictor, by testing every addition, radius by radius."""

    prediction: int
    radius: int
    """Every addition of up to this many features was tested and certainly keeps the prediction."""
    flip: Mask | None
    """A smallest addition that certainly changes the prediction; its size is ``radius + 1``. None if none was met."""
    stable_for_all_supersets: bool
    """Every superset of the mask was tested."""
    near_ties: int
    """Additions too close to a tie to call; the radius ends before the first of them."""
    evaluations: int

    @property
    def exact(self) -> bool:
        """No larger radius exists."""
        return self.flip is not None or self.stable_for_all_supersets


@dataclass(frozen=True)
class CheckedAddition:
    """The answer for one particular addition: guaranteed, with every part of it, or not."""

    added: int
    """Features that it adds."""
    touched: int
    """Noise masks that keep at least one of them."""
    guaranteed: bool
    """Neither this addition nor any part of it changes the prediction: proved from the votes alone."""
    prediction: int
    """Class of the smoothed predictor with exactly this addition, by evaluating it."""
    near_tie: bool


def covers_everything(incremental: int, downwards: int | None, n_free: int) -> bool:
    """Return whether every superset is within a radius: few features above the mask, or few below the full input."""
    return incremental >= n_free or (downwards is not None and incremental + downwards >= n_free - 1)
