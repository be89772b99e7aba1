"""Ctrl-C during a sequential test."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stabcert.core.soft.certify import Interrupted
from stabcert.core.soft.minimal import smallest_stable_mask
from stabcert.core.soft.stable_mask import SearchInterrupted
from stabcert.core.types import MaskedPredictor, Masks, Probs
from tests.core.helpers import FORMULATIONS, certify
from tests.doubles import Threshold


class Impatient:
    """Raises KeyboardInterrupt instead of evaluating more than ``rows`` rows."""

    def __init__(self, base: MaskedPredictor, rows: int) -> None:
        self.base, self.rows, self.n_features = base, rows, base.n_features

    def __call__(self, masks: Masks, /) -> Probs:
        self.rows -= len(masks)
        if self.rows < 0:
            raise KeyboardInterrupt
        return self.base(masks)


@pytest.mark.parametrize("rows", [1, 20, 60, 100, 200, 400])
@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("largest_radius", [False, True])
def test_an_interrupted_test_gives_the_bounds_that_are_valid_so_far(
    rows: int, formulation: str, largest_radius: bool
) -> None:
    """A function that is almost never unstable: a bound is wrong with probability at most delta = 1e-9."""
    base = Threshold(30, 2, [0, 1])
    mask = np.arange(30) == 29
    radii = [1, 2, 3, 9]
    with pytest.raises(KeyboardInterrupt) as stopped:
        certify(
            Impatient(base, rows),
            mask,
            radius=radii,
            formulation=formulation,
            min_rate=0.93,
            delta=1e-9,
            max_samples=5000,
            largest_radius=largest_radius,
        )
    assert isinstance(stopped.value, Interrupted)
    certificate = stopped.value.certificate
    assert certificate.interval == "anytime"
    assert certificate.verdict == "undecided" or (largest_radius and certificate.verdict == "certified")
    for rate in certificate.rates:
        sizes = range(1, rate.radius + 1) if formulation == "worst" else [rate.radius]
        exact = float(min(base.rate(mask, j, exactly=formulation != "up-to") for j in sizes))
        assert 0.0 <= rate.lower <= exact <= rate.upper <= 1.0
        assert rate.met is (rate.lower >= 0.93)
        assert rate.samples <= rows
        if rate.samples == 0:
            assert (rate.rate, rate.lower, rate.upper) == (None, 0.0, 1.0)
    if largest_radius:
        assert certificate.largest_radius is not None
        for radius in radii:
            if radius <= certificate.largest_radius and formulation == "up-to":
                assert base.rate(mask, radius) >= Fraction(93, 100)
    else:
        assert [rate.radius for rate in certificate.rates] == radii


@pytest.mark.parametrize("rows", [1, 12, 40, 90, 150, 400])
def test_an_interrupted_search_gives_the_sizes_so_far_with_bounds_that_hold(rows: int) -> None:
    """Consistent from 2 of the 30 on, which would be certified after some thousand draws."""
    base, scores = Threshold(30, 2, [0, 1]), -np.arange(30.0)
    impatient = Impatient(base, rows)
    with pytest.raises(SearchInterrupted) as stopped:
        smallest_stable_mask(
            impatient, scores, radius=9, min_rate=0.99, delta=1e-9, max_samples=10**5, rng=np.random.default_rng(0)
        )
    found = stopped.value.found
    assert (found.k, found.mask, found.certificate) == (None, None, None)
    assert [size.k for size in found.tested] == list(range(1, len(found.tested) + 1))
    for size in found.tested:
        if size.rate is not None:
            exact = float(base.rate(np.arange(30) < size.k, 9))
            assert 0.0 <= size.rate.lower <= exact <= size.rate.upper <= 1.0
            assert not size.rate.met
    assert len(found.tested) == (2 if rows > 10 else 0)
