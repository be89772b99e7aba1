"""Bounds on the matching members of a finite set, from draws without replacement.

Names are those of `stabcert.core.statistics.bounds`, which has the counterparts for independent draws.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import special

from stabcert.core.statistics.bounds import A, B


def log_e_value_finite(limit: int, matches: int, failures: int, population: int) -> float:
    """Return the evidence against "at most ``limit`` of the ``population`` members match", without replacement.

    It is the counterpart of `log_e_value` for draws without replacement. The prior on the number of matching
    members is beta-binomial, truncated to more than ``limit``. The evidence is infinite when the draws contradict
    the statement outright (more than ``limit`` matches).
    """
    if matches > limit:
        return math.inf
    rest = population - matches - failures
    if failures > population - limit - 1:
        return -math.inf
    # P(draws, K > limit) under the prior = marginal of the draws x P(unseen matches > limit - matches).
    alternative = (
        float(special.betaln(A + matches, B + failures) - special.betaln(A, B))
        + _log_beta_binomial_above(limit - matches, rest, A + matches, B + failures)
        - _log_beta_binomial_above(limit, population, A, B)
    )
    null = (
        _log_falling(limit, matches)
        + _log_falling(population - limit, failures)
        - _log_falling(population, matches + failures)
    )
    return alternative - null


def finite_lower(matches: int, failures: int, population: int, delta: float) -> int:
    """Return a lower bound on the matching members, valid at every moment of a draw without replacement.

    Compare `anytime_lower`.
    """
    rejected, kept = matches - 1, population - failures
    while kept - rejected > 1:
        middle = (rejected + kept) // 2
        if log_e_value_finite(middle, matches, failures, population) >= -math.log(delta):
            rejected = middle
        else:
            kept = middle
    return rejected + 1


def finite_upper(matches: int, failures: int, population: int, delta: float) -> int:
    """Return an upper bound on the matching members: the mirror image of `finite_lower`."""
    return population - finite_lower(failures, matches, population, delta)


def hypergeometric_lower(matches: int, samples: int, population: int, delta: float) -> int:
    """Return a lower bound on the matching members, from a fixed number of draws without replacement.

    It is the smallest K under which ``matches`` or more have a probability above delta: the exact
    counterpart of `clopper_pearson_lower` for a finite set.
    """
    return _hypergeometric_lower(int(matches), int(samples), int(population), float(delta))


@lru_cache(maxsize=4096)
def _hypergeometric_lower(matches: int, samples: int, population: int, delta: float) -> int:
    """Return the same for Python's own numbers: those of numpy are equal to them and wrap, so they must not be keys."""
    from scipy.stats import hypergeom  # half a second to import, and needed only for finite sets

    rejected, kept = matches - 1, population - (samples - matches)
    while kept - rejected > 1:
        middle = (rejected + kept) // 2
        if hypergeom.sf(matches - 1, population, middle, samples) <= delta:
            rejected = middle
        else:
            kept = middle
    return rejected + 1


def hypergeometric_upper(matches: int, samples: int, population: int, delta: float) -> int:
    """Return an upper bound on the matching members: the mirror image of `hypergeometric_lower`."""
    return population - hypergeometric_lower(samples - matches, samples, population, delta)


def smallest_count(threshold: float, population: int) -> int:
    """Return the smallest K with ``K / population >= threshold``, in the arithmetic in which rates are compared."""
    count = math.ceil(threshold * population)
    while count > 0 and (count - 1) / population >= threshold:
        count -= 1
    while count / population < threshold:
        count += 1
    return count


def _log_falling(base: int, steps: int) -> float:
    """Return the log of base (base - 1) ... (base - steps + 1)."""
    return float(special.gammaln(base + 1) - special.gammaln(base - steps + 1))


@lru_cache(maxsize=4096)
def _log_beta_binomial_above(limit: int, draws: int, a: float, b: float) -> float:
    """Return log P(X > limit) for X beta-binomial with ``draws`` trials."""
    if limit < 0:
        return 0.0
    x = np.arange(limit + 1, draws + 1, dtype=np.float64)
    log_ratio = np.log((draws - x[:-1]) * (a + x[:-1])) - np.log((x[:-1] + 1) * (b + draws - x[:-1] - 1))
    first = (
        _log_falling(draws, draws)
        - special.gammaln(x[0] + 1)
        - special.gammaln(draws - x[0] + 1)
        + special.betaln(a + x[0], b + draws - x[0])
        - special.betaln(a, b)
    )
    logs = first + np.concatenate([[0.0], np.cumsum(log_ratio)])
    top = logs.max()
    return float(top + np.log(np.exp(logs - top).sum()))
