"""Functions whose rates are hard cases, and commands run on many inputs at once."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from stabcert.cli.exit_codes import MISSED
from stabcert.core.types import MaskedPredictor, Masks, Probs
from tests.doubles import Threshold, one_hot
from tests.known_model import call, loaded, write_inputs, write_mask

_ASKED = int(os.environ.get("STABCERT_PROMISE", "0"))
SLOW = _ASKED > 0
CERTIFICATES = {0: 150, 1: 10_000}.get(_ASKED, _ASKED)
DELTAS = [0.1, 0.3] if SLOW else [0.1]
FALSE_ALARM = 1e-9
ROUNDING = 1e-12
"""Of a count divided by another, between the fraction that is meant and the float in a record."""
_AT_ONCE = 1000  # records of one command, for the sake of memory

Record = dict[str, Any]
Checks = dict[str, Callable[[Record], bool]]


def allowed(runs: int, delta: float) -> int:
    """The most failures that a failure probability of ``delta`` exceeds with a chance of 1e-9 at most."""
    return int(stats.binom.isf(FALSE_ALARM, runs, delta))


class SumModulo:
    """Class 1 unless the labels of the kept features sum to 0 modulo ``modulus``; feature i has label 1 + i % modulus.

    Almost the same share of all additions changes the class, whatever their size.
    """

    def __init__(self, n_features: int, modulus: int) -> None:
        self.n_features = n_features
        self.modulus = modulus
        self.labels: NDArray[np.int64] = 1 + np.arange(n_features) % modulus

    def __call__(self, masks: Masks, /) -> Probs:
        return one_hot(masks @ self.labels % self.modulus != 0)

    def rates_by_size(self, mask: ArrayLike, largest: int) -> list[Fraction]:
        """Share of the additions of exactly 0, 1, ... features that keep the class of ``mask``, by counting sums."""
        kept = np.asarray(mask, dtype=bool)
        start = int(kept @ self.labels) % self.modulus
        counts = [[0] * self.modulus for _ in range(largest + 1)]
        counts[0][start] = 1
        for label in self.labels[~kept].tolist():
            for size in range(largest, 0, -1):
                for rest in range(self.modulus):
                    counts[size][rest] += counts[size - 1][(rest - label) % self.modulus]
        nothing = [Fraction(row[0], sum(row)) for row in counts]
        return nothing if start == 0 else [1 - share for share in nothing]

    def rate(self, mask: ArrayLike, radius: int) -> Fraction:
        free = int((~np.asarray(mask, dtype=bool)).sum())
        sizes = [math.comb(free, j) for j in range(radius + 1)]
        rates = self.rates_by_size(mask, radius)
        return sum((n * rate for n, rate in zip(sizes, rates, strict=True)), Fraction(0)) / sum(sizes)


class Core:
    """Class 1 if at least ``at_least`` of the first ``core`` features are kept and none of the others is."""

    def __init__(self, n_features: int, core: int, at_least: int) -> None:
        self.n_features, self.core, self.at_least = n_features, core, at_least

    def __call__(self, masks: Masks, /) -> Probs:
        enough = masks[:, : self.core].sum(axis=1) >= self.at_least
        return one_hot(enough & ~masks[:, self.core :].any(axis=1))

    def smoothed(self, keep: Fraction, others: int) -> Fraction:
        """Probability of class 1 under independent noise on the core and so many of the others."""
        enough = sum(
            math.comb(self.core, j) * keep**j * (1 - keep) ** (self.core - j)
            for j in range(self.at_least, self.core + 1)
        )
        return enough * (1 - keep) ** others


def nearest(target: float, n_free: int, radius: int, *, exactly: bool = False) -> tuple[Threshold, NDArray[np.bool_]]:
    """The threshold function with the largest rate up to ``target``, and a mask that keeps a feature of no effect."""
    mask = np.arange(n_free + 1) == 0
    found = [
        Threshold(n_free + 1, at_least, range(1, members + 1))
        for members in range(1, n_free + 1)
        for at_least in range(1, members + 1)
    ]
    below = [one for one in found if one.rate(mask, radius, exactly=exactly) <= target]
    return max(below, key=lambda one: one.rate(mask, radius, exactly=exactly)), mask


def just_above(rate: Fraction) -> float:
    """A threshold that ``rate`` does not reach."""
    return float(rate) + 1e-9


def at_most(rate: Fraction) -> float:
    """The largest threshold that ``rate`` reaches."""
    threshold = float(rate)
    return threshold if Fraction(threshold) <= rate else math.nextafter(threshold, 0.0)


def records(directory: Path, function: MaskedPredictor, *arguments: object, number: int = 0) -> Iterator[Record]:
    """The records of one command on so many different inputs, all with the same function."""
    number = number or CERTIFICATES
    with loaded(lambda text: function):
        for first in range(0, number, _AT_ONCE):
            inputs = write_inputs(directory, min(_AT_ONCE, number - first), first=first)
            code, found, errors = call(*arguments, "--inputs", inputs, "--json", "--quiet")
            assert code in (0, 1), errors
            statuses = {record["status"] for record in found}
            assert code == int(not statuses.isdisjoint(MISSED))
            yield from found


def check(name: str, delta: float, found: Iterator[Record], wrong: Checks) -> None:
    """Each of several statements fails with frequency ``delta`` at most."""
    total, failures = 0, dict.fromkeys(wrong, 0)
    for record in found:
        total += 1
        for statement, is_wrong in wrong.items():
            failures[statement] += is_wrong(record)
    judge(name, delta, total, failures)


def judge(name: str, delta: float, total: int, failures: dict[str, int]) -> None:
    for statement, count in failures.items():
        print(f"| {name}: {statement} | {delta} | {total} | {count} | {count / total:.4f} |")  # noqa: T201
    too_many = {statement: count for statement, count in failures.items() if count > allowed(total, delta)}
    assert total > 0
    assert too_many == {}


def misses(record: Record, truths: list[Fraction]) -> list[bool]:
    """For each radius whether its rate lies outside of its bounds."""
    rates = record["result"]["rates"]
    return [
        not rate["lower"] - ROUNDING <= truth <= rate["upper"] + ROUNDING
        for rate, truth in zip(rates, truths, strict=True)
    ]


ALLOWED = ["--allow-inconsistent", "--allow-vacuous"]
"""Where it is the rate that is put to the test, whatever the mask explains."""


def mask_option(directory: Path, mask: ArrayLike) -> list[object]:
    return ["--mask", write_mask(directory, np.asarray(mask, dtype=bool))]
