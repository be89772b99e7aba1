"""Paired measures against the exact law of small samples."""

from __future__ import annotations

import itertools
import math

import pytest

from stabcert.core.curve.estimates import Ends
from stabcert.core.paired import PairedQuantity, paired_measure
from stabcert.errors import InputError, ParameterError

SIZE = 5
POPULATIONS: dict[str, tuple[PairedQuantity, dict[tuple[float, float], float]]] = {
    "certificates are lost": ("certified", {(1.0, 0.0): 0.6, (1.0, 1.0): 0.3, (0.0, 0.0): 0.1}),
    "rarely": ("certified", {(1.0, 0.0): 0.02, (1.0, 1.0): 0.98}),
    "as many are gained": ("certified", {(1.0, 0.0): 0.3, (0.0, 1.0): 0.3, (1.0, 1.0): 0.4}),
    "rates": ("rate", {(0.9, 0.95): 0.5, (0.2, 0.1): 0.3, (1.0, 0.0): 0.2}),
}


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("delta", [0.1, 0.5])
def test_intervals_miss_with_at_most_their_probability(name: str, delta: float) -> None:
    """Every sample of five inputs, with its probability: no simulation."""
    quantity, population = POPULATIONS[name]
    truth = {
        "before": sum(old * p for (old, _), p in population.items()),
        "after": sum(new * p for (_, new), p in population.items()),
    }
    truth["difference"] = truth["after"] - truth["before"]
    missed = dict.fromkeys(truth, 0.0)
    for sample in itertools.combinations_with_replacement(population, SIZE):
        counts = [sample.count(one) for one in population]
        weight = math.factorial(SIZE) * math.prod(
            p**count / math.factorial(count) for count, p in zip(counts, population.values(), strict=True)
        )
        found = paired_measure(quantity, [(a, a) for a, _ in sample], [(b, b) for _, b in sample], delta=delta)
        for which, true in truth.items():
            estimate = getattr(found, which)
            missed[which] += weight * (not estimate.lower <= true <= estimate.upper)
    assert max(missed.values()) <= delta


def test_open_values_widen_every_interval() -> None:
    known: list[Ends] = [(1.0, 1.0), (0.0, 0.0), (1.0, 1.0)]
    unknown: list[Ends] = [(1.0, 1.0), (0.0, 1.0), (0.0, 1.0)]
    for quantity in ("certified", "rate"):
        found = paired_measure(quantity, known, unknown, delta=0.1)  # type: ignore[arg-type]
        for values in itertools.product(*unknown):
            one = paired_measure(quantity, known, [(v, v) for v in values], delta=0.1)  # type: ignore[arg-type]
            for wide, narrow in ((found.after, one.after), (found.difference, one.difference)):
                assert wide.lower <= narrow.lower
                assert wide.upper >= narrow.upper


def test_values_of_the_same_inputs_are_needed() -> None:
    with pytest.raises(InputError, match="got 0 and 0"):
        paired_measure("rate", [], [], delta=0.1)
    with pytest.raises(InputError, match="got 1 and 2"):
        paired_measure("rate", [(0.0, 0.0)], [(0.0, 0.0)] * 2, delta=0.1)
    with pytest.raises(ParameterError, match="delta"):
        paired_measure("rate", [(0.0, 0.0)], [(0.0, 0.0)], delta=1.0)
