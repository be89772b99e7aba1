"""Proved radii over inputs, from records of ``certify-hard``."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from stabcert.report.scorecard.estimates import Shown, mean, share

WAYS = {
    "smoothed, adding": "radius_incremental",
    "smoothed, removing": "radius_decremental",
    "unsmoothed, adding": "enumerated_radius",
}
"""Names of what was proved, as in the table of radii of one input."""


def proved(records: Sequence[dict[str, Any]]) -> dict[str, list[tuple[int, int]]]:
    """Return for each way the proved radius of each input and its features outside the mask.

    An input without a proof has radius 0. A way without any proof is left out.
    """
    found = {}
    free = [one["explanation"]["n"] - one["explanation"]["k"] for one in records]
    for way, name in WAYS.items():
        if any(one["result"][name] is not None for one in records):
            radii = [one["result"][name] or 0 for one in records]
            found[way] = list(zip(radii, free, strict=True))
    return found


def radius_row(radii: Sequence[tuple[int, int]]) -> tuple[str, str, str, Shown]:
    """Return the smallest, mean and largest radius, and the mean share of the features outside the mask."""
    found = [radius for radius, _ in radii]
    shares = [(radius / free, radius / free) for radius, free in radii]
    return str(min(found)), f"{fmean(found):.2f}", str(max(found)), mean(shares)


def reached(radii: Sequence[tuple[int, int]], radius: int) -> Shown:
    """Return the share of inputs whose proof reaches a radius, or all features of an input that has fewer."""
    return share([found >= min(radius, free) for found, free in radii])


def steps(ways: dict[str, list[tuple[int, int]]]) -> list[int]:
    """Return 1, 2, 4 and so on, and the largest proved radius."""
    largest = max((radius for radii in ways.values() for radius, _ in radii), default=0)
    found = [1]
    while 2 * found[-1] <= largest:
        found.append(2 * found[-1])
    return found if largest <= found[-1] else [*found, largest]
