"""The choice of a point between the original weights and the trained ones, by few measurements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from stabcert.adapt.history import Quality


class Measure(Protocol):
    """Quality of the network at a point from 0 to 1, without masks and then with them."""

    def clean(self, point: float) -> Quality: ...

    def masked(self, point: float, clean: Quality) -> Quality: ...


@dataclass(frozen=True)
class Found:
    """The best point that was measured."""

    point: float
    """0 where no other point that was measured is within the clean loss and predicts masked inputs better."""
    quality: Quality
    trained: Quality
    """Quality of point 1."""
    complete: bool
    """False if it was stopped before all points were measured that had to be."""


def best_point(
    points: Sequence[float],
    measure: Measure,
    original: Quality,
    *,
    least_clean: float,
    thorough: bool,
    stop: Callable[[], bool],
) -> Found:
    """Return the point with the best masked agreement of those that were measured.

    Between the original weights and the trained ones clean agreement falls and masked agreement rises, apart from
    noise. So the last point within the clean loss is looked for by bisection, and measured with masks. Where the search
    is thorough, points before it are measured as well, until masked agreement rises no more.

    Args:
        points: candidates, each above 0 and at most 1.
        measure: measurement of a point.
        original: quality of point 0.
        least_clean: smallest clean agreement (or accuracy) of a candidate.
        thorough: measure points before the last one as well.
        stop: called before each measurement but the first. Where it returns True, the best point so far is returned.
    """
    trained = measure.clean(1.0)
    if trained.clean >= least_clean:
        trained = measure.masked(1.0, trained)
    ordered = sorted(set(points))
    measured = {1.0: trained}
    # The last point within the clean loss is before `first_outside`.
    inside, first_outside = -1, len(ordered) - (ordered[-1] == 1 and trained.clean < least_clean)
    if ordered[-1] == 1 and trained.clean >= least_clean:
        inside = len(ordered) - 1
    while first_outside - inside > 1:
        if stop():
            return Found(0.0, original, trained, complete=False)
        middle = (inside + first_outside) // 2
        measured[ordered[middle]] = measure.clean(ordered[middle])
        if measured[ordered[middle]].clean >= least_clean:
            inside = middle
        else:
            first_outside = middle
    best, quality = 0.0, original
    for index in range(inside, -1, -1):
        point = ordered[index]
        if point < 1:
            if stop():
                return Found(best, quality, trained, complete=False)
            clean = measured.get(point) or measure.clean(point)
            if clean.clean < least_clean:
                continue
            measured[point] = measure.masked(point, clean)
        if measured[point].masked > quality.masked:
            best, quality = point, measured[point]
        elif best > 0:
            break
        if not thorough:
            break
    return Found(best, quality, trained, complete=True)
