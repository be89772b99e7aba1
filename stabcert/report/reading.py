"""JSON of others, read strictly: the counterpart of `stabcert.report.record.to_json`."""

from __future__ import annotations

import json
import math
from typing import Any


def parse_json(data: str | bytes) -> Any:
    """One JSON value.

    Raises:
        ValueError: no JSON; a number that is not finite, which Python would read; nested deeper than anything sensible.
    """
    try:
        return json.loads(data, parse_float=_finite, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is not a finite number")
