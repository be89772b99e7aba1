"""``--verify FILE --fast``: what follows from a record itself, without model and without input."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from typing import Any

from stabcert.errors import ParameterError
from stabcert.models.words import split_sentences, split_words
from stabcert.report.verify.checks import Check, holds
from stabcert.report.verify.common import never_checked
from stabcert.report.verify.features import feature_checks
from stabcert.report.verify.probabilities import probability_checks


def arithmetic_checks(record: dict[str, Any]) -> tuple[list[Check], list[str]]:
    """Every value that follows from others; and what does not follow.

    Args:
        record: valid against the schema, with a request, and with a mask that is one (`common_checks`).
    """
    checks = [*feature_checks(record), *probability_checks(record)]
    not_checked: list[str] = []
    if all(check.ok for check in checks):
        pieces, not_checked = piece_checks(record)
        checks += pieces
    found, more = _certificate_checks(record)
    return checks + found, [*more, *not_checked, *never_checked(record)]


def _certificate_checks(record: dict[str, Any]) -> tuple[list[Check], list[str]]:
    if record["command"] == "certify-hard":
        from stabcert.report.verify.hard import hard_checks

        return hard_checks(record)
    from stabcert.cli.commands.certify_soft_request import SoftRequest
    from stabcert.report.verify.soft import soft_checks

    request = record["result"]["request"]
    try:
        asked = SoftRequest.from_record(request)
    except ParameterError as error:
        return [Check("result.request", request, f"no such certificate: {error}", ok=False)], []
    return soft_checks(record, asked.question)


def piece_checks(record: dict[str, Any]) -> tuple[list[Check], list[str]]:
    """Words and sentences of the recorded text: where they begin and end, and how many there are.

    Args:
        record: with features that are where they are said to be (`feature_checks`).

    Returns:
        The checks; and what of the input and its features cannot be checked from the record alone.
    """
    explanation, info = record["explanation"], record["input"]
    kind, n = explanation["feature_kind"], explanation["n"]
    if info["kind"] == "image":
        where = ", and where the segments lie" if kind == "segment" else ""
        return [], [f"the input and the weights; the picture is not opened{where}"]
    text = info["text"]
    unread = "the weights; the features that are not kept, which the record does not show"
    if kind == "token":
        return [], [f"{unread}; how the tokenizer divides the text, and into how many tokens"]
    # A character that is new to this Python may be of another class for the one that made the record.
    if any(unicodedata.category(character) == "Cn" for character in text):
        return [], [f"{unread}; where {kind}s begin and end: the text has characters that this version does not know"]
    pieces = split_words(text) if kind == "word" else split_sentences(text)
    starts, ends = [start for start, _ in pieces], [end for _, end in pieces]
    checks = [holds("explanation.n", n, f"at most the {len(pieces)} {kind}s of the text", n <= len(pieces))]
    for number, one in enumerate(explanation["features"] if not info["truncated"] else []):
        # Words that share a token are one feature, words without a token are none: there may be fewer, not more.
        before, after = bisect_left(starts, one["start"]), len(ends) - bisect_right(ends, one["end"])
        fits = one["start"] in starts and one["end"] in ends
        fits = fits and before >= one["index"] and after >= n - 1 - one["index"]
        words = f"{kind}s of the text, with {one['index']} before and {n - 1 - one['index']} after"
        checks.append(holds(f"explanation.features[{number}]: place", [one["start"], one["end"]], words, fits))
    return checks, [f"{unread}; which {kind}s the tokenizer puts together"]
