"""Agreement of attributions: closed forms, scipy as oracle, and what is not defined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stabcert.core.comparison import Agreement, Movement, compare, movement
from stabcert.errors import InputError, ParameterError

WITH_TIES = st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=8)


def test_a_small_case_by_hand() -> None:
    found = compare([3.0, 0.0, 4.0], [0.0, 3.0, 4.0], k=2)
    assert found == Agreement(l1=6.0, cosine=16 / 25, spearman=pytest.approx(0.5), top_k_overlap=0.5)


def test_scores_agree_fully_with_themselves_and_with_a_multiple_of_themselves() -> None:
    scores = np.array([0.3, -0.2, 0.0, 1.7])
    assert compare(scores, scores, 2) == Agreement(0.0, 1.0, 1.0, 1.0)
    assert compare(scores, 5 * scores, 2) == Agreement(
        pytest.approx(4 * 2.2), pytest.approx(1.0), pytest.approx(1.0), 1.0
    )


def test_opposite_scores_have_correlation_minus_1_and_no_common_feature() -> None:
    scores = np.array([4.0, 1.0, -2.0, -3.0])
    found = compare(scores, -scores, 2)
    assert found == Agreement(20.0, pytest.approx(-1.0), pytest.approx(-1.0), 0.0)


def test_equal_scores_share_their_mean_rank() -> None:
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
    found = compare([0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0], 1)
    assert found.spearman == pytest.approx(4.5 / math.sqrt(4.5 * 5))


@given(a=WITH_TIES, data=st.data())
def test_the_numbers_are_those_of_scipy_and_of_the_definitions(a: list[float], data: st.DataObject) -> None:
    b = data.draw(st.lists(st.integers(-3, 3).map(float), min_size=len(a), max_size=len(a)))
    k = data.draw(st.integers(1, len(a)))
    found = compare(a, b, k)
    assert found == compare(b, a, k)
    assert found.l1 == sum(abs(x - y) for x, y in zip(a, b, strict=True))
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert found.spearman is None
    else:
        assert found.spearman == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    if not any(a) or not any(b):
        assert found.cosine is None
    else:
        product = math.fsum(x * y for x, y in zip(a, b, strict=True))
        assert found.cosine == pytest.approx(product / (math.hypot(*a) * math.hypot(*b)), abs=1e-12)
    best = [set(sorted(range(len(s)), key=lambda i: (-s[i], i))[:k]) for s in (a, b)]
    assert found.top_k_overlap == len(best[0] & best[1]) / k


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_cosine_does_not_leave_the_range_of_floats(scale: float) -> None:
    found = compare(np.array([3.0, 4.0]) * scale, [4.0, 3.0], 1)
    assert found.cosine == pytest.approx(24 / 25)


def test_what_is_not_defined_is_none_and_never_nan() -> None:
    assert compare([0.0, 0.0], [1.0, 2.0], 1) == Agreement(3.0, None, None, 0.0)
    assert compare([1.0], [2.0], 1) == Agreement(1.0, 1.0, None, 1.0)


def test_the_movement_is_the_mean_and_the_worst_of_the_neighbours() -> None:
    neighbours = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.5], [4.0, 3.0, 2.0]]
    found = movement([1.0, 0.5, 0.0], neighbours, 2)
    assert found == Movement(
        l1_mean=(0.5 + 2.0 + 7.5) / 3, l1_max=7.5, top_k_overlap_mean=(1 + 0.5 + 1) / 3, top_k_overlap_min=0.5
    )


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="got 2 and 3 scores"):
        compare([1.0, 2.0], [1.0, 2.0, 3.0], 1)
    for wrong in ([math.nan, 1.0], [[1.0, 2.0]], [math.inf, 0.0]):
        with pytest.raises(InputError, match="finite"):
            compare(wrong, [1.0, 2.0], 1)
    for k in (0, 3, -1):
        with pytest.raises(ParameterError, match="Use 1 to 2"):
            compare([1.0, 2.0], [1.0, 3.0], k)
    with pytest.raises(ParameterError, match="at least one row"):
        movement([1.0, 2.0], [], 1)
