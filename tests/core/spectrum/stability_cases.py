"""What the tests of the stability bounds share: the definitions, the published bounds, random cases."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np

from stabcert.core.spectrum.result import StabilityBounds
from stabcert.core.spectrum.small_sets import containment
from stabcert.core.spectrum.stability_bounds import stability_bounds
from stabcert.core.spectrum.transforms import transform
from tests.core.boolean_functions import code, masks_of, random_values, smoothing, soft, subsets

Smooth = Literal["all", "free"]
HALF = 0.5


@cache
def noise(n: int, keep: float) -> np.ndarray:
    return smoothing(n, keep)


def smoothed_by_definition(values: np.ndarray, mask: tuple[int, ...], keep: float, smooth: Smooth) -> np.ndarray:
    n = len(mask)
    if smooth == "all":
        return noise(n, keep) @ values
    every = masks_of(n)
    kept = code(np.flatnonzero(mask))
    lifted = np.array([values[index | kept] for index in range(len(every))])
    return noise(n, keep) @ lifted


def movements(values: np.ndarray, mask: tuple[int, ...], radius: int) -> list[tuple[int, float]]:
    """Size and movement of every addition."""
    free = [i for i, kept in enumerate(mask) if not kept]
    start = code(np.flatnonzero(mask))
    return [(len(s), abs(values[start | code(s)] - values[start])) for s in subsets(free, radius)]


def published(values: np.ndarray, mask: tuple[int, ...], radius: int, keep: float = 1.0) -> tuple[float, float, int]:
    """B.4, B.5 (B.8 if smoothed) and B.6 as they were published: without the sets that meet the mask."""
    coefficients = transform(values, "monotone")
    free = [i for i, kept in enumerate(mask) if not kept]
    sets = subsets(free, radius)

    def moved(s: tuple[int, ...]) -> float:
        return abs(sum(keep ** len(t) * coefficients[code(t)] for t in subsets(s, len(s)) if t))

    by_sets = 2 / len(sets) * sum(moved(s) for s in sets)
    by_degree = 2 * sum(
        float(containment(len(free), radius, len(t))) * keep ** len(t) * abs(coefficients[code(t)]) for t in sets if t
    )
    hard = max(r for r in range(radius + 1) if all(moved(s) <= HALF for s in sets if len(s) <= r))
    return by_sets, by_degree, hard


def of_class_1(values: object, mask: tuple[int, ...], radius: int, **arguments: object) -> StabilityBounds:
    return stability_bounds(soft(values), np.array(mask, dtype=bool), radius=radius, target_class=1, **arguments)  # type: ignore[arg-type]


CASES = [(n, seed) for n in range(1, 7) for seed in range(80)]


def random_case(n: int, seed: int) -> tuple[np.ndarray, tuple[int, ...], int, float]:
    rng = np.random.default_rng([n, seed])
    mask = tuple(int(kept) for kept in rng.random(n) < rng.random())
    free = n - sum(mask)
    keep = float(rng.choice([0.0, 0.3, 0.5, 2 / 3, 0.9]))
    return random_values(n, rng), mask, int(rng.integers(0, free + 1)), keep
