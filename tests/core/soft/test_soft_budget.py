"""What a soft certificate costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.helpers import FORMULATIONS, MASK_196, arbitrary_function, certify
from tests.doubles import Constant, Counting, Threshold


def test_a_stable_function_is_certified_after_29_draws() -> None:
    certificate = certify(Constant(196), MASK_196, radius=10, min_rate=0.9)
    (rate,) = certificate.rates
    assert (rate.samples, rate.matches, rate.met) == (29, 29, True)
    assert certificate.evaluations == 30
    assert rate.lower >= 0.9
    assert not rate.enumerated


@pytest.mark.parametrize(("epsilon", "delta", "samples"), [(0.1, 0.1, 150), (0.05, 0.05, 738)])
def test_the_sample_size_is_that_of_the_paper(epsilon: float, delta: float, samples: int) -> None:
    certificate = certify(Constant(196), MASK_196, radius=10, epsilon=epsilon, delta=delta)
    assert certificate.rates[0].samples == samples
    assert certificate.evaluations == samples + 1


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("radius", [10, [10, 12, 15], [1, 10]])
@pytest.mark.parametrize("simultaneous", [True, False])
def test_the_papers_half_width_is_within_epsilon(formulation: str, radius: Any, simultaneous: bool) -> None:
    certificate = certify(
        Threshold(40, 9), np.zeros(40), radius=radius, formulation=formulation, simultaneous=simultaneous
    )
    for rate in certificate.rates:
        assert rate.hoeffding_epsilon is None or rate.hoeffding_epsilon <= 0.1 * (1 + 1e-12)


def test_a_radius_that_is_enumerated_costs_the_others_nothing() -> None:
    alone = certify(arbitrary_function(40, 0.2), np.zeros(40), radius=12, n_samples=150)
    both = certify(arbitrary_function(40, 0.2), np.zeros(40), radius=[1, 12], n_samples=150)
    assert both.rates[0].enumerated
    assert both.rates[1] == alone.rates[0]


def test_many_radii_together_are_bounded_less_tightly_than_each_by_itself() -> None:
    arguments: dict[str, Any] = {"radius": [10, 12, 15], "n_samples": 150}
    joint = certify(arbitrary_function(40, 0.2), np.zeros(40), **arguments)
    single = certify(arbitrary_function(40, 0.2), np.zeros(40), simultaneous=False, **arguments)
    for together, alone in zip(joint.rates, single.rates, strict=True):
        assert together.lower < alone.lower < alone.upper < together.upper
        assert together.matches == alone.matches


def test_a_sequential_test_uses_no_more_than_the_maximum_of_samples() -> None:
    predictor = Counting(arbitrary_function(40, 0.1))
    certificate = certify(predictor, np.zeros(40), radius=[10, 20], min_rate=0.9, max_samples=97)
    assert all(rate.samples <= 97 for rate in certificate.rates)
    assert predictor.rows <= 2 * 97 + 1


def test_a_sequential_test_shares_delta_among_the_radii_that_are_sampled() -> None:
    """At a tenth for each of three sampled radii a perfect one takes the golden 29 draws; radius 0 takes no share."""
    arguments: dict[str, Any] = {"min_rate": 0.9, "delta": 0.3}
    together = certify(Constant(40), np.zeros(40), radius=[0, 9, 12, 15], **arguments)
    assert [rate.samples for rate in together.rates] == [1, 29, 29, 29]
    alone = certify(Constant(40), np.zeros(40), radius=[0, 9, 12, 15], simultaneous=False, **arguments)
    in_order = certify(Constant(40), np.zeros(40), radius=[9, 12, 15], largest_radius=True, **arguments)
    single = certify(Constant(40), np.zeros(40), radius=9, **arguments).rates[0].samples
    assert single < 29
    assert [rate.samples for rate in alone.rates[1:]] == [rate.samples for rate in in_order.rates] == [single] * 3
