"""Soft certificates that try every addition: the definition itself."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.errors import ParameterError
from tests.core.helpers import FORMULATIONS, MASK_196, certify, small_cases
from tests.doubles import Constant, Counting, Parity, Table, Threshold, one_hot
from tests.oracles import stability_rate


@given(small_cases())
def test_enumerated_rates_are_those_of_the_definition(case: tuple[Table, np.ndarray, str]) -> None:
    predictor, mask, formulation = case
    n_free = int((~mask).sum())
    certificate = certify(predictor, mask, radius=range(n_free + 1), formulation=formulation, n_samples=64)
    assert [rate.radius for rate in certificate.rates] == list(range(n_free + 1))
    for rate in certificate.rates:
        exact = stability_rate(predictor, mask, rate.radius, formulation)
        assert rate.rate == rate.lower == rate.upper == float(exact)
        assert Fraction(rate.matches, rate.samples) == exact
        assert rate.enumerated
        assert rate.population == rate.samples
        assert rate.verdict == "reported"


@given(small_cases(), st.floats(0.01, 1.0))
def test_enumerated_rates_decide_about_a_threshold_exactly(
    case: tuple[Table, np.ndarray, str], threshold: float
) -> None:
    predictor, mask, formulation = case
    n_free = int((~mask).sum())
    certificate = certify(predictor, mask, radius="all", formulation=formulation, n_samples=64, min_rate=threshold)
    for rate in certificate.rates:
        met = float(stability_rate(predictor, mask, rate.radius, formulation)) >= threshold
        assert rate.met is met
        assert rate.verdict == ("certified" if met else "not-certified")
    assert certificate.verdict == ("certified" if all(rate.met for rate in certificate.rates) else "not-certified")
    assert [rate.radius for rate in certificate.rates] == (list(range(1, n_free + 1)) or [0])


@pytest.mark.slow
@given(small_cases(), st.sampled_from([0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0]))
def test_a_sequential_test_that_cannot_err_decides_like_the_definition(
    case: tuple[Table, np.ndarray, str], threshold: float
) -> None:
    """With a delta of 1e-12 only certainty decides, so that no seed can make this fail."""
    predictor, mask, formulation = case
    certificate = certify(
        predictor, mask, radius="all", formulation=formulation, min_rate=threshold, delta=1e-12, max_samples=10**5
    )
    for rate in certificate.rates:
        exact = float(stability_rate(predictor, mask, rate.radius, formulation))
        assert rate.lower <= exact <= rate.upper
        assert rate.met is (exact >= threshold)
        assert rate.verdict == ("certified" if exact >= threshold else "not-certified")


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_radius_1_of_an_image_is_enumerated_and_the_interval_has_width_0(formulation: str) -> None:
    predictor = Counting(Threshold(196, 50))  # class 0 with 49 kept, class 1 with any patch more
    certificate = certify(predictor, MASK_196, radius=1, formulation=formulation)
    (rate,) = certificate.rates
    masks = 148 if formulation == "up-to" else 147
    assert (rate.samples, rate.population, rate.enumerated) == (masks, masks, True)
    assert rate.lower == rate.upper == rate.rate == (1 / 148 if formulation == "up-to" else 0.0)
    assert certificate.evaluations == predictor.rows == masks + 1
    assert rate.hoeffding_epsilon is None
    assert (certificate.n_features, certificate.n_selected, certificate.prediction) == (196, 49, 0)


def test_stability_rates_may_fall_and_rise_again_with_the_radius() -> None:
    """Mismatch exactly when one of three features is added: 1, 1/4, 4/7, 5/8."""
    flips_at_one = Table(one_hot([0, 1, 1, 0, 1, 0, 0, 0]))
    certificate = certify(flips_at_one, np.zeros(3), radius=range(4))
    assert [rate.rate for rate in certificate.rates] == [1.0, 1 / 4, 4 / 7, 5 / 8]
    exactly = certify(flips_at_one, np.zeros(3), radius=range(4), formulation="exactly")
    assert [rate.rate for rate in exactly.rates] == [1.0, 0.0, 1.0, 1.0]
    worst = certify(flips_at_one, np.zeros(3), radius=range(4), formulation="worst")
    assert [rate.rate for rate in worst.rates] == [1.0, 0.0, 0.0, 0.0]
    searched = certify(flips_at_one, np.zeros(3), radius="all", min_rate=0.5, largest_radius=True)
    assert searched.largest_radius == 0
    assert searched.verdict == "not-certified"
    assert len(searched.rates) == 1


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_parity_is_stable_in_half_of_everything(formulation: str) -> None:
    mask = np.array([True, False, False, False, False])
    certificate = certify(Parity(5), mask, radius=4, formulation=formulation)
    assert certificate.rates[0].rate == {"up-to": 0.5, "exactly": 1.0, "worst": 0.0}[formulation]


@pytest.mark.parametrize("arguments", [{}, {"min_rate": 1.0}, {"min_rate": 0.9, "largest_radius": True}])
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_at_radius_0_there_is_the_mask_alone_and_it_survives(formulation: str, arguments: dict[str, Any]) -> None:
    certificate = certify(Parity(5), np.zeros(5), radius=0, formulation=formulation, **arguments)
    (rate,) = certificate.rates
    assert (rate.radius, rate.samples, rate.rate, rate.lower, rate.upper) == (0, 1, 1.0, 1.0, 1.0)
    assert certificate.evaluations == 2


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_with_all_features_kept_there_is_only_radius_0(formulation: str) -> None:
    certificate = certify(Parity(4), np.ones(4), radius="all", formulation=formulation)
    assert [rate.radius for rate in certificate.rates] == [0]
    assert certificate.rates[0].lower == certificate.rates[0].upper == 1.0
    with pytest.raises(ParameterError, match="0 to 0"):
        certify(Parity(4), np.ones(4), radius=1, formulation=formulation)


def test_all_means_every_radius_from_1_to_what_is_left_to_add() -> None:
    certificate = certify(Parity(6), np.array([1, 0, 0, 0, 1, 0]), radius="all")
    assert [rate.radius for rate in certificate.rates] == [1, 2, 3, 4]


def test_radii_are_sorted_and_repeated_ones_are_asked_once() -> None:
    once = certify(Threshold(40, 5), np.zeros(40), radius=[2, 9], n_samples=50)
    for radius in ([9, 2, 2, 9], iter([9, 2]), np.array([2, 9]), (np.int64(9), 2)):
        assert certify(Threshold(40, 5), np.zeros(40), radius=radius, n_samples=50) == once


def test_a_rate_of_1_is_certified_for_a_set_that_can_be_tried_whole() -> None:
    for arguments in ({"n_samples": 150}, {"max_samples": 150}):
        certificate = certify(Constant(196), MASK_196, radius=1, min_rate=1.0, **arguments)
        assert certificate.verdict == "certified"
        assert certificate.rates[0].lower == 1.0
