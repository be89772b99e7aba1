"""Values of a record that follow from itself, whatever certificate it is of: no model and no input."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stabcert.verify.checks import Check, holds
from stabcert.verify.common import never_checked
from stabcert.verify.features import feature_checks, texts_of
from stabcert.verify.probabilities import probability_checks
from stabcert.verify.question import question_checks
from stabcert.verify.wording import wording_checks

Splits = Mapping[str, Callable[[str], Sequence[tuple[int, int]]] | None]
"""Functions that return start and end of each feature, by kind of text feature; None for a tokenizer's."""


def record_checks(record: dict[str, Any], split: Splits) -> tuple[list[Check], list[str]]:
    """Return the checks of features, probabilities and pieces of the text; and what does not follow.

    Args:
        record: valid against the schema, with a request, and with a mask that is one (`common_checks`).
        split: divides a text into features of a kind.
    """
    checks = [*feature_checks(record, tuple(split)), *probability_checks(record), *question_checks(record)]
    checks += wording_checks(record)
    not_checked: list[str] = []
    if all(check.ok for check in checks):
        pieces, not_checked = piece_checks(record, split)
        checks += pieces
    return checks, [*not_checked, *never_checked(record)]


def piece_checks(record: dict[str, Any], split: Splits) -> tuple[list[Check], list[str]]:
    """Return the checks of words and sentences: where they begin and end, and how many the recorded text has.

    Args:
        record: with features that are where they are said to be (`feature_checks`).
        split: divides a text into features of a kind.

    Returns:
        The checks; and what of the input and its features cannot be checked from the record alone.
    """
    explanation, info = record["explanation"], record["input"]
    kind, n = explanation["feature_kind"], explanation["n"]
    pieces_of = "matches" if kind.startswith("regex:") else f"{kind}s"
    if info["kind"] == "image":
        where = ", and where the segments lie" if kind == "segment" else ""
        return [], [f"the input and the weights; the picture is not opened{where}"]
    texts = list(texts_of(record).items())
    text = "".join(text for _, text in texts)
    unread = "the weights; the features that are not kept, which the record does not show"
    divide = split[kind]
    if divide is None:
        return [], [f"{unread}; how the tokenizer divides the text, and into how many tokens"]
    # A character that is new to this Python may be of another class for the one that made the record.
    if any(unicodedata.category(character) == "Cn" for character in text):
        return [], [
            f"{unread}; where {pieces_of} begin and end: the text has characters that this version does not know"
        ]
    pieces = [(turn, *place) for turn, (_, text) in enumerate(texts) for place in divide(text)]
    starts, ends = [(turn, start) for turn, start, _ in pieces], [(turn, end) for turn, _, end in pieces]
    turns = {side: turn for turn, (side, _) in enumerate(texts)}
    checks = [holds("explanation.n", n, f"at most the {len(pieces)} {pieces_of} of the text", n <= len(pieces))]
    for number, one in enumerate(explanation["features"] if not info["truncated"] else []):
        # Words that share a token are one feature, and words without a token are left out: fewer are possible.
        turn = turns[one.get("side")]
        start, end = (turn, one["start"]), (turn, one["end"])
        before, after = bisect_left(starts, start), len(ends) - bisect_right(ends, end)
        fits = start in starts and end in ends
        fits = fits and before >= one["index"] and after >= n - 1 - one["index"]
        words = f"{pieces_of} of the text, with {one['index']} before and {n - 1 - one['index']} after"
        checks.append(holds(f"explanation.features[{number}]: place", [one["start"], one["end"]], words, fits))
    return checks, [f"{unread}; which {pieces_of} the tokenizer puts together"]
