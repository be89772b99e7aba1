"""Plain values that records contain in addition to the results of `stabcert.core`. They do not need pydantic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from stabcert.core.curve.result import EvaluationSettings, SmoothingCurve, Threshold

Status = Literal["certified", "not-certified", "undecided", "inconsistent", "vacuous", "reported", "failed"]


@dataclass(frozen=True)
class InputInfo:
    """The input, as far as it takes to find it again and to notice a change."""

    id: str
    kind: Literal["image", "text", "tensor", "table", "function"]
    """The last three are inputs in memory; see `stabcert.presentation`."""
    sha256: str
    """Hash of the bytes of the file, of the UTF-8 text, or of a pair of texts (`stabcert.records.text_pair`)."""
    path: str | None = None
    text: str | None = None
    text_pair: str | None = None
    """The second text of a pair."""
    size: tuple[int, int] | None = None
    """Width and height of an image as a viewer shows it."""
    truncated: bool = False
    stored: dict[str, Any] | None = None
    """The place of an image inside of a data set, see `stabcert.records.common.Stored`."""


@dataclass(frozen=True)
class ModelInfo:
    """The model, and what defines its function."""

    id: str
    revision: str | None
    sha256: str | None
    class_names: tuple[str, ...]
    config_sha256: str | None = None
    """Hash of all else that defines the function, see `stabcert.models.checkpoint.config_sha256`; None where that is
    part of stabcert and of packages that are checked with the weights."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Values that define the function beside its files; empty for a model with classes of its own."""
    question: dict[str, Any] | None = None
    """The question whose two answers are the classes, as plain values, for a model that does not predict one of several
    classes."""
    code_sha256: str | None = None
    """Hash of the source file of the Python module that was imported and run as the model; None without such code."""


@dataclass(frozen=True)
class RunInfo:
    """Circumstances; two runs with one seed differ in nothing else."""

    seed: int
    device: str
    dtype: str
    batch_size: int
    evaluations: int
    seconds: float
    """0 where the time was not measured."""
    versions: dict[str, str] = field(default_factory=dict)
    rechecked: int = 0
    """Masks so close to a tie that float64 had to decide."""
    drift: float = 0.0
    """Largest difference that was seen between a margin in a batch and alone, in logits."""
    default_seed: bool = True
    """The seed is the one of a call without ``--seed``; another one may have been chosen for its result."""


@dataclass(frozen=True)
class CurveFinding:
    """Everything that ``smooth-eval`` says of all inputs together."""

    curve: SmoothingCurve
    methods: tuple[str, ...]
    settings: EvaluationSettings
    failed: int
    """Inputs that could not be evaluated, and are not among those that the curve is about."""
    model: dict[str, Any]
    """The model as a record contains it."""
    run: dict[str, Any]
    min_accuracy: Threshold | None = None
    min_rate: Threshold | None = None

    @property
    def status(self) -> Literal["reported", "certified", "undecided"]:
        """Never not-certified: of many upper bounds the smallest refutes less than it seems to."""
        thresholds = [one for one in (self.min_accuracy, self.min_rate) if one is not None]
        if not thresholds:
            return "reported"
        return "certified" if all(one.met for one in thresholds) else "undecided"
