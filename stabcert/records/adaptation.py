"""Plain values of ``adapt`` that its record and its document are made of; they need no pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from stabcert.core.adaptation.result import ComparedInput, Comparison, Measure
from stabcert.core.adaptation.settings import ComparisonSettings
from stabcert.core.curve.result import Threshold
from stabcert.core.types import Mask

DataPart = Literal["training", "held-out", "reporting"]


@dataclass(frozen=True)
class QualityInfo:
    """Predictions of one candidate on the held-out inputs, which choose the model."""

    clean_agreement: float
    clean_accuracy: float | None
    """None without labels."""
    masked_agreement: tuple[float, ...] | None
    """One for each keep share of the choice; None where the clean loss was too large already."""


@dataclass(frozen=True)
class EpochInfo:
    """One epoch: the best point between the original and the trained weights, and the trained weights themselves."""

    epoch: int
    """Number from 1; 0 for the original model."""
    loss: float | None
    interpolation: float
    quality: QualityInfo
    trained: QualityInfo


@dataclass(frozen=True)
class UsedInput:
    """One input and its purpose."""

    id: str
    sha256: str
    label: int | None
    part: DataPart


@dataclass(frozen=True)
class ReportedInput:
    """One input under both models, with the explanation that both were given."""

    used: UsedInput
    mask: Mask
    compared: ComparedInput


@dataclass(frozen=True)
class Chosen:
    """The history of an adaptation and the choice that ended it."""

    history: tuple[EpochInfo, ...]
    epoch: int
    interpolation: float
    reason: str
    interrupted: bool
    settings: dict[str, Any]
    """Everything that decided the result, as plain values."""
    data_sha256: str
    """Hash of all inputs that trained or chose, with their labels."""


@dataclass(frozen=True)
class Explained:
    """The explanations of the comparison, by one attribution of the original model."""

    method: str
    settings: dict[str, Any]
    top_k: str
    feature_kind: str
    masking: dict[str, Any]


@dataclass(frozen=True)
class Compared:
    """The comparison on the reporting inputs, and how it was made."""

    comparison: Comparison
    inputs: tuple[ReportedInput, ...]
    settings: ComparisonSettings
    noise_seed: tuple[int, int]
    explained: Explained
    report_share: float | None
    """Share of the inputs that was drawn for the report; None where they were named."""
    clean_bound: float
    """Largest loss of clean accuracy or agreement that is accepted."""
    min_gain: float | None = None

    @property
    def gain(self) -> Measure:
        """The masked agreement, over all keep shares below 1."""
        return self._found(self.comparison.find("masked agreement"))

    @property
    def clean(self) -> Measure:
        """The accuracy on full inputs, or without labels the agreement with the original model."""
        first = self.settings.keep_shares[0]
        return self._found(self.comparison.find("accuracy", first) or self.comparison.find("agreement", first))

    @property
    def threshold(self) -> Threshold | None:
        """The gain that was requested; None if none was."""
        return None if self.min_gain is None else Threshold(self.min_gain, self.gain.difference.lower)

    @property
    def clean_verdict(self) -> Literal["within", "open", "beyond"]:
        """within: the whole interval of the loss is within the bound; open: the loss is, but not its interval."""
        change = self.clean.difference
        if change.mean < -self.clean_bound:
            return "beyond"
        return "within" if change.lower >= -self.clean_bound else "open"

    def _found(self, measure: Measure | None) -> Measure:
        if measure is None:
            raise LookupError("a comparison contains masked agreement and agreement")
        return measure


@dataclass(frozen=True)
class AdaptFinding:
    """Everything that ``adapt`` reports."""

    model: dict[str, Any]
    """The original model as a record contains it."""
    adapted: dict[str, Any]
    """The adapted model as it was loaded again from its directory."""
    class_names: tuple[str, ...]
    directory: str
    inputs: tuple[UsedInput, ...]
    chosen: Chosen
    compared: Compared | None
    """None where the run was interrupted before the comparison was complete."""
    run: dict[str, Any]
    repeats_left_out: int = 0
    """Other inputs that are equal to one that was named to report on. They are not among the inputs."""
    cut: int = 0
    """Texts that were too long for the model and were cut; they trained, chose or are reported on."""
    resumed: bool = False
    """The run continued an interrupted one, whose time is not counted."""

    @property
    def status(self) -> Literal["reported", "certified", "undecided", "incomplete"]:
        """reported unless a gain was requested; incomplete without a comparison."""
        if self.compared is None:
            return "incomplete"
        threshold = self.compared.threshold
        if threshold is None:
            return "reported"
        return "certified" if threshold.met else "undecided"

    def count(self, part: DataPart) -> int:
        """Return how many inputs had a purpose."""
        return sum(one.part == part for one in self.inputs)
