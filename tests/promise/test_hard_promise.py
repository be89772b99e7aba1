"""``certify-hard --noise bernoulli``: the one hard certificate that may be wrong.

Wrong variants this file has been seen to kill with a thousand certificates: the class chosen on the draws that bound
its lead; a radius one too large.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.doubles import Table
from tests.promise.cases import CERTIFICATES, DELTAS, ROUNDING, Core, Record, check, mask_option, records

pytestmark = pytest.mark.slow


def hardest(radius: int) -> tuple[Core, Fraction]:
    """A function and a keep probability with which one radius is just too large: its probability is just below 1/2."""
    functions = [Core(core + 3, core, at_least) for core in (4, 5, 6, 7) for at_least in range(1, 5)]
    cases = [(function, Fraction(keep, 200)) for function in functions for keep in range(10, 190)]
    below = [case for case in cases if case[0].smoothed(case[1], radius) <= Fraction(1, 2)]
    return max(below, key=lambda case: case[0].smoothed(case[1], radius))


def untrue(function: Core, keep: Fraction) -> dict[int, int | None]:
    """For each class the largest radius for which it is the class of the smoothed model; None: not even at 0.

    Class 0 wins a tie, and the more is added, the more it wins.
    """
    free = function.n_features - function.core
    radii = [r for r in range(free + 1) if function.smoothed(keep, r) > Fraction(1, 2)]
    return {1: max(radii, default=None), 0: None if radii else free}


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("direction", ["incremental", "both"])
@pytest.mark.parametrize("radius", [0, 1, 2])
def test_what_is_claimed_is_untrue_with_frequency_delta_at_most(
    tmp_path: Path, radius: int, direction: str, delta: float
) -> None:
    """Radius 0: which class the smoothed model has at all, with a probability of just below 1/2."""
    function, keep = hardest(radius)
    assert function.smoothed(keep, radius) > Fraction(49, 100)
    largest = untrue(function, keep)
    mask = np.arange(function.n_features) < function.core

    def wrong(record: Record) -> bool:
        result = record["result"]
        if result["gap"] <= 0:  # nothing is claimed
            return False
        true = largest[result["prediction"]["id"]]
        # Down to the mask itself class 1 gains what class 0 loses: 0 is right where it is right at the mask.
        return true is None or result["radius_incremental"] > true

    probability = function.smoothed(keep, 0)

    def gap_above(record: Record) -> bool:
        lead = 2 * probability - 1
        result = record["result"]
        return bool(result["gap"] > (lead if result["prediction"]["id"] == 1 else -lead) + ROUNDING)

    arguments = ["--noise", "bernoulli", "-l", keep, "--n-samples", 150, "--delta", delta, "--enumerate", 0]
    found = records(
        tmp_path,
        function,
        "certify-hard",
        *arguments,
        "--direction",
        direction,
        *mask_option(tmp_path, mask),
        number=CERTIFICATES,
    )
    name = f"Bernoulli, {direction}, p = {float(function.smoothed(keep, radius)):.4f} at radius {radius}"
    check(name, delta, found, {"class or radius": wrong, "lead": gap_above})


def test_the_known_probabilities_are_the_definition() -> None:
    """By the sum over all noise masks."""
    function = Core(5, 3, 2)
    table = np.array([[(row >> i) & 1 for i in range(5)] for row in range(32)], dtype=bool)
    classes = Table(function(table))(table).argmax(axis=1)
    for others, mask in ((0, [1, 1, 1, 0, 0]), (1, [1, 1, 1, 1, 0]), (2, [1, 1, 1, 1, 1])):
        keep = Fraction(2, 7)
        total = Fraction(0)
        for noise in table:
            seen = noise & np.array(mask, dtype=bool)
            share = keep ** int(noise.sum()) * (1 - keep) ** int((~noise).sum())
            total += share * int(classes[int(seen @ (1 << np.arange(5)))])
        assert total == function.smoothed(keep, others)
