"""Features of an explanation in a record, and scores that are tied."""

from __future__ import annotations

from typing import Any, Self

from stabcert.core.explanation import Explanation as Explained
from stabcert.core.ties import Tie
from stabcert.core.types import Side
from stabcert.records.values import Box, Count, MayBeAbsent, Number, Part, Positive, Text

NAMED = ("column", "feature", "number", "group")
"""Kinds of features that have a name and no place."""


class Feature(Part):
    """One feature: its place in the input and its score."""

    index: Count
    box: MayBeAbsent[Box] = None
    """Left, top, right, bottom in pixels of the model's input."""
    text: MayBeAbsent[Text] = None
    start: MayBeAbsent[Count] = None
    """First character in the user's text."""
    end: MayBeAbsent[Count] = None
    """Character after the last."""
    side: MayBeAbsent[Side] = None
    """The text of a pair that contains it."""
    name: MayBeAbsent[Text] = None
    """Its name, for a feature that has no place in a text or an image."""
    score: Number | None

    @classmethod
    def of(cls, explanation: Explained, index: int) -> Self:
        feature, scores = explanation.features.items[index], explanation.scores
        place: dict[str, Any] = {} if feature.side is None else {"side": feature.side}
        if feature.box is not None:
            place["box"] = list(feature.box)
        if feature.span is not None:
            start, end = feature.span
            place |= {"text": feature.label, "start": start, "end": end}
        if feature.box is None and feature.span is None and explanation.features.kind in NAMED:
            place["name"] = feature.label
        return cls(index=index, score=None if scores is None else float(scores[index]), **place)


class TiedScores(Part):
    """Features that share the lowest score that is kept, where only some of them are."""

    kept: Positive
    left_out: Positive

    @classmethod
    def of(cls, tie: Tie) -> Self:
        return cls(kept=tie.kept, left_out=tie.left_out)
