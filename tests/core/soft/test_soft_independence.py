"""Batches, order, types and other radii: nothing that must not matter changes a soft certificate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stabcert.core.soft.certify import certify_soft
from tests.core.helpers import FORMULATIONS, SOME_MASK, Rebatched, arbitrary_function, certify
from tests.doubles import Constant, Counting

CASES: list[dict[str, Any]] = [
    {"radius": [1, 3, 8]},
    {"radius": [2, 12], "interval": "hoeffding", "n_samples": 40},
    {"radius": 4, "formulation": "worst"},
    {"radius": [2, 9], "min_rate": 0.6, "max_samples": 300},
    {"radius": 3, "min_rate": 0.5, "formulation": "worst"},
    {"radius": range(1, 12), "min_rate": 0.5, "largest_radius": True},
]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", CASES)
def test_the_batches_and_the_order_of_evaluation_do_not_change_a_certificate(arguments: dict[str, Any]) -> None:
    base = arbitrary_function(36, 0.1)
    expected = certify(base, SOME_MASK, **arguments)
    for size in (1, 7, 1000):
        assert certify(Rebatched(base, size), SOME_MASK, **arguments) == expected


@pytest.mark.slow
@pytest.mark.parametrize("arguments", CASES)
def test_the_same_generator_state_gives_the_same_certificate_and_another_gives_other_draws(
    arguments: dict[str, Any],
) -> None:
    runs = [Counting(arbitrary_function(36, 0.1)) for _ in range(3)]
    first, second, _ = (
        certify(run, SOME_MASK, seed=seed, **arguments) for run, seed in zip(runs, (3, 3, 4), strict=True)
    )
    assert first == second
    assert (runs[0].masks == runs[1].masks).all()
    rows = min(run.rows for run in runs)
    assert (runs[0].masks[:rows] != runs[2].masks[:rows]).any()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", CASES)
def test_the_type_of_the_mask_does_not_change_a_certificate(arguments: dict[str, Any]) -> None:
    base = arbitrary_function(36, 0.1)
    expected = certify(base, SOME_MASK, **arguments)
    for dtype in (np.int64, np.uint8, np.float64, np.float32):
        assert certify(base, SOME_MASK.astype(dtype), **arguments) == expected
    assert certify(base, SOME_MASK.tolist(), **arguments) == expected


@pytest.mark.slow
@pytest.mark.parametrize("arguments", CASES)
def test_masks_reach_the_predictor_as_rows_of_bools_that_keep_what_the_mask_keeps(arguments: dict[str, Any]) -> None:
    predictor = Counting(arbitrary_function(36, 0.1))
    certificate = certify(predictor, SOME_MASK.astype(float), **arguments)
    assert predictor.masks.dtype == np.bool_
    assert predictor.masks[:, SOME_MASK].all()
    assert predictor.masks.sum(axis=1).max() - SOME_MASK.sum() <= np.max(arguments["radius"])
    assert certificate.evaluations == predictor.rows


def test_the_callers_mask_and_generator_are_treated_well() -> None:
    mask = SOME_MASK.copy()
    rng = np.random.default_rng(0)
    first = certify_soft(arbitrary_function(36, 0.4), mask, radius=9, rng=rng)
    second = certify_soft(arbitrary_function(36, 0.4), mask, radius=9, rng=rng)
    assert (mask == SOME_MASK).all()
    assert first != second  # one generator, used twice, gives new draws


@pytest.mark.slow
@pytest.mark.parametrize("extra", [{"n_samples": 60}, {"min_rate": 0.7}])
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_what_is_drawn_at_one_radius_does_not_depend_on_which_others_are_asked_for(
    formulation: str, extra: dict[str, Any]
) -> None:
    base = arbitrary_function(36, 0.3)
    arguments = {"formulation": formulation, "simultaneous": False, **extra}
    together = certify(base, SOME_MASK, radius=[2, 4, 9], **arguments)
    for i, radius in enumerate((2, 4, 9)):
        assert certify(base, SOME_MASK, radius=radius, **arguments).rates[0] == together.rates[i]


def test_the_radii_have_draws_of_their_own() -> None:
    """A 20-subset of 50 lies in a 21-subset drawn apart from it with probability 4e-13."""
    predictor = Counting(Constant(50))
    certify(predictor, np.zeros(50), radius=[20, 21], formulation="exactly", n_samples=40)
    first, second = predictor.masks[1:41], predictor.masks[41:]
    assert first.sum(axis=1).tolist() == [20] * 40
    assert second.sum(axis=1).tolist() == [21] * 40
    assert not (second | ~first).all(axis=1).any()


def test_a_global_seed_neither_matters_nor_changes() -> None:
    first = certify(arbitrary_function(36, 0.3), SOME_MASK, radius=9)
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    try:
        assert certify(arbitrary_function(36, 0.3), SOME_MASK, radius=9) == first
    finally:
        np.random.set_state(state)  # noqa: NPY002
