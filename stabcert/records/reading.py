"""A strict reader for JSON of any origin, the counterpart of `stabcert.records.writing.to_json`."""

from __future__ import annotations

import json
import math
from typing import Any

_SHOWN = 60


def parse_json(data: str | bytes) -> Any:
    """Return one JSON value, without anything that two readers may read in two ways.

    Raises:
        ValueError: goes on after the name of what was read: it is not JSON; an object has a key twice; a number is not
            finite; it is nested too deeply; it is not UTF-8.
    """
    try:
        return json.loads(
            data.decode("utf-8") if isinstance(data, bytes) else data,
            object_pairs_hook=_object,
            parse_float=_number,
            parse_constant=_constant,
        )
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start})") from error
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            shown = repr(key)
            raise ValueError(f"the key {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'} stands twice")
        found[key] = value
    return found


def _number(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _constant(text)


def _constant(text: str) -> float:
    raise ValueError(f"{text[:_SHOWN]} is not a finite number")
