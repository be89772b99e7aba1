"""E2 to E4: the published stability bounds where they fail, and the corrected ones there."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.core.boolean_functions import masks_of
from tests.core.spectrum.stability_cases import CASES, of_class_1, published, random_case


@pytest.mark.slow
def test_every_published_bound_is_violated_in_the_same_search_and_only_with_a_mask_that_is_not_empty() -> None:
    """E2."""
    violated = {"B.4": 0, "B.5": 0, "B.6": 0, "B.8": 0}
    for n, seed in CASES:
        values, mask, radius, _ = random_case(n, seed)
        truth = of_class_1(values, mask, radius)
        smoothed = of_class_1(values, mask, radius, keep_probability=0.95)
        by_sets, by_degree, hard = published(values, mask, radius)
        fails = {
            "B.4": 1 - truth.rate > by_sets + 1e-9,
            "B.5": 1 - truth.rate > by_degree + 1e-9,
            "B.6": hard > truth.hard_radius,
            "B.8": 1 - smoothed.rate > published(values, mask, radius, 0.95)[1] + 1e-9,
        }
        assert any(mask) or not any(fails.values())
        for name, failed in fails.items():
            violated[name] += failed
    assert min(violated.values()) > 0, violated


def test_e2_the_published_bounds_call_and_stable_at_a_mask_where_it_is_not() -> None:
    values, mask = np.array([0.0, 0, 0, 1]), (1, 0)
    assert published(values, mask, 1) == (0.0, 0.0, 1)
    found = of_class_1(values, mask, 1)
    assert (found.rate, found.hard_radius) == (0.5, 0)
    assert found.sets == found.degrees == 1.0


def test_e2_the_published_bound_calls_the_smoothed_and_stable_too() -> None:
    values, mask = np.array([0.0, 0, 0, 1]), (1, 0)
    assert published(values, mask, 1, 0.9)[1] == 0.0
    found = of_class_1(values, mask, 1, keep_probability=Fraction(9, 10))
    assert found.rate == 0.5
    assert found.degrees == pytest.approx(0.81)


def test_e3_smoothing_does_not_improve_the_published_bound_by_its_factor() -> None:
    """E3, first counterexample: Q = 1/2 bounds the function, and 0.9 Q does not bound the smoothed one."""
    values, mask = np.array([0.0, 0, 0.5, 1]), (1, 0)
    q = published(values, mask, 1)[1]
    assert q == 0.5
    smoothed = of_class_1(values, mask, 1, keep_probability=Fraction(9, 10))
    assert 1 - of_class_1(values, mask, 1).rate <= q
    assert 1 - smoothed.rate > 0.9 * q
    assert 1 - smoothed.rate <= min(smoothed.sets, smoothed.degrees)


def exclusive(n_features: int) -> np.ndarray:
    """1 if feature 0 is kept, and of the others some but not all."""
    return np.array([float(mask[0] and 0 < sum(mask[1:]) < n_features - 1) for mask in masks_of(n_features)])


def test_e3_mild_smoothing_of_all_features_destroys_a_perfect_stability() -> None:
    """E3, second counterexample: no bound from sets that contain the mask can see it."""
    mask, keep = (0, 1, 1, 1, 1), Fraction(2, 3)
    before = of_class_1(exclusive(5), mask, 1)
    after = of_class_1(exclusive(5), mask, 1, keep_probability=keep)
    assert (before.rate, before.degrees) == (1.0, 0.0)
    assert after.rate == 0.5
    assert after.sets == pytest.approx(0.5267489711934156)
    assert 1 - after.rate <= after.degrees


def test_e3_smoothing_the_free_features_alone_keeps_it() -> None:
    after = of_class_1(exclusive(5), (0, 1, 1, 1, 1), 1, keep_probability=Fraction(2, 3), smooth="free")
    assert (after.rate, after.degrees) == (1.0, 0.0)


def test_e3_smoothing_the_free_features_improves_the_degree_bound_by_the_factor() -> None:
    for n, seed in CASES:
        values, mask, radius, keep = random_case(n, seed)
        before = of_class_1(values, mask, radius)
        after = of_class_1(values, mask, radius, keep_probability=keep, smooth="free")
        assert after.degrees <= keep * before.degrees + 1e-12
        assert 1 - after.rate <= keep * before.degrees + 1e-12


def test_e4_a_small_movement_can_change_the_class_and_the_margin_bounds_how_often() -> None:
    found = of_class_1([0.4, 0.6], (0,), 1)
    assert found.rate == 1.0
    assert found.class_rate == 0.5
    assert found.sets < 1 - found.class_rate
    assert found.class_bound is not None
    assert 1 - found.class_rate <= found.class_bound == pytest.approx(0.1 / 0.1, rel=1e-4)
