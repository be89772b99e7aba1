"""``certify-soft --smooth auto``: lambda is chosen for each input, and certificates are wrong no more often than delta.

The function is made for whoever looks at additions before the choice: every lambda of the list qualifies, all smoothed
models have nearly the same rate, and the draws of each lambda are its own. So the best of all certificates is wrong
much more often than delta. The last test counts that, because a function on which nobody can go wrong tests nothing.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from stabcert.core.types import Masks, Probs
from tests.doubles import one_hot
from tests.oracles import additions
from tests.promise.cases import (
    ALLOWED,
    CERTIFICATES,
    DELTAS,
    Record,
    allowed,
    check,
    just_above,
    mask_option,
    misses,
    records,
)

pytestmark = pytest.mark.slow

N, RADIUS, DRAWS = 13, 4, 8
MASK = np.arange(N) == 0
# Between these numbers there are others of the frozen noise: each lambda has other noise masks, so draws of its own.
LAMBDAS = (0.66, 0.69, 0.706, 0.717, 0.725, 0.739, 0.751, 0.76, 0.769, 0.778, 0.795, 0.81)
AUTO = "auto:" + ",".join(f"{one:g}" for one in LAMBDAS)


class Undone:
    """Class 1 unless the first of two features is kept without the second, whatever else is kept."""

    n_features = N

    def __call__(self, masks: Masks, /) -> Probs:
        return one_hot(~(masks[:, 1] & ~masks[:, 2]))


@cache
def truth(keep_probability: float) -> Fraction:
    """The rate of the smoothed model, by its definition."""
    noise = np.random.default_rng([0, 64]).random((DRAWS, N)) < keep_probability
    kept = []
    for row in additions(MASK, RADIUS):
        votes = Undone()(row & noise).sum(axis=0)
        kept.append(bool(votes[1] > votes[0]))  # a tie goes to class 0
    return Fraction(sum(kept), len(kept))


def arguments(directory: Path, smooth: object, *more: object) -> list[object]:
    smoothing = ["--smooth", smooth, "--smooth-draws", DRAWS]
    return ["certify-soft", "-r", RADIUS, *smoothing, *more, *mask_option(directory, MASK)]


def missed(record: Record) -> bool:
    return any(misses(record, [truth(record["result"]["request"]["smooth"])]))


def chosen(directory: Path) -> float:
    (record,) = records(directory, Undone(), *arguments(directory, AUTO, "--n-samples", 20), number=1)
    found: float = record["result"]["request"]["smooth"]
    return found


def test_the_smallest_lambda_is_chosen_and_all_have_nearly_one_rate(tmp_path: Path) -> None:
    assert chosen(tmp_path) == min(LAMBDAS)
    rates = [truth(one) for one in LAMBDAS]
    assert 0.7 < min(rates) <= max(rates) < min(rates) + Fraction(1, 20)


@pytest.mark.parametrize("delta", DELTAS)
def test_a_rate_of_a_chosen_lambda_is_outside_of_its_interval_with_frequency_delta_at_most(
    tmp_path: Path, delta: float
) -> None:
    found = records(tmp_path, Undone(), *arguments(tmp_path, AUTO, "--n-samples", 150, "--delta", delta))
    check(
        "auto, interval",
        delta,
        found,
        {"interval": missed},
    )


@pytest.mark.parametrize("delta", DELTAS)
def test_a_rate_that_a_chosen_lambda_does_not_reach_is_certified_with_frequency_delta_at_most(
    tmp_path: Path, delta: float
) -> None:
    threshold = just_above(max(truth(one) for one in LAMBDAS))
    more = ("--min-rate", threshold, "--delta", delta, "--max-samples", 150, *ALLOWED)
    found = records(tmp_path, Undone(), *arguments(tmp_path, AUTO, *more))
    check("auto, sequential", delta, found, {"certified": lambda r: r["status"] == "certified"})


def test_each_lambda_has_other_noise_masks() -> None:
    numbers = np.random.default_rng([0, 64]).random((DRAWS, N))
    assert len({(numbers < one).tobytes() for one in LAMBDAS}) == len(LAMBDAS)


def test_whoever_keeps_the_best_of_all_lambdas_is_wrong_more_often(tmp_path: Path) -> None:
    delta, number = 0.3, min(CERTIFICATES, 150)
    highest: list[list[Fraction]] = []
    for one in LAMBDAS:
        found = records(
            tmp_path, Undone(), *arguments(tmp_path, one, "--n-samples", 150, "--delta", delta), number=number
        )
        highest.append([Fraction(r["result"]["rates"][0]["lower"]) - truth(one) for r in found])
    wrong = sum(max(margins) > 0 for margins in zip(*highest, strict=True))
    assert wrong > allowed(number, delta)
