"""Validation of records of any origin. An error describes the first problem in words."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from stabcert.errors import InputError
from stabcert.records.kinds import KINDS
from stabcert.records.values import LACKS, NOT_TEXT, NOT_UNIQUE

_SHOWN = 60
_TYPES = {
    "int_type": "integer",
    "float_type": "number",
    "bool_type": "boolean",
    "is_instance_of": "string",
    "list_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "none_required": "null",
}
_LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "greater_than": ("gt", "above"),
    "less_than": ("lt", "below"),
}


def check_record(record: Any, title: str) -> None:
    """Check that every key exists, is known and has the type and range of its model.

    Args:
        record: plain values, as `stabcert.records.reading.parse_json` gives them.
        title: of the kind of record in the schema: ``"certify-soft"``, ``"failed"``, ...

    Raises:
        InputError: names the place, what was found and what should be there.
    """
    try:
        KINDS[title].model_validate(record, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InputError(problem_of(error, record)) from error


def problem_of(error: ValidationError, record: Any) -> str:
    """Return the first problem that a model found in a record."""
    found = error.errors(include_url=False)[0]
    kind, value, context = found["type"], found["input"], found.get("ctx", {})
    *path, last = found["loc"] or ("",)
    if kind == "missing":
        return f"{_place(path)} lacks {last}"
    if kind == "extra_forbidden":
        return f"{_place(path)} has {_short(last)}, which this version does not know"
    where = _place(found["loc"])
    if kind == "string_unicode":
        if isinstance(_at(record, found["loc"]), dict):  # it is a key
            return f"{where} has {_short(value)}, which this version does not know"
        return f"{where} is {_short(value)}; it should be text that UTF-8 can encode"
    if kind == LACKS:
        return f"{where} lacks {context['name']}"
    if kind == NOT_TEXT:
        return f"{where}.{context['name']} is {_short(value[context['name']])}; it should be string"
    if kind == NOT_UNIQUE:
        return f"{where} holds something twice"
    if kind in ("too_short", "too_long"):
        limit = f"minimum is {context['min_length']}" if kind == "too_short" else f"maximum is {context['max_length']}"
        return f"{where} has {len(value)} items; the {limit}"
    return f"{where} is {_short(value)}; it {_expected(kind, value, context)}"


def _expected(kind: str, value: Any, context: dict[str, Any]) -> str:
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return f"should be {words} {context[name]:g}"
    if kind == "literal_error":
        choices = context["expected"].replace(" or ", ", ").replace("'", "")
        return f"can be {choices}"
    if kind == "string_pattern_mismatch":
        return f"should look like {context['pattern']}"
    if kind == "finite_number" or (kind == "float_type" and type(value) is int):
        return "should be a finite number"  # a number that is larger than floats are
    return f"should be {_TYPES[kind]}"


def _place(path: Any) -> str:
    where = ""
    for step in path:
        where += f"[{step}]" if isinstance(step, int) else f".{step}"
    return where.lstrip(".") or "the record"


def _at(record: Any, path: Any) -> Any:
    for step in path:
        record = record[step]
    return record


def _short(value: Any) -> str:
    """Return a value on one line, shortened."""
    text = repr(value) if isinstance(value, str | dict | list) else json.dumps(value) if _brief(value) else "huge"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _brief(value: Any) -> bool:
    """Return False for integers that Python may refuse to print."""
    return not isinstance(value, int) or abs(value) < 10**_SHOWN
