"""The largest radius up to which every rate reaches a threshold."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.helpers import certify, small_cases
from tests.doubles import Constant, FlipAtSize, Majority, Table
from tests.oracles import stability_rate


@given(small_cases(), st.sampled_from([0.25, 0.4, 0.5, 0.51, 0.6, 0.75, 0.9, 1.0]))
def test_a_largest_radius_never_covers_a_radius_below_the_threshold(
    case: tuple[Table, np.ndarray, str], threshold: float
) -> None:
    predictor, mask, formulation = case
    certificate = certify(
        predictor,
        mask,
        radius="all",
        formulation=formulation,
        min_rate=threshold,
        delta=1e-12,
        max_samples=10**5,
        largest_radius=True,
    )
    assert certificate.largest_radius is not None
    for radius in range(1, certificate.largest_radius + 1):
        assert float(stability_rate(predictor, mask, radius, formulation)) >= threshold
    for rate in certificate.rates:
        if rate.covers_up_to is not None:
            assert rate.met


@given(small_cases(), st.sampled_from([0.25, 0.4, 0.5, 0.51, 0.6, 0.75, 0.9, 1.0]))
def test_where_every_addition_can_be_tried_the_largest_radius_is_exact(
    case: tuple[Table, np.ndarray, str], threshold: float
) -> None:
    predictor, mask, formulation = case
    n_free = int((~mask).sum())
    certificate = certify(
        predictor,
        mask,
        radius="all",
        formulation=formulation,
        min_rate=threshold,
        delta=1e-12,
        max_samples=10**5,
        largest_radius=True,
    )
    good = [float(stability_rate(predictor, mask, r, formulation)) >= threshold for r in range(1, n_free + 1)]
    assert certificate.largest_radius == (good.index(False) if False in good else n_free)


@given(small_cases())
def test_the_rates_of_two_radii_differ_by_no_more_than_the_sizes_of_their_sets_allow(
    case: tuple[Table, np.ndarray, str],
) -> None:
    """rate(r') >= |Delta_r| / |Delta_r'| rate(r): what lets one radius stand for all larger ones."""
    predictor, mask, _ = case
    n_free = int((~mask).sum())
    rates = [stability_rate(predictor, mask, r) for r in range(n_free + 1)]
    counts = [sum(math.comb(n_free, j) for j in range(r + 1)) for r in range(n_free + 1)]
    for (smaller, small_count), (larger, large_count) in pairwise(zip(rates, counts, strict=True)):
        assert larger >= Fraction(small_count, large_count) * smaller


@pytest.mark.parametrize(("n_features", "threshold"), [(30, 0.9), (147, 0.9), (147, 0.5), (60, 0.99), (1000, 0.95)])
def test_one_test_that_stands_for_larger_radii_reaches_a_rate_that_implies_the_threshold_there(
    n_features: int, threshold: float
) -> None:
    certificate = certify(
        Constant(n_features),
        np.zeros(n_features),
        radius=range(n_features // 2 - 5, n_features + 1),
        min_rate=threshold,
        largest_radius=True,
    )
    last = certificate.rates[-1]
    assert certificate.largest_radius == last.covers_up_to == n_features
    inside = sum(math.comb(n_features, j) for j in range(last.radius + 1))
    assert Fraction(last.lower) * Fraction(inside, 2**n_features) >= Fraction(threshold)
    assert all(rate.threshold == threshold for rate in certificate.rates)
    assert len(certificate.rates) < n_features // 2


def test_a_rate_that_reaches_the_one_asked_for_is_not_refuted_because_it_was_to_stand_for_larger_radii() -> None:
    """Majority of 7 from nothing: 8/15 at radius 5, 64/127 at 6, 1/2 at 7; with this delta only certainty decides."""
    predictor, mask = Majority(7), np.zeros(7)
    certificate = certify(
        predictor, mask, radius="all", min_rate=0.5, delta=1e-12, max_samples=10**4, largest_radius=True
    )
    assert [predictor.rate(mask, r) >= Fraction(1, 2) for r in range(8)] == [True] * 8
    assert [rate.verdict for rate in certificate.rates if rate.verdict == "not-certified"] == []
    assert certificate.largest_radius == 7


def test_a_largest_radius_is_not_extended_over_radii_that_were_not_asked_for() -> None:
    certificate = certify(Constant(30), np.zeros(30), radius=[5, 25, 28], min_rate=0.9, largest_radius=True)
    assert certificate.largest_radius == 28
    assert [rate.radius for rate in certificate.rates] == [5, 25, 28]
    for formulation in ("exactly", "worst"):
        radii = [8, 9, 10, 11]
        certificate = certify(
            Constant(12), np.zeros(12), radius=radii, min_rate=0.9, largest_radius=True, formulation=formulation
        )
        assert [rate.radius for rate in certificate.rates] == radii


def test_the_search_for_the_largest_radius_ends_at_the_first_that_is_not_certified() -> None:
    """Class 1 exactly when 4 features are kept, among them feature 0: only from radius 4 on a little unstable."""
    predictor = FlipAtSize(12, 4, watched=0)
    exact = [float(predictor.rate_from_nothing(r)) for r in range(13)]
    assert exact[:4] == [1.0] * 4
    threshold = 0.9
    certificate = certify(
        predictor, np.zeros(12), radius="all", min_rate=threshold, largest_radius=True, delta=1e-12, max_samples=10**4
    )
    first_bad = next(r for r in range(13) if exact[r] < threshold)
    assert certificate.largest_radius == first_bad - 1
    assert [rate.radius for rate in certificate.rates] == list(range(1, first_bad + 1))
    assert certificate.verdict == "certified"


def test_a_certificate_is_frozen_numbers() -> None:
    certificate = certify(Constant(20), np.zeros(20), radius=[1, 9], min_rate=0.9)
    with pytest.raises(dataclasses.FrozenInstanceError):
        certificate.delta = 0.5  # type: ignore[misc]
    numbers = dataclasses.asdict(certificate)
    assert numbers.pop("flips").dtype == np.bool_
    for value in (*numbers.values(), *dataclasses.asdict(certificate.rates[1]).values()):
        assert type(value) in (int, float, bool, str, tuple, type(None))
