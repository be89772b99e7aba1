"""The worst size over lists of radii: each size is tested once, and what is shown cannot contradict itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from stabcert.core.soft.certify import certify_soft
from stabcert.core.types import Masks, Probs
from tests.core.helpers import FALSE_ALARM, SOME_MASK, arbitrary_function
from tests.doubles import Counting, one_hot


class FlipsAtFour:
    """Of 9 free features, 15 of the 126 additions of exactly 4 change the class; no other addition does."""

    n_features = 9
    rate = 111 / 126

    def __call__(self, masks: Masks, /) -> Probs:
        codes = masks @ (1 << np.arange(9))
        return one_hot((masks.sum(axis=1) == 4) & np.isin(codes, self._flipping()))

    @staticmethod
    def _flipping() -> list[int]:
        return [code for code in range(512) if code.bit_count() == 4][:15]


NOTHING = np.zeros(9, dtype=bool)


def _certify(radius: Any, seed: int, **arguments: Any) -> Any:
    options = {"min_rate": 0.9, "max_samples": 42, "simultaneous": False, **arguments}
    rng = np.random.default_rng(seed)
    return certify_soft(FlipsAtFour(), NOTHING, radius=radius, formulation="worst", rng=rng, **options)


@pytest.mark.slow
def test_the_worst_rate_over_several_radii_is_certified_falsely_no_more_often_than_delta() -> None:
    """An undecided size that was tested again at each larger radius was certified in 129 of 300 runs."""
    runs = 300
    false = sum(any(rate.met for rate in _certify((4, 5, 6), seed).rates) for seed in range(runs))
    assert false <= binom.isf(FALSE_ALARM, runs, 0.1)
    alone = sum(_certify(4, seed).rates[0].met for seed in range(runs))
    assert false == alone  # no radius adds a chance to be wrong about a size that all of them share


@pytest.mark.parametrize("seed", range(20))
def test_a_worst_rate_never_rises_and_no_size_has_more_samples_than_the_maximum(seed: int) -> None:
    rates = _certify(range(1, 10), seed).rates
    for smaller, larger in pairwise(rates):
        assert larger.lower <= smaller.lower
        assert larger.upper <= smaller.upper
    for rate in rates:
        assert rate.samples <= 42 or rate.enumerated


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{}, {"simultaneous": True}, {"largest_radius": True}, {"delta": 0.3}])
def test_no_addition_is_evaluated_for_one_size_at_two_radii(arguments: dict[str, Any]) -> None:
    for seed in range(20):
        predictor = Counting(FlipsAtFour())
        certify_soft(
            predictor,
            NOTHING,
            radius=range(1, 10),
            formulation="worst",
            min_rate=0.9,
            max_samples=60,
            judge_mask=False,
            rng=np.random.default_rng(seed),
            **arguments,
        )
        assert len(np.unique(predictor.masks, axis=0)) == len(predictor.masks)


@pytest.mark.parametrize("seed", range(10))
def test_an_undecided_size_is_drawn_from_once_where_draws_are_independent(seed: int) -> None:
    predictor = Counting(arbitrary_function(36, 0.1))
    certify_soft(
        predictor,
        SOME_MASK,
        radius=(6, 7, 8, 9),
        formulation="worst",
        min_rate=0.9,
        max_samples=100,
        simultaneous=False,
        judge_mask=False,
        rng=np.random.default_rng(seed),
    )
    sizes = predictor.masks.sum(axis=1) - SOME_MASK.sum()
    assert np.bincount(sizes).max() <= 100
