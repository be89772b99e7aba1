"""How many draws the sequential test takes on average: exact, by dynamic programming, against the information limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stabcert.core.statistics.sequential import samples_to_certify

RATES = (0.95, 0.98, 0.99, 0.995, 1.0)
THRESHOLD, DELTA = 0.9, 0.1
LARGEST_FACTOR = 1.35
"""Of the information limit: what the mean may be."""

_HORIZON, _FAILURES = 1500, 130


@dataclass(frozen=True)
class Expected:
    """For one true rate."""

    rate: float
    mean: float
    """Expected number of draws until the threshold is certified."""
    limit: float
    """``ln(1 / delta) / kl(rate, threshold)``: no test with this delta has a smaller mean."""

    @property
    def factor(self) -> float:
        return self.mean / self.limit


def expected_samples(
    rate: float, *, threshold: float = THRESHOLD, delta: float = DELTA, horizon: int = _HORIZON
) -> Expected:
    """Exact up to paths that are longer than ``horizon``.

    Raises:
        ValueError: those have a probability above 1e-4, so the mean would be too small.
    """
    # The test certifies at n draws with f failures as soon as n reaches needed[f], which increases with f.
    needed = [samples_to_certify(threshold, delta, failures=f, at_most=10 * horizon) for f in range(_FAILURES)]
    stop = np.array([horizon + 1 if n is None else n for n in needed] + [horizon + 1])
    running = np.zeros(_FAILURES + 1)  # by the number of failures: probability that the test is still going on
    running[0] = 1.0
    mean = 0.0
    for n in range(1, horizon + 1):
        mean += float(running.sum())
        following = running * rate
        following[1:] += running[:-1] * (1 - rate)
        following[stop <= n] = 0.0
        running = following
    if running.sum() > 1e-4:
        raise ValueError(f"{running.sum():.2g} of the probability is beyond {horizon} draws; give a larger horizon")
    return Expected(rate, mean, math.log(1 / delta) / _divergence(rate, threshold))


def _divergence(p: float, q: float) -> float:
    """Kullback-Leibler, of two coins."""
    return sum(a * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)
