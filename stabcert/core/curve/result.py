"""Effects of smoothing on one input and over a data set: plain numbers, without inputs, models or reports."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class TriedAdditions:
    """Additions to one mask that were tested at one radius, and their effect on the prediction."""

    radius: int
    """The requested radius."""
    radius_used: int
    """The requested radius, but at most the number of features that are left to add."""
    samples: int
    matches: int
    """Additions with the prediction of the mask. A near tie is not a match."""
    near_ties: int
    enumerated: bool
    """True if every addition was tested once."""

    @property
    def smallest_rate(self) -> float:
        """Share of matches if near ties are not matches: at most the share that another arithmetic would find."""
        return self.matches / self.samples

    @property
    def largest_rate(self) -> float:
        return (self.matches + self.near_ties) / self.samples


@dataclass(frozen=True)
class MaskStability:
    """One mask of one input under one keep probability."""

    masked_prediction: int
    near_tie: bool
    """True if the predicted class is not certain."""
    consistent: bool | None
    """True if the class is that of the full input; None if one of them is a near tie."""
    n_free: int
    """Number of features that are left to add."""
    hard_radius: int | None
    """Number of features up to which additions certainly do not change the prediction; None at a near tie."""
    additions: tuple[TriedAdditions, ...]


@dataclass(frozen=True)
class SmoothedInput:
    """One input under one keep probability, with the noise frozen."""

    keep_probability: Fraction
    n_features: int
    prediction: int
    """Class of the full input."""
    near_tie: bool
    correct: bool | None
    """True if the class is the label; None without a label."""
    agrees: bool | None
    """True if the class is that of the unsmoothed model; None if one of the two is a near tie."""
    decremental_radius: int | None
    """Number of features up to which removals from the full input certainly do not change its prediction.

    It is not about a mask, so consistency is not required. None at a near tie.
    """
    masks: tuple[MaskStability, ...]
    """One for each given mask, such as one for each attribution method."""


@dataclass(frozen=True)
class Estimate:
    """Mean over the evaluated inputs, with an interval for the mean over the population."""

    mean: float
    """Near ties are counted as failures."""
    lower: float
    upper: float


@dataclass(frozen=True)
class EstimateAtRadius:
    radius: int
    mean: float
    lower: float
    upper: float
    clamped: int
    """Number of inputs with fewer features to change than the radius. They are counted at all of their features."""


@dataclass(frozen=True)
class MethodStability:
    """The masks of one attribution method under one keep probability, over all inputs."""

    consistency: Estimate
    rates: tuple[EstimateAtRadius, ...]
    """Mean stability rate."""
    hard_rates: tuple[EstimateAtRadius, ...]
    """Share of inputs whose hard radius is at least the radius."""


@dataclass(frozen=True)
class SmoothingLevel:
    """Results for one keep probability."""

    keep_probability: Fraction
    accuracy: Estimate | None
    """None if no input has a label; otherwise over the inputs that have one, like ``certified_accuracy``."""
    agreement: Estimate
    """Share of inputs that have the class of the unsmoothed model."""
    certified_accuracy: tuple[EstimateAtRadius, ...]
    """Share of inputs that are correct and whose decremental radius is at least the radius."""
    methods: tuple[MethodStability, ...]


@dataclass(frozen=True)
class SmoothingDifference:
    """One keep probability minus the reference, input by input; a positive number is a gain."""

    keep_probability: Fraction
    reference: Fraction
    accuracy: Estimate | None
    rates: tuple[tuple[EstimateAtRadius, ...], ...]
    """Difference of the stability rates by radius, for each method."""


@dataclass(frozen=True)
class SmoothingCurve:
    """Accuracy and stability by keep probability; returned by `stabcert.core.curve.summary.summarise`.

    Every interval holds individually with probability 1 - delta. The intervals do not hold jointly.
    """

    inputs: int
    labelled: int
    delta: float
    levels: tuple[SmoothingLevel, ...]
    differences: tuple[SmoothingDifference, ...]
    """Difference of every other keep probability to the first, in the given order."""


@dataclass(frozen=True)
class EvaluationSettings:
    """Noise, draws and additions of an evaluation."""

    noise: str
    draws: int
    noise_seed: tuple[int, int]
    """Seed of the frozen noise, together with the number of features."""
    n_samples: int


@dataclass(frozen=True)
class Threshold:
    """A share that every lower bound is to reach; compared unrounded.

    If it is met, all means reach it, with the confidence of a single bound: were one of them below, its own
    bound would have to be wrong.
    """

    value: float
    lower: float
    """The smallest lower bound."""

    @property
    def met(self) -> bool:
        return self.lower >= self.value
