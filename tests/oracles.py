"""The definitions, by brute force or exact arithmetic: slow, short, and independent of `stabcert`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate

from stabcert.core.types import MaskedPredictor

Row = tuple[bool, ...]


def additions(mask: ArrayLike, radius: int, *, exactly: bool = False) -> list[Row]:
    """Delta_r(mask): everything the mask keeps, and up to (or exactly) ``radius`` features more."""
    kept = tuple(bool(value) for value in np.asarray(mask))
    free = [i for i, value in enumerate(kept) if not value]
    rows = []
    for size in range(radius if exactly else 0, radius + 1):
        rows += [tuple(value or i in chosen for i, value in enumerate(kept)) for chosen in combinations(free, size)]
    return rows


def predicted_class(predictor: MaskedPredictor, row: Row) -> int:
    """Class of largest probability, the lowest index among equals, evaluated alone."""
    probabilities = list(predictor(np.array([row]))[0])
    return probabilities.index(max(probabilities))


def stability_rate(predictor: MaskedPredictor, mask: ArrayLike, radius: int, formulation: str = "up-to") -> Fraction:
    """The stability rate by evaluating every addition alone."""
    if formulation == "worst":
        sizes = range(1, radius + 1) if radius else range(1)
        return min(stability_rate(predictor, mask, j, "exactly") for j in sizes)
    rows = additions(mask, radius, exactly=formulation == "exactly")
    reference = predicted_class(predictor, additions(mask, 0)[0])
    return Fraction(sum(predicted_class(predictor, row) == reference for row in rows), len(rows))


@cache
def e_value(threshold: float, matches: int, failures: int) -> float:
    """Likelihood ratio of the arcsine law, conditioned to rates above the threshold, to the threshold itself.

    With rate = sin^2(angle) the Beta(1/2, 1/2) law is uniform in the angle, which makes this a plain mean.
    """
    start, end = math.asin(math.sqrt(threshold)), math.pi / 2

    def ratio(angle: float) -> float:
        rate = math.sin(angle) ** 2
        return math.exp(
            matches * math.log(rate / threshold)
            + (failures * math.log(math.cos(angle) ** 2 / (1 - threshold)) if failures else 0.0)
        )

    peak = math.asin(math.sqrt(matches / max(1, matches + failures)))
    points = [peak] if start < peak < end else None
    value, _ = integrate.quad(ratio, start, end, epsabs=0, epsrel=1e-11, limit=400, points=points)
    return float(value / (end - start))


def e_value_finite(limit: int, matches: int, failures: int, population: int) -> Fraction:
    """The counterpart without replacement in exact fractions; the draws must be possible under ``limit``."""
    # Beta-binomial(1/2, 1/2) weights: C(2K, K) C(2(M - K), M - K) / 4^M.
    prior = {k: math.comb(2 * k, k) * math.comb(2 * (population - k), population - k) for k in range(population + 1)}
    above = range(limit + 1, population + 1)

    def draws(k: int) -> int:
        return math.perm(k, matches) * math.perm(population - k, failures)

    return Fraction(
        sum(prior[k] * draws(k) for k in above),
        sum(prior[k] for k in above) * draws(limit),
    )


def ever_above(rate: float, smallest: Sequence[int]) -> float:
    """P(at some n the number of matches reaches ``smallest[n]``) for independent draws of one rate.

    ``smallest[n]`` is the smallest number of matches among n draws that counts; n + 1 if none does.
    """
    alive = np.array([1.0])
    gone = 0.0
    for n in range(1, len(smallest)):
        following = np.zeros(n + 1)
        following[1:] += alive * rate
        following[:-1] += alive * (1 - rate)
        gone += float(following[smallest[n] :].sum())
        following[smallest[n] :] = 0.0
        alive = following
    return gone


def ever_true_without_replacement(matching: int, population: int, event: Callable[[int, int], bool]) -> Fraction:
    """P(``event(matches, failures)`` at some moment) when all members are drawn in random order."""
    alive = {(0, 0): Fraction(1)}
    gone = Fraction(0)
    for n in range(population):
        following: dict[tuple[int, int], Fraction] = {}
        for (matches, failures), mass in alive.items():
            left = population - n
            for step, weight in (((1, 0), matching - matches), ((0, 1), population - matching - failures)):
                if weight:
                    state = (matches + step[0], failures + step[1])
                    following[state] = following.get(state, Fraction(0)) + mass * Fraction(weight, left)
        gone += sum((mass for state, mass in following.items() if event(*state)), Fraction(0))
        alive = {state: mass for state, mass in following.items() if not event(*state)}
    return gone
