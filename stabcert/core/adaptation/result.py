"""A comparison of two models on the same inputs: what was evaluated, and what follows. Plain numbers only."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from stabcert.core.curve.result import Estimate, SmoothedInput

Quantity = Literal[
    "agreement",
    "masked agreement",
    "accuracy",
    "consistency",
    "kept class",
    "rate",
    "proved radius",
    "proved share",
    "smoothed agreement",
    "smoothed accuracy",
    "certified agreement",
    "certified accuracy",
]
"""Names of what is averaged over inputs. Agreement is with the class of the *original* model for the full input.

agreement, accuracy: share of random masks of one keep share that give the original class, or the label.
masked agreement: the mean agreement over all keep shares below 1.
consistency: the explanation gives the class that the same model predicts for the full input.
kept class: the explanation gives the original class.
rate: the stability rate of the explanation.
proved radius: the explanation gives the original class, and no addition of up to r features changes it.
proved share: the share of the remaining features that may certainly be added to an explanation with the original class.
smoothed agreement, smoothed accuracy: the smoothed model gives the original class, or the label, for the full input.
certified agreement, certified accuracy: the same, and no removal of up to r features changes it.
"""


@dataclass(frozen=True)
class MaskedShare:
    """One model on random masks of one keep share of one input."""

    keep_share: Fraction
    kept: int
    """Number of features that each mask keeps."""
    masks: int
    agreements: int
    """Masks with the class that the original model predicts for the full input. A near tie is not one."""
    correct: int | None
    """Masks with the class of the label; None without a label."""
    near_ties: int
    confidence: float
    """Largest probability of the first mask."""
    agrees: bool | None
    """True if the first mask gives the class of the original model for the full input; None at a near tie."""


@dataclass(frozen=True)
class ModelReading:
    """One model on one input."""

    prediction: int
    """Class of the full input."""
    near_tie: bool
    shares: tuple[MaskedShare, ...]
    """One for each keep share; the first is 1."""
    smoothed: tuple[SmoothedInput, ...]
    """The unsmoothed model with the tested additions, then each keep probability below 1 without additions."""


@dataclass(frozen=True)
class ComparedInput:
    """One input under the original and under the adapted model."""

    n_features: int
    before: ModelReading
    after: ModelReading

    @property
    def labelled(self) -> bool:
        return self.before.shares[0].correct is not None


@dataclass(frozen=True)
class Measure:
    """One quantity before and after, with the paired difference; a positive difference is a gain."""

    quantity: Quantity
    at: Fraction | None
    """The keep share of random masks, or lambda; None for the masked agreement."""
    radius: int | None
    """Number of features that may be added or removed; None where none are."""
    before: Estimate
    after: Estimate
    difference: Estimate


@dataclass(frozen=True)
class MeanRadius:
    """Mean number of features that may certainly be added to the explanations, 0 where the original class is lost."""

    keep_probability: Fraction
    before: float
    after: float


@dataclass(frozen=True)
class Overconfidence:
    """A test whether one model is more confident on inputs masked at one keep share than it should be."""

    keep_share: Fraction
    inputs: int
    """Number of masked inputs, one mask each."""
    confidence: float
    """Mean of the largest probabilities: the share of agreements that the model states."""
    agreements: int
    """Masked inputs with the original class; near ties are among them."""
    p_value: float

    @property
    def agreement(self) -> float:
        """Share of agreements."""
        return self.agreements / self.inputs


@dataclass(frozen=True)
class Comparison:
    """Two models on the same inputs; every interval holds individually with probability at least 1 - delta."""

    inputs: int
    labelled: int
    delta: float
    measures: tuple[Measure, ...]
    mean_radii: tuple[MeanRadius, ...]
    overconfidence_before: tuple[Overconfidence, ...]
    """One for each keep share below 1."""
    overconfidence_after: tuple[Overconfidence, ...]

    def find(self, quantity: Quantity, at: Fraction | None = None, radius: int | None = None) -> Measure | None:
        """Return one measure; None if it was not taken."""
        wanted = (quantity, at, radius)
        return next((one for one in self.measures if (one.quantity, one.at, one.radius) == wanted), None)
