"""The question whose two answers are the classes, for a model that does not predict one of several classes."""

from __future__ import annotations

from typing import Any

from stabcert.report.document import EVERYWHERE, Line, line
from stabcert.report.record import Report
from stabcert.report.visible import visible


def question_lines(report: Report) -> list[Line]:
    """Return what the two classes are; nothing for a model that predicts one of several classes."""
    scores = report.result.get("scores")
    return lines_of(
        report.model.question,
        votes=(report.command == "certify-soft" and bool(report.result["smoothing"])) or scores == "vote",
        probabilities=report.command == "fourier" or scores == "probability",
    )


def lines_of(question: dict[str, Any] | None, *, votes: bool, probabilities: bool = False) -> list[Line]:
    """Return what the two classes are.

    Args:
        question: that of a record.
        votes: whether a smoothed model takes votes.
        probabilities: whether the finding is about probabilities of the classes.
    """
    if question is None:
        return []
    name, kind = visible(question["name"]), question["kind"]
    if kind == "probability":
        several = f" (one of {question['outputs']} outputs)" if question["outputs"] > 1 else ""
        said = f"Classes: the probability of {name}{several} is above {question['threshold']:.12g} (on), or not (off)."
        limit = "the logit of the label minus that of the threshold"
    elif kind == "value":
        said = f"Classes: the {_noun(name)} is above {question['threshold']:.12g}, or not."
        limit = "the number minus the threshold"
    else:
        of = {"mask": "for the mask alone", "full": "for the full input"}[question["reference_of"]]
        known = f"{question['reference']:.6g}, its value {of}" if "reference" in question else f"its value {of}"
        said = f"Classes: the {_noun(name)} is less than {question['tolerance']:.12g} from {known}, or not."
        limit = "the tolerance minus the distance"
    if votes:
        said += " Each noise mask casts a vote for one of the two."
    if probabilities:
        said += f" The probability of a class is the logistic function of {limit}."
    return [line(said, "faint", on=EVERYWHERE)]


def _noun(name: str) -> str:
    return "value" if name == "value" else f"value of {name}"
