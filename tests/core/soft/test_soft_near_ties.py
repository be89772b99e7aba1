"""Decisions that the arithmetic cannot make count against every claim."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stabcert.core.types import Masks
from tests.core.helpers import Rebatched, certify
from tests.doubles import Batchy, Constant, Counting, Table


def one_added(masks: Masks) -> np.ndarray:
    return np.asarray(masks.sum(axis=1) == 1)


def something_added(masks: Masks) -> np.ndarray:
    return np.asarray(masks.any(axis=1))


def nothing_added(masks: Masks) -> np.ndarray:
    return ~something_added(masks)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_near_ties_widen_an_enumerated_rate_on_both_sides(batch: int) -> None:
    predictor = Batchy(Constant(6), one_added)
    wrapped = Counting(Rebatched(predictor, batch))
    wrapped.decision_tolerance = predictor.decision_tolerance
    (rate,) = certify(wrapped, np.zeros(6), radius=2).rates
    assert (rate.samples, rate.matches, rate.near_ties) == (22, 16, 6)
    assert (rate.lower, rate.rate, rate.upper) == (16 / 22, 16 / 22, 1.0)
    assert rate.enumerated
    decided = certify(wrapped, np.zeros(6), radius=2, min_rate=0.9)
    assert decided.verdict == "undecided"
    assert certify(wrapped, np.zeros(6), radius=2, min_rate=0.7).verdict == "certified"


@pytest.mark.parametrize("arguments", [{"n_samples": 80}, {"min_rate": 0.6}, {"min_rate": 0.9, "max_samples": 400}])
def test_near_ties_make_a_certificate_independent_of_the_batch_that_decided_them(arguments: dict[str, Any]) -> None:
    def tied(masks: Masks) -> np.ndarray:
        return masks[:, 5] & ~masks[:, 7]

    certificates = [
        certify(Batchy(Constant(30), tied, drift=drift), np.zeros(30), radius=10, **arguments) for drift in (0, 1)
    ]
    assert certificates[0] == certificates[1]
    assert certificates[0].near_ties > 0


def test_near_ties_support_neither_certification_nor_refutation() -> None:
    """All additions but the mask itself are too close to tell: nothing is known, however many are drawn."""
    predictor = Batchy(Constant(30), something_added)
    certificate = certify(predictor, np.zeros(30), radius=15, min_rate=0.5, max_samples=500)
    (rate,) = certificate.rates
    assert rate.samples == rate.near_ties == 500
    assert rate.verdict == certificate.verdict == "undecided"
    (fixed,) = certify(predictor, np.zeros(30), radius=15, n_samples=100).rates
    assert (fixed.lower, fixed.upper) == (0.0, 1.0)


def test_a_mask_that_is_itself_a_near_tie_has_no_largest_radius() -> None:
    predictor = Batchy(Constant(4), nothing_added)
    certificate = certify(predictor, np.zeros(4), radius=range(3), min_rate=0.5, largest_radius=True)
    assert not certificate.rates[0].met
    assert certificate.verdict != "certified"


def test_without_a_tolerance_an_exact_tie_goes_to_the_lower_class() -> None:
    certificate = certify(Table(np.full((8, 2), 0.5)), np.zeros(3), radius=3)
    assert certificate.prediction == 0
    assert certificate.near_ties == 0
    assert certificate.rates[0].rate == 1.0
