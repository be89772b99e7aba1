"""The question that the options of a user, or a record, ask about the outputs of a network."""

from __future__ import annotations

import math
import operator
from typing import Any

from stabcert.errors import ParameterError
from stabcert.models.heads import Meaning, Outputs, Question

_PLACEHOLDERS = ("LABEL_0", "class 0")
"""Names that libraries give to the only output of a network if nobody named it."""


def meaning_of(problem: object, outputs: int) -> Meaning:
    """Return the meaning of the outputs of a network by the ``problem_type`` of its configuration."""
    if problem == "regression":
        return "numbers"
    if problem == "multi_label_classification":
        return "labels"
    return "classes" if outputs > 1 else "unknown"


def ask(
    model: str,
    outputs: Outputs,
    *,
    target: int | str | None = None,
    threshold: float | None = None,
    tolerance: float | None = None,
) -> Question | None:
    """Return the question about the outputs of a model; None for one that predicts one of several classes.

    Args:
        model: its name in messages.
        outputs: its outputs.
        target: the output, by its index or its name; not needed if there is one output.
        threshold: of a label the probability above which it is on (default 0.5); of a number the limit itself.
        tolerance: distance from the reference, for a number.

    Raises:
        ParameterError: the outputs do not allow the question, or it is not complete.
    """
    # Numbers of numpy are not written into records, and -0 is the same limit as 0.
    threshold = None if threshold is None else float(threshold) + 0.0
    tolerance = None if tolerance is None else float(tolerance)
    if outputs.meaning == "classes":
        if target is not None:
            raise ParameterError(
                f"target must be left out, got {target!r}, because {model} predicts one of several classes. Give it "
                "to explain, to name the class that is explained",
                "target",
            )
        _refuse(model, outputs, threshold=threshold, tolerance=tolerance)
        return None
    if threshold is not None and tolerance is not None:
        raise ParameterError(
            f"tolerance must be left out with a threshold, got {tolerance:g}, because each is a question of its own. "
            "Give one of the two",
            "tolerance",
        )
    numbers = outputs.meaning == "numbers" or (outputs.meaning == "unknown" and tolerance is not None)
    index = _index(model, outputs, target, numbers=numbers)
    name = outputs.names[index]
    if numbers and len(outputs.names) == 1 and name in _PLACEHOLDERS:
        name = "value"
    if not numbers:
        if tolerance is not None:
            raise ParameterError(
                f"tolerance must be left out, got {tolerance:g}, because {model} predicts probabilities of labels. "
                "Use threshold=0.5",
                "tolerance",
            )
        limit = 0.5 if threshold is None else threshold
        if not 0 < limit < 1:
            more = ""
            if outputs.meaning == "unknown":
                more = '. If the output is a number, write "problem_type": "regression" into config.json'
            raise ParameterError(
                f"threshold must be a probability above 0 and below 1, got {limit:g}. Use a number such as 0.5{more}",
                "threshold",
            )
        return Question("probability", index, name, len(outputs.names), threshold=limit)
    if tolerance is not None:
        if not 0 < tolerance < math.inf:
            raise ParameterError(
                f"tolerance must be above 0 and finite, got {tolerance:g}. Use a number such as 0.1", "tolerance"
            )
        return Question("within", index, name, len(outputs.names), tolerance=tolerance)
    if threshold is None:
        raise ParameterError(
            f"{model} predicts a number ({name}), which is not a class. Use tolerance=0.1 to ask whether it stays that "
            "close to its value, or threshold=0.5 to ask whether it is above that"
        )
    if not math.isfinite(threshold):
        raise ParameterError(f"threshold must be finite, got {threshold:g}. Use a number such as 0.5", "threshold")
    return Question("value", index, name, len(outputs.names), threshold=threshold)


def from_record(recorded: dict[str, Any], outputs: Outputs) -> Question:
    """Return the question of a record, without its reference.

    Args:
        recorded: the result of `Question.record`, valid against the schema of records.
        outputs: the outputs of the record's model.

    Raises:
        ParameterError: the model does not allow the question.
    """
    output, kind = recorded["output"], recorded["kind"]
    if not 0 <= output < len(outputs.names) or recorded["outputs"] != len(outputs.names):
        raise ParameterError(
            f"model.question.output must be an output of the model, 0 to {len(outputs.names) - 1}, got {output}"
        )
    question = ask(
        "the model of the record",
        outputs,
        target=output,
        threshold=recorded.get("threshold"),
        tolerance=recorded.get("tolerance"),
    )
    if question is None or question.kind != kind:
        raise ParameterError(f"model.question must be possible for the outputs of the model, got kind {kind!r}")
    return question


def _index(model: str, outputs: Outputs, target: int | str | None, *, numbers: bool) -> int:
    """Return the index of the output that the question is about."""
    names = outputs.names
    if target is None:
        if len(names) == 1:
            return 0
        what = f"{len(names)} numbers" if numbers else f"{len(names)} labels, each of which is on or off"
        raise ParameterError(
            f"{model} predicts {what}, and a certificate is about one of them. Use target='{_quotable(names[0])}', or "
            f"another of {outputs.listed}",
            "target",
        )
    if isinstance(target, str):
        if target not in names:
            raise ParameterError(
                f"target must be an output of {model}, got {target!r}. It has {outputs.listed}", "target"
            )
        return names.index(target)
    if isinstance(target, bool) or not hasattr(target, "__index__"):
        raise ParameterError(f"target must be an index or a name, got {target!r}. Use target={names[0]!r}", "target")
    if not 0 <= target < len(names):
        raise ParameterError(f"target must be an output from 0 to {len(names) - 1}, got {target}", "target")
    return operator.index(target)


def _quotable(name: str) -> str:
    return name.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")


def _refuse(model: str, outputs: Outputs, **given: float | None) -> None:
    for name, value in given.items():
        if value is not None:
            raise ParameterError(
                f"{name} must be left out, got {value:g}, because {model} predicts one of {len(outputs.names)} "
                "classes. It is for models of labels that are on or off (problem_type multi_label_classification), of "
                "numbers (regression) or with one output",
                name,
            )
