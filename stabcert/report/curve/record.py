"""``result`` of ``smooth-eval``: of one input, and of all of them together; there and back again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from stabcert.core.curve.result import (
    Estimate,
    EstimateAtRadius,
    MaskStability,
    SmoothedInput,
    SmoothingCurve,
    SmoothingDifference,
    SmoothingLevel,
    TriedAdditions,
)
from stabcert.core.types import Mask
from stabcert.records.writing import SCHEMA
from stabcert.report.record import Status, class_record


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


@dataclass(frozen=True)
class CurveFinding:
    """Everything that ``smooth-eval`` says of all inputs together."""

    curve: SmoothingCurve
    methods: tuple[str, ...]
    settings: EvaluationSettings
    failed: int
    """Inputs that could not be evaluated, and are not among those that the curve is about."""
    model: dict[str, Any]
    """As in a record."""
    run: dict[str, Any]
    min_accuracy: Threshold | None = None
    min_rate: Threshold | None = None

    @property
    def status(self) -> Status:
        """Never not-certified: of many upper bounds the smallest refutes less than it seems to."""
        thresholds = [one for one in (self.min_accuracy, self.min_rate) if one is not None]
        if not thresholds:
            return "reported"
        return "certified" if all(one.met for one in thresholds) else "undecided"


def input_result(
    found: Sequence[SmoothedInput],
    methods: Sequence[str],
    masks: Sequence[Mask],
    label: int | None,
    settings: EvaluationSettings,
    class_names: tuple[str, ...],
    *,
    copy: int,
) -> dict[str, Any]:
    """``result`` of one input.

    Args:
        copy: how many equal inputs stand before it.
    """
    return {
        "label": None if label is None else class_record(label, class_names),
        "copy": copy,
        **settings_record(settings),
        "masks": [
            {"method": method, "selected": [int(i) for i in np.flatnonzero(mask)]}
            for method, mask in zip(methods, masks, strict=True)
        ],
        "lambdas": [
            {
                **_lambda(one.keep_probability),
                "prediction": class_record(one.prediction, class_names),
                "near_tie": one.near_tie,
                "correct": one.correct,
                "agrees": one.agrees,
                "decremental_radius": one.decremental_radius,
                "masks": [
                    {
                        "method": method,
                        "masked_prediction": class_record(mask.masked_prediction, class_names),
                        "near_tie": mask.near_tie,
                        "consistent": mask.consistent,
                        "n_free": mask.n_free,
                        "rates": [asdict(additions) for additions in mask.additions],
                        "hard_radius": mask.hard_radius,
                    }
                    for method, mask in zip(methods, one.masks, strict=True)
                ],
            }
            for one in found
        ],
    }


def smoothed_input(record: dict[str, Any]) -> tuple[SmoothedInput, ...]:
    """What `input_result` was made of, from the record of an input."""
    return tuple(
        SmoothedInput(
            keep_probability=Fraction(one["fraction"]),
            n_features=record["explanation"]["n"],
            prediction=one["prediction"]["id"],
            near_tie=one["near_tie"],
            correct=one["correct"],
            agrees=one["agrees"],
            decremental_radius=one["decremental_radius"],
            masks=tuple(
                MaskStability(
                    masked_prediction=mask["masked_prediction"]["id"],
                    near_tie=mask["near_tie"],
                    consistent=mask["consistent"],
                    n_free=mask["n_free"],
                    hard_radius=mask["hard_radius"],
                    additions=tuple(TriedAdditions(**additions) for additions in mask["rates"]),
                )
                for mask in one["masks"]
            ),
        )
        for one in record["result"]["lambdas"]
    )


def settings_record(settings: EvaluationSettings) -> dict[str, Any]:
    return {
        "noise": settings.noise,
        "draws": settings.draws,
        "noise_seed": list(settings.noise_seed),
        "n_samples": settings.n_samples,
    }


def settings_of(record: dict[str, Any]) -> EvaluationSettings:
    """The settings in the record of an input."""
    result = record["result"]
    first, second = result["noise_seed"]
    return EvaluationSettings(result["noise"], result["draws"], (first, second), result["n_samples"])


def curve_record(finding: CurveFinding, *, key: str) -> dict[str, Any]:
    """The record of all inputs together: one without an input, a prediction or an explanation."""
    return {
        "schema": SCHEMA,
        "command": "smooth-eval",
        "status": finding.status,
        "key": key,
        "input": None,
        "model": finding.model,
        "prediction": None,
        "explanation": None,
        "result": curve_result(finding),
        "run": finding.run,
    }


def curve_result(finding: CurveFinding) -> dict[str, Any]:
    """``result`` of all inputs together.

    What belongs to masks stands twice: for each method, and, as that of the first method, beside the rest.
    """
    curve, methods = finding.curve, finding.methods
    differences: list[SmoothingDifference | None] = [None, *curve.differences]
    return {
        "inputs": curve.inputs,
        "labelled": curve.labelled,
        "failed": finding.failed,
        "delta": curve.delta,
        **settings_record(finding.settings),
        "methods": list(methods),
        "lambdas": [
            {
                **_level(level, methods),
                "differences": None if difference is None else _difference(difference, methods),
            }
            for level, difference in zip(curve.levels, differences, strict=True)
        ],
        "min_accuracy": _threshold(finding.min_accuracy),
        "min_rate": _threshold(finding.min_rate),
    }


def _level(level: SmoothingLevel, methods: Sequence[str]) -> dict[str, Any]:
    by_method = [
        {
            **_share("consistency", one.consistency),
            "rates": [asdict(rate) for rate in one.rates],
            "hard_rates": _shares(one.hard_rates),
        }
        for one in level.methods
    ]
    return {
        **_lambda(level.keep_probability),
        **_share("accuracy", level.accuracy),
        **_share("agreement", level.agreement),
        **by_method[0],
        "certified_accuracy": _shares(level.certified_accuracy),
        "methods": [{"method": method, **one} for method, one in zip(methods, by_method, strict=True)],
    }


def _difference(difference: SmoothingDifference, methods: Sequence[str]) -> dict[str, Any]:
    by_method = [[asdict(rate) for rate in rates] for rates in difference.rates]
    return {
        "reference": float(difference.reference),
        "accuracy": None if difference.accuracy is None else asdict(difference.accuracy),
        "rates": by_method[0],
        "methods": [{"method": method, "rates": rates} for method, rates in zip(methods, by_method, strict=True)],
    }


def _lambda(keep_probability: Fraction) -> dict[str, Any]:
    """As a number, and exactly."""
    return {"lambda": float(keep_probability), "fraction": str(keep_probability)}


def _share(name: str, estimate: Estimate | None) -> dict[str, Any]:
    return {
        name: None if estimate is None else estimate.mean,
        f"{name}_lower": None if estimate is None else estimate.lower,
        f"{name}_upper": None if estimate is None else estimate.upper,
    }


def _shares(estimates: Sequence[EstimateAtRadius]) -> list[dict[str, Any]]:
    return [
        {"radius": one.radius, "share": one.mean, "lower": one.lower, "upper": one.upper, "clamped": one.clamped}
        for one in estimates
    ]


def _threshold(threshold: Threshold | None) -> dict[str, Any] | None:
    if threshold is None:
        return None
    return {"threshold": threshold.value, "smallest_lower": threshold.lower, "met": threshold.met}
