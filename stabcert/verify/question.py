"""The question of a record, whose two answers are the classes: whether outputs, classes and reference agree."""

from __future__ import annotations

import math
from typing import Any

from stabcert.verify.checks import Check, equal, holds

_LOOSE = 1e-4
"""Largest difference of an output and the number that decides, as a share of the output if it is above 1. A near tie
is decided in float64."""


def scale_of(record: dict[str, Any]) -> float:
    """Return how large the numbers are that decide, 1 or more; the arithmetic of a network moves them by shares."""
    question = record["model"].get("question")
    if question is None or question["kind"] == "probability":
        return 1.0
    named = [abs(question.get(name) or 0.0) for name in ("threshold", "reference")]
    shown = [abs(one["output"]) for one in _own(record).values() if "output" in one]
    return float(max([1.0, *named, *shown]))


def question_checks(record: dict[str, Any]) -> list[Check]:
    """Return checks of the words of the answers, of the class of each output, and of the reference.

    Each class must follow from its output, and the reference must be the output of the mask.

    Args:
        record: valid against the schema, of one input.
    """
    question = record["model"].get("question")
    if question is None:
        outputs = [name for name, one in _own(record).items() if "output" in one]
        return [holds(f"{name}.output", "a number", "absent without a model.question", ok=False) for name in outputs]
    needed = ("tolerance", "reference", "reference_of") if question["kind"] == "within" else ("threshold",)
    missing = [name for name in needed if question.get(name) is None]
    checks = [
        holds("model.question", question["kind"], f"a kind with {', '.join(needed)}", not missing),
        equal("model.labels", record["model"]["labels"], 2),
        holds(
            "model.question.output",
            question["output"],
            f"below {question['outputs']}",
            question["output"] < question["outputs"],
        ),
    ]
    if missing:
        return checks
    checks.append(equal("model.question.answers", question["answers"], _answers(question)))
    close = _LOOSE * scale_of(record)
    for name, one in _own(record).items():
        ids = one["id"] in (0, 1)
        named = ids and one["label"] == _answer(question, one)
        checks.append(holds(f"{name}.label", one["label"], "the answer with this number", named))
        if "output" in one and ids:
            margin = _margin(question, one["output"])
            right = abs(margin) <= close or one["id"] == int(margin > 0)
            checks.append(holds(f"{name}.id", one["id"], f"the answer of the output {one['output']:.6g}", right))
    masked = record["explanation"]["masked_prediction"]
    if question.get("reference_of") == "mask" and "output" in masked:
        nearer = min(close, question["tolerance"] / 2)
        checks.append(equal("model.question.reference", question["reference"], masked["output"], nearer))
    return checks


def _own(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    explanation = record["explanation"]
    masked, empty = explanation["masked_prediction"], explanation["empty_prediction"]
    return {
        "prediction": record["prediction"],
        "explanation.masked_prediction": masked,
        "explanation.empty_prediction": empty,
    }


def _answer(question: dict[str, Any], one: dict[str, Any]) -> str:
    answer: str = question["answers"][one["id"]]
    return answer


def _answers(question: dict[str, Any]) -> list[str]:
    """Return the answers in words; empty for a tolerance or a limit that cannot be one."""
    name = question["name"].replace(",", ";")
    if question["kind"] == "within":
        tolerance, reference = question["tolerance"], question["reference"]
        if not 0 < tolerance < math.inf or not math.isfinite(reference):
            return []
        # As many digits of the reference as the tolerance needs.
        decimals = max(0, 1 - math.floor(math.log10(tolerance)))
        place = format(reference, ".12g")
        if decimals <= 12 and abs(reference) < 1e12:
            place = format(round(reference, decimals) + 0.0, f".{decimals}f")
        distance = format(tolerance, ".12g")
        return [f"{name} at least {distance} from {place}", f"{name} within {distance} of {place}"]
    limit = format(question["threshold"], ".12g")
    if question["kind"] == "probability":
        return [f"{name}: off (probability at most {limit})", f"{name}: on (probability above {limit})"]
    return [f"{name} at most {limit}", f"{name} above {limit}"]


def _margin(question: dict[str, Any], output: float) -> float:
    """Return by how much the affirmative answer is ahead, in the unit of the output."""
    if question["kind"] == "within":
        margin: float = question["tolerance"] - abs(output - question["reference"])
        return margin
    limit: float = question["threshold"]
    return output - limit if math.isfinite(limit) else math.nan
