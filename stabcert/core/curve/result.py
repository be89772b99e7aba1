"""What smoothing does to one input and over a data set: plain numbers only, no input, no model, no report."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class TriedAdditions:
    """Additions to one mask that were tried at one radius, and what became of the prediction."""

    radius: int
    """As asked for."""
    radius_used: int
    """The same, but at most the number of features that are left to add."""
    samples: int
    matches: int
    """Additions with the prediction of the mask. A near tie is not a match."""
    near_ties: int
    enumerated: bool
    """Every addition was tried once."""

    @property
    def smallest_rate(self) -> float:
        """Share of matches if no near tie is one: at most the share that another arithmetic would find."""
        return self.matches / self.samples

    @property
    def largest_rate(self) -> float:
        return (self.matches + self.near_ties) / self.samples


@dataclass(frozen=True)
class MaskStability:
    """One mask of one input under one keep probability."""

    masked_prediction: int
    near_tie: bool
    """Which class that is could not be told for certain."""
    consistent: bool | None
    """The same class as for the full input; None if one of them is a near tie."""
    n_free: int
    """Features that are left to add."""
    hard_radius: int | None
    """No addition of up to this many features changes the prediction, for certain; None at a near tie."""
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
    """None without a label."""
    agrees: bool | None
    """The class of the unsmoothed model; None if one of the two is a near tie."""
    decremental_radius: int | None
    """No removal of up to this many features from the full input changes its prediction, for certain.

    It says nothing of a mask, and so needs no consistency. None at a near tie.
    """
    masks: tuple[MaskStability, ...]
    """One for each mask that was given, such as one for each attribution method."""


@dataclass(frozen=True)
class Estimate:
    """The mean over the inputs seen, and an interval for the mean over all inputs."""

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
    """Inputs with fewer features to change than the radius: theirs is counted at all the features they have."""


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
    """Everything about one keep probability."""

    keep_probability: Fraction
    accuracy: Estimate | None
    """None if no input has a label; otherwise over the inputs that have one, like ``certified_accuracy``."""
    agreement: Estimate
    """Share of inputs with the class of the unsmoothed model."""
    certified_accuracy: tuple[EstimateAtRadius, ...]
    """Share of inputs that are correct and whose decremental radius is at least the radius."""
    methods: tuple[MethodStability, ...]


@dataclass(frozen=True)
class SmoothingDifference:
    """One keep probability minus the reference, input by input: positive means that this much is gained."""

    keep_probability: Fraction
    reference: Fraction
    accuracy: Estimate | None
    rates: tuple[tuple[EstimateAtRadius, ...], ...]
    """For each method the difference of the stability rates by radius."""


@dataclass(frozen=True)
class SmoothingCurve:
    """Accuracy and stability by keep probability; made by `stabcert.core.curve.summary.summarise`.

    Every interval holds by itself with probability 1 - delta, not all of them together.
    """

    inputs: int
    labelled: int
    delta: float
    levels: tuple[SmoothingLevel, ...]
    differences: tuple[SmoothingDifference, ...]
    """Of every keep probability but the first to the first, in the order given."""


@dataclass(frozen=True)
class EvaluationSettings:
    """How inputs were smoothed and their masks tried."""

    noise: str
    draws: int
    noise_seed: tuple[int, int]
    """What the frozen noise was drawn from, together with the number of features."""
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
