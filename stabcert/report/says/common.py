"""The parts of every document: name and predictions, doubts about the result, and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from stabcert.core.types import SIDES, Features, Mask
from stabcert.records.findings import InputInfo
from stabcert.records.refusal import doubts_of, reason_of
from stabcert.report.canvas import Exhibit, added
from stabcert.report.charts.scores import scores_chart
from stabcert.report.document import (
    CAPTION,
    EVERYWHERE,
    PICTURES,
    SCREEN,
    Chart,
    Document,
    Evidence,
    Heading,
    Line,
    Word,
    line,
    note,
)
from stabcert.report.numbers import family_shown, seed_shown
from stabcert.report.record import Report
from stabcert.report.wording import name_of, predicted, short, tie_note

_MOST_NAMES = 12
"""Names of features in one line."""
_STATUS = {
    "certified": Word("certified", "good", strong=True),
    "not-certified": Word("NOT certified", "bad", strong=True),
    "undecided": Word("undecided", "bad", strong=True),
    "inconsistent": Word("NOT certified: inconsistent", "bad", strong=True),
    "vacuous": Word("NOT certified: vacuous", "bad", strong=True),
    "failed": Word("failed", "bad", strong=True),
}
"""A status without a threshold has no word."""


def heading(report: Report) -> Heading:
    """Return the input, the prediction, the explanation and what is left of the prediction on it."""
    explanation = report.explanation
    n, k = len(explanation.features), int(explanation.mask.sum())
    consistency = {
        True: Word("consistent", "good"),
        False: Word("NOT consistent", "doubtful", strong=True),
        None: Word("too close to call", "doubtful", strong=True),
    }
    parts = (
        (Word(predicted(explanation.full)),),
        (Word(f"{explanation.features.counted(n)}, {k} kept ({100 * k / n:.0f}%), {explanation.method}"),),
        (Word(f"mask alone: {predicted(explanation.masked)}, "), consistency[explanation.consistent]),
    )
    return Heading(name_of(report.input), parts, _STATUS.get(report.status), naming_of(report.input))


def naming_of(info: InputInfo) -> Literal["own", "path", "beginning"]:
    """Return where the name of an input comes from."""
    if info.path is None:
        return "beginning" if info.text is not None else "own"
    return "path" if info.id == info.path else "own"


def evidence(exhibit: Exhibit, *, flip: str = "") -> list[Evidence | Line | Chart]:
    """Return the input with its kept features; and once more with the smallest addition that changes the prediction.

    Of an input that is neither a text nor a picture, the names of these features, and a chart of the scores.

    Args:
        flip: what such an addition is called; empty to leave it out.
    """
    if exhibit.canvas is None and exhibit.report.input.text is None and exhibit.report.input.kind != "image":
        explanation = exhibit.report.explanation
        names, scores = _names_of(exhibit, flip), explanation.scores
        if scores is None:
            return [*names]
        return [*names, scores_chart(explanation.features, scores, explanation.mask, explanation.method)]
    return [part for shown in _evidence(exhibit, flip) for part in by_side(shown, exhibit.report)]


def _names_of(exhibit: Exhibit, flip: str) -> list[Line]:
    features, mask = exhibit.report.explanation.features, exhibit.report.explanation.mask
    found = [line(f"kept: {_listed(features, mask)}", on=EVERYWHERE)]
    if flip and exhibit.flips:
        new = added(exhibit.flips[0], mask)
        said = predicted(exhibit.flips[0].prediction)
        found.append(line(f"{flip} adds {_listed(features, new)}: {said}", on=PICTURES))
    return found


def _listed(features: Features, mask: Mask) -> str:
    names = [features.items[index].label for index in np.flatnonzero(mask)]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (", ".join(names[:_MOST_NAMES]) or "nothing") + more


def by_side(shown: Evidence, report: Report) -> list[Evidence]:
    """Return the evidence, of a pair once for each text: with its own features, and scores on one scale."""
    texts = (report.input.text, report.input.text_pair)
    if texts[1] is None:
        return [shown]
    side = report.explanation.masking.get("explain_side", "both")
    parts = []
    for name, text in zip(SIDES, texts, strict=True):
        # Features of the other text are not in this one; they stay, so that masks and scores still fit.
        items = tuple(one if one.side == name else replace(one, span=None) for one in shown.features.items)
        label = name if side in ("both", name) else f"{name}, always kept"
        parts.append(replace(shown, features=replace(shown.features, items=items), text=text, side=label))
    return [replace(parts[0], bar=False), replace(parts[1], title="", said="")]


def _evidence(exhibit: Exhibit, flip: str) -> list[Evidence]:
    explanation = exhibit.report.explanation
    shown = Evidence(
        explanation.features,
        exhibit.report.input.text,
        exhibit.canvas,
        explanation.mask,
        title=f"kept: {int(explanation.mask.sum())} of {len(explanation.features)}",
        said=predicted(explanation.masked),
        description=f"Kept features in colour: {predicted(explanation.masked)}",
    )
    if not flip or not exhibit.flips:
        return [shown]
    new = added(exhibit.flips[0], explanation.mask)
    size, said = int(new.sum()), predicted(exhibit.flips[0].prediction)
    again = replace(shown, added=new, title=f"{flip}: +{size}", said=said, on=PICTURES)
    described = f"Kept features in colour, {flip} outlined: {explanation.features.counted(size)} added: {said}"
    return [shown, replace(again, description=described)]


def family_lines(report: Report) -> list[Line]:
    """Return what changes where the certificate is one of several to choose from."""
    search = report.result.get("until_stable")
    shared = search if search is not None else report.result.get("request") or {}
    said = family_shown(search["delta"] if search else report.result.get("delta") or 0.0, shared.get("family", 1))
    return [] if said is None else [line(said, "faint", on=EVERYWHERE)]


def doubts(report: Report) -> list[Line]:
    """Return why a threshold that is met certifies nothing, and what else makes the explanation worth less.

    What the status already says is not said twice.
    """
    record, found = report.to_dict(), []
    reason = reason_of(record, short)
    if reason is not None:
        said = f"NOT certified: {report.status}: {reason}; --allow-{report.status} accepts it"
        found += [
            line(said, "bad", strong=True, on=SCREEN),
            line(f"NOT certified, {report.status}: {reason}.", "bad", on=PICTURES),
        ]
    found += map(note, doubts_of(record, short))
    tied = tie_note(report.explanation)
    if tied is not None:
        found.append(note(tied))
    return found


def mask_alone(report: Report) -> Line:
    """Return the line of a figure about the prediction for the mask alone."""
    explanation = report.explanation
    full = "as on the full input" if explanation.consistent else f"full input: {predicted(explanation.full)}"
    return line(f"Mask alone: {predicted(explanation.masked)}, {full}.", on=CAPTION)


def facts(report: Report, numbers: Sequence[str] = ()) -> str:
    """Return n, k, the method, ``numbers`` of the command, the model and the seed."""
    explanation, run = report.explanation, report.run
    n, k = len(explanation.features), int(explanation.mask.sum())
    parts = [f"n = {explanation.features.counted(n)}", f"k = {k} kept by {explanation.method}", *numbers]
    # A model in memory without a name has a description, such as "the classifier Pipeline".
    described = report.model.id.startswith(("the ", "a "))
    model = report.model.id[0].upper() + report.model.id[1:] if described else f"Model {report.model.id}"
    return f"{', '.join(parts)}. {model}, {seed_shown(run.seed, default=run.default_seed)}."


def failure(name: str, message: str) -> Document:
    """Return what is said of an input that could not be done."""
    return Document(Heading(name, status=_STATUS["failed"]), (line(message, "bad"),))


def footer(report: Report) -> Line:
    """Return what it cost, and with what."""
    run = report.run
    cost = f"{run.evaluations} evaluations" + (f", {run.seconds:.1f} s" if run.seconds else "")
    seed = seed_shown(run.seed, default=run.default_seed)
    return line(f"{cost}, {report.model.id}, {run.device} {run.dtype}, {seed}", "faint")
