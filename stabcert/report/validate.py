"""Records that somebody else made, held against the schema that ships with the package."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from stabcert.errors import InputError
from stabcert.report.record import load_schema

_SHOWN = 60
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    # JSON Schema takes 1.0 for an integer; here counts are compared and used as indices.
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
_LIMITS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (lambda value, limit: value >= limit, "at least"),
    "maximum": (lambda value, limit: value <= limit, "at most"),
    "exclusiveMinimum": (lambda value, limit: value > limit, "above"),
    "exclusiveMaximum": (lambda value, limit: value < limit, "below"),
}
_ANNOTATIONS = frozenset(["title", "description"])


def check_record(record: Any, title: str) -> None:
    """Every key exists, is known and has the type and range that the schema says.

    Args:
        record: plain values, as `stabcert.report.reading.parse_json` gives them.
        title: of the kind of record in the schema: ``"certify-soft"``, ``"failed"``, ...

    Raises:
        InputError: says where it is and what should be there.
    """
    schema = _schema()
    (kind,) = (branch for branch in schema["oneOf"] if branch["title"] == title)
    problem = _problem(kind, record, "", schema["$defs"])
    if problem is not None:
        raise InputError(problem)


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    return load_schema()


def _problem(node: dict[str, Any], value: Any, where: str, definitions: dict[str, Any]) -> str | None:
    """The first thing that is wrong; None if nothing is. Every keyword of the schema is either checked or known."""
    for keyword, wanted in node.items():
        found: str | None = None
        match keyword:
            case "$ref":
                found = _problem(definitions[wanted.removeprefix("#/$defs/")], value, where, definitions)
            case "oneOf":
                problems = [_problem(branch, value, where, definitions) for branch in wanted]
                if problems.count(None) != 1:
                    found = next((text for text in problems if text is not None), f"{where} is ambiguous")
            case "type":
                names = [wanted] if isinstance(wanted, str) else wanted
                if not any(_TYPES[name](value) for name in names):
                    found = f"{_place(where)} is {_short(value)}; it should be {' or '.join(names)}"
            case "const" | "enum":
                values = [wanted] if keyword == "const" else wanted
                if not any(type(value) is type(one) and value == one for one in values):
                    found = f"{_place(where)} is {_short(value)}; it can be {', '.join(str(one) for one in values)}"
            case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
                holds, words = _LIMITS[keyword]
                if _TYPES["number"](value) and not holds(value, wanted):
                    found = f"{_place(where)} is {_short(value)}; it should be {words} {wanted}"
            case "pattern":
                if isinstance(value, str) and re.search(wanted, value.replace("\n", "\0")) is None:
                    found = f"{_place(where)} is {_short(value)}; it should look like {wanted}"
            case "minItems" | "maxItems":
                if isinstance(value, list) and (len(value) < wanted if keyword == "minItems" else len(value) > wanted):
                    found = f"{_place(where)} has {len(value)} items; the {keyword[:3]}imum is {wanted}"
            case "uniqueItems":
                if isinstance(value, list) and len({repr(item) for item in value}) < len(value):
                    found = f"{_place(where)} holds something twice"
            case "items":
                for number, item in enumerate(value if isinstance(value, list) else []):
                    found = found or _problem(wanted, item, f"{where}[{number}]", definitions)
            case "required":
                missing = [name for name in wanted if isinstance(value, dict) and name not in value]
                if missing:
                    found = f"{_place(where)} lacks {missing[0]}"
            case "properties":
                for name, part in wanted.items():
                    if isinstance(value, dict) and name in value:
                        found = found or _problem(part, value[name], f"{where}.{name}".lstrip("."), definitions)
            case "additionalProperties":
                found = _unknown(node, wanted, value, where, definitions)
            case _:
                if keyword not in _ANNOTATIONS:
                    raise NotImplementedError(f"the keyword {keyword} of the schema is not checked")
        if found is not None:
            return found
    return None


def _unknown(node: dict[str, Any], wanted: Any, value: Any, where: str, definitions: dict[str, Any]) -> str | None:
    for name, part in value.items() if isinstance(value, dict) else []:
        if name in node.get("properties", {}):
            continue
        if wanted is False:
            return f"{_place(where)} has {_short(name)}, which this version does not know"
        found = _problem(wanted, part, f"{where}.{name}", definitions)
        if found is not None:
            return found
    return None


def _place(where: str) -> str:
    return where or "the record"


def _short(value: Any) -> str:
    """What was found, on one line."""
    text = repr(value) if isinstance(value, str | dict | list) else json.dumps(value) if _brief(value) else "huge"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _brief(value: Any) -> bool:
    """Python does not print integers of thousands of digits."""
    return not isinstance(value, int) or abs(value) < 10**_SHOWN
