"""Timing several ways of doing one thing, in turns, so that what else the machine does falls on all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.bench import allocator

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
"""The second one, with one thread, also says something on a machine that does other things; see `set_clock`."""
_chosen = {"clock": "wall"}


def set_clock(name: str) -> None:
    """Count time with one of `CLOCKS` from now on. Processes that are started are always timed by the wall."""
    _chosen["clock"] = name


def clock_name() -> str:
    """The one of `CLOCKS` that is in use."""
    return _chosen["clock"]


@dataclass(frozen=True)
class Side:
    """One way of doing the thing."""

    run: Callable[[Any], object]
    """What is timed; is given what ``prepare`` returned."""
    prepare: Callable[[], Any] = lambda: None
    """Before each run, not timed: a fresh predictor, which remembers nothing."""
    kept_memory: bool = True
    starts_process: bool = False


@dataclass
class Result:
    """One line of the table."""

    name: str
    seconds: dict[str, float] = field(default_factory=dict)
    """Median of each side."""
    ratios: dict[str, float] = field(default_factory=dict)
    """Medians of the ratios of runs that stood next to each other."""
    targets: dict[str, str] = field(default_factory=dict)
    """By ratio: ``"<= 1.05"`` or ``">= 2.5"``."""
    counts: dict[str, int | float] = field(default_factory=dict)
    """Evaluations, differing decisions and the like."""

    def met(self, ratio: str) -> bool | None:
        """Whether a ratio reaches its target; None if it has none."""
        if ratio not in self.targets:
            return None
        relation, limit = self.targets[ratio].split()
        value = self.ratios[ratio]
        return value <= float(limit) if relation == "<=" else value >= float(limit)

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "seconds": self.seconds,
            "ratios": self.ratios,
            "targets": self.targets,
            "met": {ratio: self.met(ratio) for ratio in self.targets},
            "counts": self.counts,
        }


def interleaved(sides: Mapping[str, Side], repeats: int, *, warm_up: bool = True) -> dict[str, list[float]]:
    """Seconds of each side, one for each of ``repeats`` rounds; another side begins each round."""
    names = list(sides)
    times: dict[str, list[float]] = {name: [] for name in names}
    for name in names if warm_up else ():
        _timed(sides[name])
    for number in range(repeats):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            times[name].append(_timed(sides[name]))
    return times


def _timed(side: Side) -> float:
    allocator.use(kept=side.kept_memory)
    return seconds(side)


def seconds(side: Side) -> float:
    """One run, with whatever allocator there is."""
    prepared = side.prepare()
    clock = CLOCKS["wall" if side.starts_process else clock_name()]
    start = clock()
    side.run(prepared)
    return clock() - start


def summary(name: str, times: Mapping[str, list[float]], ratios: Mapping[str, tuple[str, str]]) -> Result:
    """Medians.

    Args:
        ratios: by name, the side above and the side below the line; those of sides that were not run are left out.
    """
    return Result(
        name,
        {side: statistics.median(values) for side, values in times.items()},
        {
            label: statistics.median(a / b for a, b in zip(times[above], times[below], strict=True))
            for label, (above, below) in ratios.items()
            if above in times and below in times
        },
    )
