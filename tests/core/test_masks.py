"""Masks: the top k, what counts as a mask, and Bernoulli keep-masks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.masks import (
    bernoulli_keep_masks,
    top_k_mask,
)
from stabcert.core.types import as_mask, as_masks
from stabcert.errors import InputError, ParameterError
from tests.core.helpers import FALSE_ALARM


def test_the_top_k_are_the_largest_scores() -> None:
    assert top_k_mask([0.1, -5.0, 3.0, 2.0, -0.2], 2).tolist() == [False, False, True, True, False]
    assert top_k_mask([-3, -1, -2], 1).tolist() == [False, True, False]


@given(st.lists(st.integers(-2, 2), max_size=12).flatmap(lambda s: st.tuples(st.just(s), st.integers(0, len(s)))))
def test_among_equal_scores_the_lower_index_is_kept(case: tuple[list[int], int]) -> None:
    scores, k = case
    best = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:k]
    assert np.flatnonzero(top_k_mask(np.array(scores, dtype=float), k)).tolist() == sorted(best)
    assert top_k_mask(np.array([0.0, -0.0, 0.0]), 1).tolist() == [True, False, False]


@pytest.mark.parametrize("scores", [[0.1, math.nan], [math.inf, 0.0], [[1.0, 2.0]], 3.0])
def test_scores_that_are_not_one_row_of_finite_numbers_are_refused(scores: object) -> None:
    with pytest.raises(InputError, match="finite"):
        top_k_mask(scores, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("k", [-1, 4])
def test_a_k_out_of_range_is_refused_and_the_range_is_named(k: int) -> None:
    with pytest.raises(ParameterError, match="0 to 3"):
        top_k_mask([1.0, 2.0, 3.0], k)


@pytest.mark.parametrize("keep_probability", [0.0, 0.05, 0.5, 0.9, 1.0])
def test_bernoulli_keep_masks_keep_the_given_share(keep_probability: float) -> None:
    """The mean of 200,000 cells lies within a Hoeffding bound that fails with chance 1e-9."""
    kept = bernoulli_keep_masks(50, keep_probability=keep_probability, draws=4000, rng=np.random.default_rng(6))
    assert kept.shape == (4000, 50)
    assert kept.dtype == np.bool_
    assert abs(kept.mean() - keep_probability) < math.sqrt(math.log(2 / FALSE_ALARM) / (2 * kept.size))
    if keep_probability in (0.0, 1.0):
        assert (kept == bool(keep_probability)).all()


@pytest.mark.parametrize("keep_probability", [-0.1, 1.1, math.nan])
def test_a_keep_probability_outside_of_0_to_1_is_refused(keep_probability: float) -> None:
    with pytest.raises(ParameterError, match="0 to 1"):
        bernoulli_keep_masks(3, keep_probability=keep_probability, draws=2, rng=np.random.default_rng(0))


def test_no_draws_are_refused() -> None:
    with pytest.raises(ParameterError, match="1 or more"):
        bernoulli_keep_masks(3, keep_probability=0.5, draws=0, rng=np.random.default_rng(0))


@pytest.mark.parametrize("values", [[1, 0, 1], [True, False, True], [1.0, 0.0, 1.0], np.array([1, 0, 1], np.uint8)])
def test_a_mask_may_be_given_as_bools_integers_or_whole_floats(values: object) -> None:
    assert as_mask(values, 3).tolist() == [True, False, True]  # type: ignore[arg-type]
    assert as_mask(values, 3).dtype == np.bool_  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values", [[0.5, 0, 1], [2, 0, 1], [-1, 0, 1], [math.nan, 0, 1], ["1", "0", "1"], [None, 0, 1]]
)
def test_a_mask_with_other_values_than_0_and_1_is_refused(values: list[object]) -> None:
    with pytest.raises(InputError, match="0 and 1"):
        as_mask(values, len(values))  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [[1, 0], [[1, 0, 1]], 1, [1, 0, 1, 1]])
def test_a_mask_of_another_length_is_refused_and_the_length_is_named(values: object) -> None:
    with pytest.raises(InputError, match="3 features"):
        as_mask(values, 3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="3 features"):
        as_masks(np.asarray(values)[..., None, None], 3)
