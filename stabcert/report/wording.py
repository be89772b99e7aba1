"""Words for inputs, classes and numbers, which all documents share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from stabcert.core.explanation import Explanation
from stabcert.core.prediction import Prediction
from stabcert.records.findings import InputInfo
from stabcert.report.visible import visible

_NAME_WIDTH = 48


def short(label: str) -> str:
    """Return a class name for the screen: ImageNet's are lists of synonyms, of which the first is enough."""
    return visible(label).split(",")[0]


def predicted(prediction: Prediction) -> str:
    """Return a class and its probability, ``tabby (0.91)``, or the number that it is decided by."""
    if prediction.output is not None:
        return f"{short(prediction.label)}: {number(prediction.output)}"
    return f"{short(prediction.label)} ({prediction.probability:.2f})"


def recorded_prediction(found: dict[str, Any]) -> str:
    """Return a prediction of a record, as `predicted`."""
    return predicted(Prediction(found["id"], found["label"], found["probability"], found.get("output")))


def number(output: float) -> str:
    """Return an output of a model with four digits, for people."""
    return f"{output:.4g}"


def name_of(info: InputInfo) -> str:
    """Return what the user calls the input: its name, or the beginning of the text, of a pair of both texts."""
    if info.kind == "text" and info.path is None and info.text is not None:
        if info.text_pair is None:
            return _beginning(info.text, _NAME_WIDTH)
        return " + ".join(_beginning(text, _NAME_WIDTH // 2) for text in (info.text, info.text_pair))
    return visible(info.id)


def _beginning(text: str, width: int) -> str:
    text = visible(text)
    return f'"{text}"' if len(text) <= width else f'"{text[: width - 1]}…"'


def ranges(numbers: Iterable[int]) -> str:
    """Return increasing numbers, runs of three or more shortened: ``1 to 3, 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def tie_note(explanation: Explanation) -> str | None:
    """Return what the user should know where the scores do not decide which features are the best."""
    tie = explanation.tie
    if tie is None:
        return None
    n, k = len(explanation.mask), int(explanation.mask.sum())
    if tie.kept + tie.left_out == n:
        first = "the first" if np.ptp(explanation.scores) == 0 else "any"  # type: ignore[arg-type]
        return f"all scores are equal: the top {k} are {first} {k} of {n}"
    both = tie.kept + tie.left_out
    return f"{both} features share the lowest score that is kept: {tie.kept} kept, {tie.left_out} left out"


def ends(largest: float) -> tuple[str, str]:
    """Return the lower and the upper end of a symmetric scale, in few letters; empty if ``largest`` is not above 0."""
    if largest <= 0:
        return "", ""
    number = (
        f"{largest:.2g}" if 0.001 <= largest < 99.5 else f"{largest:.0f}" if 1 < largest < 1e4 else f"{largest:.0e}"
    )
    return f"\u2212{number}", f"+{number}"
