"""The features of a record against the text or the picture's size in it, without model and tokenizer."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from stabcert.core.ties import ROUNDING
from stabcert.core.types import SIDES
from stabcert.verify.checks import Check, equal, holds

_IMAGE_KINDS = ("patch", "grid", "segment")
_LARGEST_SIDE = 10**6


def feature_checks(record: dict[str, Any], text_kinds: tuple[str, ...]) -> list[Check]:
    """Return checks of kind, place, number and scores of the features, as far as the record alone allows.

    Args:
        record: valid, with a mask that is one (`common_checks`).
        text_kinds: kinds of features that a text can have.
    """
    explanation, info = record["explanation"], record["input"]
    kind, spec = explanation["feature_kind"], explanation["masking"]["features"]
    kinds = text_kinds if info["kind"] == "text" else _IMAGE_KINDS
    fits = isinstance(spec, str) and kind == _kind_of(spec, info["kind"])
    checks = [
        holds("explanation.feature_kind", kind, f"one of {', '.join(kinds)}", kind in kinds),
        holds("explanation.masking.features", spec, f"features of the kind {kind}", fits),
        *_scores(explanation),
    ]
    if not all(check.ok for check in checks):
        return checks
    return checks + (_spans(record) if info["kind"] == "text" else _boxes(explanation))


def _kind_of(spec: str, kind: str) -> str:
    if kind == "text" or spec == "patch":
        return spec
    return "grid" if spec.startswith("grid:") else "segment"


def _scores(explanation: dict[str, Any]) -> list[Check]:
    """Return checks that all features or none have a score, and that a tie is as large as recorded."""
    scores, tie = [one["score"] for one in explanation["features"]], explanation["tie"]
    known = [score for score in scores if score is not None]
    given = explanation["method"] == "mask"
    expected = "null for a mask that was given" if given else "numbers, or null for each"
    checks = [
        holds("explanation.features: score", scores, expected, len(known) in ((0,) if given else (0, len(scores))))
    ]
    if tie is not None:
        lowest = sum(score - min(known) <= ROUNDING for score in known)
        left = explanation["n"] - len(scores)
        name = "explanation.tie"
        checks += [
            equal(f"{name}.kept", tie["kept"], lowest),
            holds(f"{name}.left_out", tie["left_out"], f"1 to {left}", 1 <= tie["left_out"] <= left),
        ]
    return checks


def _spans(record: dict[str, Any]) -> list[Check]:
    """Return checks that each feature is its part of the text, in the order of the text; of a pair the first before."""
    explanation, texts = record["explanation"], texts_of(record)
    kind, features = explanation["feature_kind"], explanation["features"]
    order = list(texts)
    checks: list[Check] = []
    placed: list[tuple[int, int, int]] = []
    for number, one in enumerate(features):
        side = one.get("side")
        if side not in texts:
            expected = f"one of {', '.join(map(str, texts))}" if None not in texts else "absent without a second text"
            checks.append(holds(f"explanation.features[{number}].side", side, expected, ok=False))
            continue
        text, turn = texts[side], order.index(side)
        name, place = f"explanation.features[{number}]", (one.get("start"), one.get("end"))
        if kind == "token" and not {"text", "start", "end", "box"} & one.keys():
            continue  # a token of no character of the text, such as the sign of a word's beginning
        ok = "box" not in one and None not in place and 0 <= place[0] < place[1] <= len(text)
        checks.append(holds(f"{name}: span", place, f"a part of the text, 0 to {len(text)}", ok))
        if ok:
            checks.append(equal(f"{name}.text", one.get("text"), text[place[0] : place[1]]))
            placed.append((turn, *place))
    # Tokens may share a character: its bytes, or what it is written out as.
    ordered = all(
        a[0] < b[0] or (a[0] == b[0] and a[1] <= b[1] and (kind == "token" or a[2] <= b[1]))
        for a, b in pairwise(placed)
    )
    spans = [place[1:] for place in placed]
    return [*checks, holds("explanation.features: spans", spans, "in the order of the text, apart", ordered)]


def texts_of(record: dict[str, Any]) -> dict[str | None, str]:
    """Return the texts that are divided into features, by the side that their features have."""
    info, side = record["input"], record["explanation"]["masking"].get("explain_side")
    if info.get("text_pair") is None:
        return {None: info["text"]}
    both: dict[str | None, str] = {"first": info["text"], "second": info["text_pair"]}
    return {side: both[side]} if side in SIDES else both


def _boxes(explanation: dict[str, Any]) -> list[Check]:
    """Return checks that each feature lies in the picture, and cells and patches where their number places them."""
    size, kind, n = explanation["masking"].get("input_size"), explanation["feature_kind"], explanation["n"]
    sides = size if isinstance(size, list) and len(size) == 2 else [None]
    possible = all(type(side) is int and 0 < side <= _LARGEST_SIDE for side in sides)
    if not possible:
        return [holds("explanation.masking.input_size", size, "width and height in pixels", ok=False)]
    width, height = size
    shape = None if kind == "segment" else _shape(explanation["masking"], width, height)
    if kind == "segment":
        checks = [holds("explanation.n", n, f"at most the {width * height} pixels", n <= width * height)]
    elif shape is None:
        return [holds("explanation.masking", explanation["masking"], f"{kind} of {width} x {height} pixels", ok=False)]
    else:
        checks = [equal("explanation.n", n, shape[0] * shape[1])]
    if not checks[0].ok:
        return checks
    for number, one in enumerate(explanation["features"]):
        name, box = f"explanation.features[{number}].box", one.get("box")
        if box is None or {"text", "start", "end", "side"} & one.keys():
            checks.append(holds(name, box, "the place in the picture, and no text", ok=False))
        elif shape is None:
            left, top, right, bottom = box
            inside = left < right <= width and top < bottom <= height
            checks.append(holds(name, box, f"a part of {width} x {height} pixels", inside))
        else:
            row, column = divmod(one["index"], shape[1])
            (left, right), (top, bottom) = _band(column, width, shape[1]), _band(row, height, shape[0])
            checks.append(equal(name, box, [left, top, right, bottom]))
    return checks


def _shape(masking: dict[str, Any], width: int, height: int) -> tuple[int, int] | None:
    """Return rows and columns of a grid, or of patches; None if the pixels do not divide so."""
    spec = masking["features"]
    if spec == "patch":
        patch = masking.get("patch_size")
        if type(patch) is not int or patch < 1 or width % patch or height % patch:
            return None
        return height // patch, width // patch
    number = spec.removeprefix("grid:")
    count = int(number) if number.isascii() and number.isdecimal() and len(number) <= 6 else 0
    return (count, count) if 1 <= count <= min(width, height) else None


def _band(index: int, length: int, count: int) -> tuple[int, int]:
    return index * length // count, (index + 1) * length // count
