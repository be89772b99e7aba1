"""Counts that a run of `certify_soft` can have produced, and counts that it cannot."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from stabcert.core.masks import Additions
from stabcert.core.soft.certificate import Shown
from stabcert.core.statistics.sequential import SequentialTest


@dataclass(frozen=True)
class Impossible:
    """A value of one radius that a run cannot give."""

    radius: int
    name: str
    """Field of `Shown`."""
    recorded: float | int | None
    possible: str
    """Possible values, in words: "at most 42"."""


def impossible_end(test: SequentialTest, limit: int, *, unfinished: bool) -> str | None:
    """Return how many draws a sequential test may have ended with, or None if it may have ended with its own.

    A test ends with the draw that decides it, so that without one of its draws it must be undecided; an undecided
    test ends after ``limit`` draws. Any order of the draws is possible.

    Args:
        test: a test that has counted all its draws.
        unfinished: allow a test that was stopped before it ended.
    """
    if test.samples > limit:
        return f"at most {limit}"
    if test.decided:
        return None if any(not before.decided for before in _before(test)) else "fewer: these counts decide earlier"
    return None if test.samples == limit or unfinished else f"{limit}, as the counts decide nothing"


def _before(test: SequentialTest) -> Iterator[SequentialTest]:
    """Yield the test without one of its draws: a match, a near tie, another class."""
    samples, matches, near_ties = test.samples, test.matches, test.near_ties
    for present, less in (
        (matches > 0, (samples - 1, matches - 1, near_ties)),
        (near_ties > 0, (samples - 1, matches, near_ties - 1)),
        (samples > matches + near_ties, (samples - 1, matches, near_ties)),
    ):
        if present:
            before = copy.copy(test)
            before.certified = before.refuted = False
            before.count(*less)
            yield before


def impossible_order(tests: Mapping[int, SequentialTest], shown: Mapping[int, Shown], limit: int) -> list[Impossible]:
    """Return draws recorded after a stopped test, because radii are tested one after another, in increasing order."""
    found, stopped = [], None
    for r, test in tests.items():
        counts = shown[r].counts
        # A size that was stopped may be shown for every larger radius, too ("worst").
        if stopped is not None and counts[0] > 0 and counts != stopped:
            found.append(Impossible(r, "samples", counts[0], "0, as the test of a smaller radius was not finished"))
        at_end = test.decided or test.samples >= (limit if test.population is None else min(limit, test.population))
        if stopped is None and not at_end:
            stopped = counts
    return found


def impossible_minima(
    sets: Mapping[int, list[Additions]],
    shown: Mapping[int, Shown],
    population: Callable[[Additions], int | None],
    threshold: float | None,
) -> list[Impossible]:
    """Return contradictions to the rule of "worst": every size is tested once, and the worst size is shown.

    Args:
        population: returns the shown size of a set, or None if that is left out.
        threshold: threshold of sequential tests, which end at the first size that is not certified; None for fixed
            samples.
    """
    found = []
    known = [(r, shown[r]) for r in sets if r > 0 and r in shown and shown[r].samples > 0]
    for (smaller, one), (r, other) in pairwise(known):

        def impossible(name: str, recorded: float | int | None, possible: str, r: int = r) -> None:
            found.append(Impossible(r, name, recorded, possible))

        if other.matches * one.samples > one.matches * other.samples:
            impossible("matches", other.matches, f"a rate no higher than at radius {smaller}")
        if other.lower > one.lower:
            impossible("lower", other.lower, f"at most {one.lower}, as at radius {smaller}")
        if threshold is not None and other.upper > one.upper:
            impossible("upper", other.upper, f"at most {one.upper}, as at radius {smaller}")
        same = (*one.counts, one.population) == (*other.counts, other.population)
        if threshold is not None and one.lower < threshold:
            if not same:
                impossible("samples", other.samples, f"those of radius {smaller}, where the tests end: not certified")
            if other.lower > 0.0:
                impossible("lower", other.lower, f"0.0, as no size after radius {smaller} is tested")
        elif not same and all(population(s) != other.population for s in sets[r] if s.radius > smaller):
            impossible(
                "population",
                other.population,
                f"that of a size from {smaller + 1} to {r}, or all counts as at radius {smaller}",
            )
    return found
