"""The additions that changed the prediction: which are kept with a certificate, and in which order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from stabcert.core.soft.certify import Interrupted
from stabcert.core.soft.trials import MAX_FLIPS
from stabcert.core.types import Mask, Masks, Probs
from tests.core.helpers import certify, rows, small_cases
from tests.doubles import Batchy, Constant, Counting, Table, Threshold, one_hot
from tests.oracles import additions, predicted_class


@given(case=small_cases())
def test_all_flips_are_found_when_every_addition_is_tried(case: tuple[Table, Mask, str]) -> None:
    predictor, mask, formulation = case
    radius = int((~mask).sum())
    flips = certify(predictor, mask, radius=radius, formulation=formulation).flips
    sizes = flips.sum(axis=1)
    assert (np.diff(sizes) >= 0).all()
    tried = {
        "up-to": additions(mask, radius),
        "exactly": additions(mask, radius, exactly=True),
        "worst": additions(mask, radius),
    }
    reference = predicted_class(predictor, tuple(mask.tolist()))
    expected = {row for row in tried[formulation] if predicted_class(predictor, row) != reference}
    assert set(rows(flips)) == expected
    assert len(flips) == len(expected)


@pytest.mark.parametrize(
    "arguments",
    [
        {"radius": 12, "n_samples": 70},
        {"radius": [3, 12], "n_samples": 45},
        {"radius": 12, "min_rate": 0.3, "max_samples": 300},
        {"radius": 12, "n_samples": 70, "formulation": "exactly"},
    ],
)
def test_flips_are_the_distinct_tried_masks_of_another_class(arguments: dict[str, Any]) -> None:
    predictor = Counting(Threshold(40, 2, range(20)))
    mask = np.arange(40) == 3
    certificate = certify(predictor, mask, **arguments)
    tried = [row for row in rows(predictor.masks) if sum(row[:20]) >= 2]
    assert set(rows(certificate.flips)) == set(tried)
    assert len(certificate.flips) == len(set(tried)) > 5
    assert (certificate.flips & mask).any(axis=1).all()


def test_the_smallest_flips_are_kept_when_there_are_many() -> None:
    """All additions of one to three of 12 features change the class: the 12 single ones, the 66 pairs, 22 others."""
    mask = np.zeros(12, dtype=bool)
    flips = certify(Threshold(12, 1), mask, radius=3, n_samples=299).flips
    assert len(flips) == MAX_FLIPS == 100
    assert np.bincount(flips.sum(axis=1)).tolist() == [0, 12, math.comb(12, 2), 22]
    assert set(rows(flips[:78])) == set(additions(mask, 2)[1:])


def test_flips_of_later_radii_replace_larger_ones() -> None:
    """Radius 30 is drawn after radius 1 was enumerated; the single features stay in front."""
    flips = certify(Threshold(60, 1), np.zeros(60), radius=[1, 30], n_samples=200).flips
    assert (flips[:60].sum(axis=1) == 1).all()
    assert (flips[60:].sum(axis=1) > 10).all()
    assert len(flips) == 100


def test_near_ties_are_no_flips() -> None:
    def two_added(masks: Masks) -> np.ndarray:
        return np.asarray(masks.sum(axis=1) == 2)

    predictor = Batchy(Threshold(6, 1), two_added)
    assert set(certify(predictor, np.zeros(6), radius=3).flips.sum(axis=1)) == {1, 3}


def test_nothing_flips_from_a_mask_that_is_itself_a_near_tie() -> None:
    def nothing_added(masks: Masks) -> np.ndarray:
        return ~masks.any(axis=1)

    assert certify(Batchy(Threshold(6, 1), nothing_added), np.zeros(6), radius=2).flips.shape == (0, 6)


def test_a_stable_mask_has_no_flips() -> None:
    assert certify(Constant(9), np.zeros(9), radius="all").flips.shape == (0, 9)


def test_flips_are_left_out_of_comparison_and_of_the_printed_form() -> None:
    first, second = (certify(Threshold(30, 1, [3]), np.zeros(30), radius=4, n_samples=50, seed=s) for s in (0, 0))
    assert first == second
    assert "flips" not in repr(first)
    assert hash(first) == hash(second)


def test_the_flips_of_a_certificate_cannot_be_changed() -> None:
    flips = certify(Threshold(9, 1), np.zeros(9), radius=1).flips
    with pytest.raises(ValueError, match="read-only"):
        flips[0, 0] = False


def test_an_interrupted_certificate_has_the_flips_found_so_far() -> None:
    class Interrupting:
        n_features = 40

        def __init__(self) -> None:
            self.calls = 0

        def __call__(self, masks: Masks, /) -> Probs:
            self.calls += 1
            if self.calls == 4:
                raise KeyboardInterrupt
            return one_hot(masks[:, 0])

    with pytest.raises(Interrupted) as interrupted:
        certify(Interrupting(), np.zeros(40), radius=20, min_rate=0.7, max_samples=500)
    flips = interrupted.value.certificate.flips
    assert flips[:, 0].all()
    assert len(flips) > 5
