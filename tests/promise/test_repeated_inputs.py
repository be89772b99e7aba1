"""``smooth-eval`` over lists in which inputs come again: means over the population they are drawn from.

The shares of one text are drawn 10 additions at a time; counted once for each time that the text is in the list, they
are as good as new only if each time has draws of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from statistics import fmean

import numpy as np
import pytest

from stabcert.cli.inputs import Item
from stabcert.cli.tasks import equal_before
from stabcert.core.curve.evaluate import evaluate_smoothing
from stabcert.core.curve.summary import summarise
from stabcert.core.streams import Draws, Stream, noise_generator
from tests.promise.cases import ROUNDING, SumModulo, allowed, judge

pytestmark = pytest.mark.slow

RUNS, INPUTS, SAMPLES, DELTA = 40, 100, 10, 0.1
MASK, RADIUS = np.arange(31) == 30, 9
FUNCTION = SumModulo(31, 3)
TRUTH = FUNCTION.rate(MASK, RADIUS)
TEXTS = [f"text {i}" for i in range(5)]
"""Of a population of five, all with the same rate: what varies is the draws alone."""


def misses(copies: Callable[[list[Item]], list[int]], runs: int = RUNS) -> int:
    """In how many runs the interval of the mean rate does not cover it."""
    missed, rng = 0, np.random.default_rng(3)
    for run in range(runs):
        items = [Item(text, "text", text=text) for text in rng.choice(TEXTS, size=INPUTS)]
        found = []
        for item, copy in zip(items, copies(items), strict=True):
            draws = Draws(run, item.sha256(), "m", copy)
            rows = evaluate_smoothing(
                FUNCTION,
                MASK[None],
                None,
                keep_probabilities=[Fraction(1)],
                radii=[RADIUS],
                n_samples=SAMPLES,
                noise_rng=noise_generator(run, 0),
                rng=draws.generator(Stream.additions, None, {}),
            )
            found.append(rows)
        (rate,) = summarise(found, delta=DELTA).levels[0].methods[0].rates
        missed += not rate.lower - ROUNDING <= TRUTH <= rate.upper + ROUNDING
    return missed


def test_a_mean_over_repeated_inputs_is_outside_of_its_interval_with_frequency_delta_at_most() -> None:
    assert Fraction(6, 10) < TRUTH < Fraction(8, 10)
    judge("smooth-eval of repeated inputs", DELTA, RUNS, {"mean rate": misses(equal_before)})


def test_draws_that_are_shared_by_equal_inputs_would_be_found() -> None:
    assert misses(lambda items: [0] * len(items)) > allowed(RUNS, DELTA)


@pytest.mark.parametrize("workers", [2, 3])
def test_parts_of_the_list_have_together_the_draws_of_the_whole(workers: int) -> None:
    """Copies are numbered before the list is parted, so that no two parts draw the same."""
    items = [Item(f"t{i}", "text", text=TEXTS[i % 2]) for i in range(12)]
    copies = equal_before(items)
    parts = [list(zip(items, copies, strict=True))[i::workers] for i in range(workers)]
    drawn = [
        Draws(0, item.sha256(), "m", copy).generator(Stream.additions, None, {}).integers(2**62)
        for part in parts
        for item, copy in part
    ]
    assert len(set(drawn)) == len(items)
    assert fmean(copies) == 2.5
