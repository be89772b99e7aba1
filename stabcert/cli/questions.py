"""Questions about the outputs of models that do not predict one of several classes, from options or from records."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stabcert.cli.classes import find_class
from stabcert.cli.items import typed
from stabcert.cli.options import ExplanationOptions
from stabcert.cli.records import Recorded
from stabcert.core.types import Mask
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor
    from stabcert.models.hub import LoadedModel

_OF_THE_MASK = ("certify-soft", "certify-hard")
"""Commands with one mask, whose output is the reference of a tolerance. In other commands it is that of the input."""


def check_asked(options: ExplanationOptions) -> None:
    """Check the options of a question that are impossible for every model.

    Raises:
        ParameterError: an option is impossible.
    """
    threshold, tolerance = options.threshold, options.tolerance
    if threshold is not None and tolerance is not None:
        raise ParameterError(
            "--threshold and --tolerance exclude one another, because each is a question of its own. Give one of them"
        )
    if threshold is not None and not math.isfinite(threshold):
        raise ParameterError(f"--threshold must be finite, got {threshold:g}. Use a number such as 0.5")
    if tolerance is not None and not 0 < tolerance < math.inf:
        raise ParameterError(f"--tolerance must be above 0 and finite, got {tolerance:g}. Use a number such as 0.1")


def asked(model: LoadedModel, options: ExplanationOptions, recorded: Recorded | None) -> LoadedModel:
    """Return a model with the question of a record, or of the options.

    Raises:
        ParameterError: the outputs of the model do not allow the question, or it is not complete.
    """
    if recorded is not None:
        question = recorded.question
        if question is None and model.outputs is None:
            return model
        if question is None or model.outputs is None:
            missing = "names no question" if question is None else "names a question"
            raise ParameterError(
                f"{recorded.origin} {missing} about the outputs of {model.id}, whose configuration has changed since. "
                "Explain the input again"
            )
        from stabcert.models.asking import from_record

        return model.with_question(from_record(question, model.outputs))
    if model.outputs is None:
        return model.asking(threshold=options.threshold, tolerance=options.tolerance)
    # With one output, a class may be named by one of its answers later.
    several = len(model.outputs.names) > 1
    target = find_class(typed(options.target), model.outputs.names) if several and options.target is not None else None
    return model.asking(target=target, threshold=options.threshold, tolerance=options.tolerance)


def reading_of(model: LoadedModel, options: ExplanationOptions) -> str | None:
    """Return what is assumed about the output of a model whose configuration does not name its meaning."""
    if model.outputs is None or model.outputs.meaning != "unknown":
        return None
    read = "a number" if options.tolerance is not None else "the logit of a label"
    own = "" if options.tolerance is not None else ", as in a pipeline of transformers"
    return (
        f"{model.id} has one output and no problem_type (multi_label_classification or regression) in its "
        f"configuration: it is read as {read}{own}"
    )


def settled(predictor: ModelPredictor, mask: Mask, command: str, recorded: Recorded | None) -> ModelPredictor:
    """Return the predictor that a command certifies, whose reference is that of its mask or of a record.

    Args:
        command: name of the command.
        recorded: the record that is reproduced, or that contains the mask.
    """
    question = predictor.question
    if question is None or question.kind != "within" or command not in _OF_THE_MASK:
        return predictor
    reference = None if recorded is None else recorded.reference
    if reference is None:
        return predictor.around(mask)
    return predictor.with_question(question.around(reference, "mask"))
