"""Two records of the same thing, value by value: what one says and what should be there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_RELATIVE = 1e-12
"""Tolerance of bounds that follow from equal counts: libraries may differ in the last bits, JSON does not."""

Tolerance = Callable[[str], float]
"""A function from the name of a number to its allowed difference, because arithmetic differs between machines."""


@dataclass(frozen=True)
class Check:
    """One value of a record."""

    name: str
    """Place in the record: ``result.rates[0].lower``."""
    recorded: Any
    recomputed: Any
    """The expected value, or a limit in words: ``"at most 3"``."""
    ok: bool


def exact(_name: str) -> float:
    """Return the tolerance of bounds for every number."""
    return 0.0


def equal(name: str, recorded: Any, recomputed: Any, tolerance: float = 0.0) -> Check:
    """Return the check of one value: integers, words and truth values must be the same, floats nearly."""
    return Check(name, recorded, recomputed, _same(recorded, recomputed, tolerance))


def at_most(name: str, recorded: float, limit: float) -> Check:
    """Return the check of a claim that must not exceed a limit."""
    ok = recorded <= limit + _RELATIVE * abs(limit)
    return Check(name, recorded, f"at most {limit}", ok)


def at_least(name: str, recorded: float, limit: float) -> Check:
    ok = recorded >= limit - _RELATIVE * abs(limit)
    return Check(name, recorded, f"at least {limit}", ok)


def holds(name: str, recorded: Any, expected: str, ok: bool) -> Check:
    """Return the check of a relation in words."""
    return Check(name, recorded, expected, ok)


def compare(name: str, recorded: Any, recomputed: Any, tolerance: Tolerance = exact) -> list[Check]:
    """Return checks of every value of two trees; a value that only one of them has is None in the other."""
    if isinstance(recorded, dict) and isinstance(recomputed, dict):
        checks = []
        for key in [*recomputed, *(key for key in recorded if key not in recomputed)]:
            path = f"{name}.{key}" if name else key
            if key in recorded and key in recomputed:
                checks += compare(path, recorded[key], recomputed[key], tolerance)
            else:
                checks.append(Check(path, recorded.get(key), recomputed.get(key), ok=False))
        return checks
    if isinstance(recorded, list) and isinstance(recomputed, list) and any(map(_tree, [*recorded, *recomputed])):
        checks = []
        if len(recorded) != len(recomputed):
            checks.append(equal(f"length of {name}", len(recorded), len(recomputed)))
        for number, (one, other) in enumerate(zip(recorded, recomputed, strict=False)):
            checks += compare(f"{name}[{number}]", one, other, tolerance)
        return checks
    return [equal(name, recorded, recomputed, tolerance(name))]


def _tree(value: Any) -> bool:
    return isinstance(value, dict | list)


def _same(recorded: Any, recomputed: Any, tolerance: float) -> bool:
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (recorded, recomputed)]
    if all(numbers):
        if isinstance(recorded, int) and isinstance(recomputed, int):
            return recorded == recomputed
        return math.isclose(recorded, recomputed, rel_tol=_RELATIVE, abs_tol=max(tolerance, 1e-300))
    return type(recorded) is type(recomputed) and bool(recorded == recomputed)
