"""The estimated spectrum of functions of many features that is known in closed form."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest

from stabcert.core.spectrum.analyse import degree_weights
from stabcert.core.spectrum.result import Spectrum
from stabcert.core.types import MaskedPredictor
from tests.core.boolean_functions import Junta, Tribes, soft
from tests.core.helpers import FALSE_ALARM
from tests.doubles import Majority, Parity, Threshold, Unanimity


def sampled(predictor: MaskedPredictor, **arguments: Any) -> Spectrum:
    return degree_weights(predictor, exact_max=0, rng=np.random.default_rng(0), **arguments)


def weights_of_threshold(n: int, at_least: int, last: int) -> list[float]:
    """All coefficients of one degree are equal: the signed share of the masks that keep enough features."""
    weights = []
    for k in range(last + 1):
        signed = sum(
            (-1) ** inside * comb(k, inside) * comb(n - k, outside)
            for inside in range(k + 1)
            for outside in range(n - k + 1)
            if inside + outside >= at_least
        )
        weights.append(comb(n, k) * (signed / 2**n) ** 2)
    return weights


def weights_of_tribes(tribes: int, width: int, last: int) -> list[float]:
    """One minus a product of independent functions, whose weights are those of a product of polynomials."""
    nobody = 1 - 2**-width
    one_tribe = [nobody**2, *[comb(width, k) / 4**width for k in range(1, width + 1)]]
    product = np.array([1.0])
    for _ in range(tribes):
        product = np.convolve(product, one_tribe)
    return [(1 - nobody**tribes) ** 2, *product[1 : last + 1].tolist()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("predictor", "weights"),
    [
        (Parity(24), [0.25, 0, 0, 0]),
        (Unanimity(24, [5]), [0.25, 0.25, 0, 0]),
        (Junta(24, [3, 20], [0, 1, 1, 0]), [0.25, 0, 0.25, 0]),
        (Junta(24, [3, 9, 20], [0, 1, 1, 0, 1, 0, 0, 1]), [0.25, 0, 0, 0.25]),
        (Unanimity(24, [0, 1]), [1 / 16, 1 / 8, 1 / 16, 0]),
        (Majority(23), weights_of_threshold(23, 12, 3)),
        (Threshold(24, 9), weights_of_threshold(24, 9, 3)),
        (Tribes(24, 3), weights_of_tribes(8, 3, 3)),
    ],
)
def test_known_functions_of_24_features_are_within_their_intervals(
    predictor: MaskedPredictor, weights: list[float]
) -> None:
    spectrum = sampled(predictor, target_class=1, n_samples=3000, delta=FALSE_ALARM)
    for one, weight in zip(spectrum.degrees, weights, strict=True):
        assert one.weight.lower <= weight <= one.weight.upper
    unlikely = sampled(predictor, target_class=1, n_samples=3000, delta=0.1)
    for one, weight in zip(unlikely.degrees, weights, strict=True):
        assert one.weight.value == pytest.approx(weight, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_random_function_of_5_among_24_features_is_within_its_intervals(seed: int) -> None:
    rng = np.random.default_rng(seed)
    relevant, values = np.sort(rng.choice(24, size=5, replace=False)).tolist(), rng.random(2**5)
    truth = degree_weights(soft(values), target_class=1, degree=3, rng=rng).degrees
    found = sampled(Junta(24, relevant, values), target_class=1, n_samples=3000, delta=FALSE_ALARM).degrees
    for one, other in zip(found, truth, strict=True):
        assert one.weight.lower <= other.weight.value <= one.weight.upper
        assert one.weight.value == pytest.approx(other.weight.value, abs=0.05)
