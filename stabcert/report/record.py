"""One result as one JSON object: what was asked, what was found, and where it comes from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from stabcert.core.mask_flags import MaskFlags, compare_classes
from stabcert.core.soft.certificate import SoftCertificate, StabilityRate
from stabcert.core.types import Features, Mask
from stabcert.records.writing import SCHEMA
from stabcert.report.refusal import reason_of
from stabcert.report.ties import Tie, tie_of

if TYPE_CHECKING:
    from stabcert.report.hard.finding import HardFinding
    from stabcert.report.spectrum.record import SpectrumFinding

Status = Literal["certified", "not-certified", "undecided", "inconsistent", "vacuous", "reported", "failed"]


@dataclass(frozen=True)
class InputInfo:
    """Where the input came from; enough to find it again and to notice that it changed."""

    id: str
    kind: Literal["image", "text"]
    sha256: str
    """Of the file's bytes, or of the UTF-8 text."""
    path: str | None = None
    text: str | None = None
    size: tuple[int, int] | None = None
    """Width and height of an image as a viewer shows it."""
    truncated: bool = False


@dataclass(frozen=True)
class ModelInfo:
    id: str
    revision: str | None
    sha256: str | None
    class_names: tuple[str, ...]
    config_sha256: str | None = None
    """Of what else defines the function, see `stabcert.models.checkpoint.config_sha256`; None where that is part of
    stabcert and of packages that are checked with the weights."""


@dataclass(frozen=True)
class Prediction:
    """The most probable class."""

    id: int
    label: str
    probability: float

    @classmethod
    def of(cls, probs: NDArray[np.float64], class_names: tuple[str, ...]) -> Prediction:
        best = int(probs.argmax())
        return cls(best, class_names[best], float(probs[best]))


@dataclass(frozen=True)
class Explanation:
    """The mask, what made it, and what the model says of the input with and without it."""

    method: str
    """Name of the attribution method, or ``"mask"`` for a mask the user gave."""
    settings: dict[str, Any]
    target: int
    features: Features
    mask: Mask
    masking: dict[str, Any]
    """How a dropped feature is dropped: baseline, and what else defines the function."""
    full: Prediction
    masked: Prediction
    empty: Prediction
    scores: NDArray[np.float64] | None = None
    near_ties: frozenset[Literal["full", "masked", "empty"]] = frozenset()
    """Those of the three predictions that are too close to call."""

    @property
    def flags(self) -> MaskFlags:
        """Consistency and vacuity of the function whose predictions these are."""
        full, masked, empty = (
            None if name in self.near_ties else prediction.id
            for name, prediction in (("full", self.full), ("masked", self.masked), ("empty", self.empty))
        )
        return compare_classes(self.mask, full, masked, empty)

    @property
    def consistent(self) -> bool | None:
        """The mask alone gives the prediction of the full input; None if one of the two is too close to call."""
        return self.flags.consistent

    @property
    def vacuous(self) -> bool | None:
        """Nothing at all already gives the prediction that the mask is said to explain; None as above."""
        return self.flags.vacuous

    @property
    def tie(self) -> Tie | None:
        """The scores do not say which features are the best: of equal ones some are kept and some are not."""
        return tie_of(self.scores, self.mask)


@dataclass(frozen=True)
class RunInfo:
    """Circumstances; two runs with one seed differ in nothing else."""

    seed: int
    device: str
    dtype: str
    batch_size: int
    evaluations: int
    seconds: float
    versions: dict[str, str] = field(default_factory=dict)
    rechecked: int = 0
    """Masks so close to a tie that float64 had to decide."""
    drift: float = 0.0
    """Largest difference that was seen between a margin in a batch and alone, in logits."""
    default_seed: bool = True
    """The seed is the one of a call without ``--seed``; another one may have been chosen for its result."""


