"""What commands print, compared with a stored copy: the words exactly, and numbers up to their last shown digit."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?")
EVALUATIONS = re.compile(r"\b\d+(?= evaluations,)")
SECONDS = re.compile(r"\b\d+\.\d s(?=,|$)", re.M)

_LONGEST = 100
"""Characters of a part of a record that has parts of its own and is still one line."""

Parts = tuple[str, list[str], list[int]]


def parts(text: str) -> Parts:
    """Return the text without its numbers, the numbers, and the evaluations. Seconds are not compared."""
    text = SECONDS.sub("SECONDS", "\n".join(line.rstrip() for line in text.strip().splitlines()))
    evaluations = [int(number) for number in EVALUATIONS.findall(text)]
    text = EVALUATIONS.sub("SOME", text)
    return NUMBER.sub("#", text), NUMBER.findall(text), evaluations


def assert_same(printed: str, stored: str) -> None:
    """Raise unless both are equal, but for what differs between processors and machines.

    Integers are equal. Decimal numbers differ by one in the last shown digit at most. Evaluations differ by 1% at
    most, because near ties are evaluated again. Which inputs are near ties depends on the processor.
    """
    (words, numbers, evaluations), (stored_words, stored_numbers, stored_evaluations) = parts(printed), parts(stored)
    same = words == stored_words and len(evaluations) == len(stored_evaluations)
    same = same and all(map(_close, numbers, stored_numbers))
    same = same and all(abs(a - b) <= 0.01 * b for a, b in zip(evaluations, stored_evaluations, strict=False))
    if not same:
        difference = difflib.unified_diff(stored.splitlines(), printed.splitlines(), "stored", "printed", lineterm="")
        raise AssertionError("\n".join(difference))


def _close(one: str, other: str) -> bool:
    if one == other:
        return True
    steps = _last_digit(one), _last_digit(other)
    return 0 not in steps and abs(float(one) - float(other)) <= 1.01 * max(steps)


def _last_digit(number: str) -> float:
    """Return what one in the last shown digit amounts to, and 0 for integers."""
    digits, _, exponent = number.partition("e")
    decimals = len(digits.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - decimals) if decimals or exponent else 0


def record_lines(record: dict[str, Any]) -> list[str]:
    """Return a record as lines ``path: value``, without what differs between machines or between two runs."""
    unequal = ("seconds", "versions", "evaluations", "rechecked", "drift", "batch_size")
    run = {key: value for key, value in (record.get("run") or {}).items() if key not in unequal}
    return list(_lines("", {**record, "run": run}))


def _lines(path: str, value: Any) -> Iterator[str]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    named = [(f"{path}.{key}".lstrip(".") if isinstance(value, dict) else f"{path}[{key}]", v) for key, v in children]
    nested = any(isinstance(child, dict | list) for _, child in named)
    if path and (not nested or len(_compact(value)) <= _LONGEST):
        yield f"{path}: {_compact(value)}"
    else:
        for name, child in named:
            yield from _lines(name, child)


def _compact(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_compact(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_compact, value)) + "]"
    return f"{value:.4f}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


class _Text(HTMLParser):
    _HIDDEN = ("style", "script", "svg", "pre")

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in self._HIDDEN

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in self._HIDDEN

    def handle_data(self, data: str) -> None:
        if data.strip() and not self.hidden:
            self.lines.append(" ".join(data.split()))


def page_lines(page: str) -> list[str]:
    """Return the text of a page, a line for each piece between two tags. Drawings and the record are left out."""
    parser = _Text()
    parser.feed(page)
    return parser.lines