@dataclass(frozen=True)
class Report:
    command: str
    status: Status
    input: InputInfo
    model: ModelInfo
    explanation: Explanation
    result: dict[str, Any]
    run: RunInfo
    certificate: SoftCertificate | HardFinding | SpectrumFinding | None = None
    key: str = ""
    """Hash of input, model and parameters, see `stabcert.sweep.key`; empty if the report belongs to no file."""

    def to_dict(self) -> dict[str, Any]:
        """The record as plain Python values, in the order of the documentation."""
        record: dict[str, Any] = {
            "schema": SCHEMA,
            "command": self.command,
            "status": self.status,
            "key": self.key,
            "input": _input(self.input),
            "model": {
                "id": self.model.id,
                "revision": self.model.revision,
                "sha256": self.model.sha256,
                "config_sha256": self.model.config_sha256,
                "labels": len(self.model.class_names),
            },
            "prediction": prediction_record(self.explanation.full),
            "explanation": _explanation(self.explanation, self.model.class_names, every=self.command == "explain"),
            "result": self.result,
            "run": {
                "seed": self.run.seed,
                "default_seed": self.run.default_seed,
                "device": self.run.device,
                "dtype": self.run.dtype,
                "batch_size": self.run.batch_size,
                "evaluations": self.run.evaluations,
                "rechecked": self.run.rechecked,
                "drift": self.run.drift,
                "seconds": round(self.run.seconds, 3),
                "versions": self.run.versions,
            },
        }
        reason = reason_of(record)
        if reason is None:
            return record
        return {name: record[name] for name in ("schema", "command", "status")} | {"reason": reason} | record


def failed_record(command: str, info: dict[str, Any], code: int, message: str, *, key: str = "") -> dict[str, Any]:
    """What stands in the stream for an input that could not be done."""
    return {
        "schema": SCHEMA,
        "command": command,
        "status": "failed",
        "key": key,
        "input": info,
        "error": {"code": code, "message": message},
    }


def load_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of every record."""
    text = files("stabcert.report").joinpath("schemas", "stabcert-1.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def soft_result(
    certificate: SoftCertificate,
    smoothing: dict[str, Any] | None,
    *,
    request: dict[str, Any] | None = None,
    interrupted: bool = False,
) -> dict[str, Any]:
    """``result`` of ``certify-soft``; ``request`` is all that it takes to do the same again."""
    return ({} if request is None else {"request": request}) | {
        "interval": certificate.interval,
        "sides": certificate.sides,
        "formulation": certificate.formulation,
        "delta": certificate.delta,
        "simultaneous": certificate.simultaneous,
        "smoothing": smoothing,
        "rates": [rate_record(rate) for rate in certificate.rates],
        "largest_radius": certificate.largest_radius,
        "near_ties": certificate.near_ties,
        "interrupted": interrupted,
    }


def rate_record(rate: StabilityRate) -> dict[str, Any]:
    return {
        "radius": rate.radius,
        "samples": rate.samples,
        "matches": rate.matches,
        "near_ties": rate.near_ties,
        "rate": rate.rate,
        "lower": rate.lower,
        "upper": rate.upper,
        "hoeffding_epsilon": rate.hoeffding_epsilon,
        "enumerated": rate.enumerated,
        "population": rate.population,
        "threshold": rate.threshold,
        "met": rate.met,
        "verdict": rate.verdict,
        "covers_up_to": rate.covers_up_to,
    }


def _input(info: InputInfo) -> dict[str, Any]:
    record: dict[str, Any] = {"id": info.id, "kind": info.kind, "sha256": info.sha256, "path": info.path}
    if info.kind == "image":
        record["size"] = None if info.size is None else list(info.size)
    else:
        record["text"] = info.text
    record["truncated"] = info.truncated
    return record


def class_record(index: int, class_names: tuple[str, ...]) -> dict[str, Any]:
    return {"id": index, "label": class_names[index]}


def prediction_record(prediction: Prediction) -> dict[str, Any]:
    return {"id": prediction.id, "label": prediction.label, "probability": prediction.probability}


def _explanation(explanation: Explanation, class_names: tuple[str, ...], *, every: bool) -> dict[str, Any]:
    selected = [int(i) for i in np.flatnonzero(explanation.mask)]
    indices = range(len(explanation.features)) if every else selected
    return {
        "method": explanation.method,
        "settings": explanation.settings,
        "target": explanation.target,
        "target_label": class_names[explanation.target],
        "feature_kind": explanation.features.kind,
        "n": len(explanation.features),
        "k": len(selected),
        "baseline": explanation.masking["baseline"],
        "masking": explanation.masking,
        "selected": selected,
        "masked_prediction": prediction_record(explanation.masked),
        "empty_prediction": prediction_record(explanation.empty),
        "consistent": explanation.consistent,
        "vacuous": explanation.vacuous,
        "tie": None if explanation.tie is None else asdict(explanation.tie),
        "features": [_feature(explanation, index) for index in indices],
    }


def _feature(explanation: Explanation, index: int) -> dict[str, Any]:
    feature = explanation.features.items[index]
    record: dict[str, Any] = {"index": index}
    if feature.box is not None:
        record["box"] = list(feature.box)
    if feature.span is not None:
        record["text"] = feature.label
        record["start"], record["end"] = feature.span
    record["score"] = None if explanation.scores is None else float(explanation.scores[index])
    return record
