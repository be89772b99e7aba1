"""What a soft certificate refuses, and whether the way out that is named is one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stabcert.core.types import Masks, Probs
from stabcert.errors import InputError, ModelError, ParameterError
from tests.core.helpers import FORMULATIONS, MASK_196, certify
from tests.doubles import Constant, Counting, Parity, Table, one_hot


@pytest.mark.parametrize("mask", [np.full(5, 0.5), [0, 1, 2, 0, 0], [0.999998] * 5, np.zeros(4), np.zeros((1, 5))])
def test_a_mask_that_is_none_is_refused(mask: Any) -> None:
    with pytest.raises(InputError):
        certify(Parity(5), mask, radius=1)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("radius", [5, 100, -1, [1, 5], [-1, 2]])
def test_a_radius_that_does_not_exist_is_refused_and_the_range_is_named(radius: Any, formulation: str) -> None:
    with pytest.raises(ParameterError, match="0 to 4"):
        certify(Parity(6), np.array([1, 0, 0, 0, 0, 1]), radius=radius, formulation=formulation)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_refused_radius_is_the_one_that_was_given(formulation: str) -> None:
    with pytest.raises(ParameterError, match="100"):
        certify(Parity(6), np.array([1, 0, 0, 0, 0, 1]), radius=[2, 100], formulation=formulation)


@pytest.mark.parametrize("radius", [1.5, [1.5], [2, 2.9], np.array([0.5, 1.0]), "one", [], math.nan])
def test_a_radius_that_is_no_whole_number_is_refused_and_not_rounded(radius: Any) -> None:
    with pytest.raises(ParameterError, match="radius"):
        certify(Parity(6), np.zeros(6), radius=radius)


@pytest.mark.parametrize(
    "arguments",
    [
        {"delta": 0.0},
        {"delta": 1.0},
        {"delta": math.nan},
        {"epsilon": 0.0},
        {"epsilon": 1.0},
        {"n_samples": 0},
        {"n_samples": -3},
        {"min_rate": 0.0},
        {"min_rate": 1.1},
        {"min_rate": math.nan},
        {"min_rate": 0.9, "max_samples": 0},
        {"min_rate": 0.9, "max_samples": -5},
        {"max_samples": 100},
        {"largest_radius": True},
        {"min_rate": 0.9, "n_samples": 50, "max_samples": 100},
        {"min_rate": 0.9, "n_samples": 50, "largest_radius": True},
        {"formulation": "average"},
        {"interval": "bayes"},
        {"interval": "bayes", "min_rate": 0.5},
    ],
)
def test_a_request_without_a_meaning_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        certify(Constant(20), np.zeros(20), radius=8, **arguments)


def number_after(word: str, message: str) -> int:
    found = re.search(rf"{word}\D{{0,20}}?(\d+)", message)
    assert found, message
    return int(found[1])


@pytest.mark.slow
@pytest.mark.parametrize("interval", ["exact", "hoeffding"])
@pytest.mark.parametrize(
    ("radius", "threshold"), [(12, 0.9), (12, 0.99), ([9, 12], 0.9), (2, 0.95), (3, 0.9), ([3, 12], 0.97)]
)
@pytest.mark.parametrize("formulation", ["up-to", "worst"])
def test_a_rate_that_no_outcome_can_certify_is_refused_with_the_number_of_samples_that_is_enough(
    radius: Any, threshold: float, interval: str, formulation: str
) -> None:
    """Enough for the whole request, not only for the first radius or size that is out of reach."""
    arguments: dict[str, Any] = {"radius": radius, "min_rate": threshold, "interval": interval}
    predictor, mask = Constant(40), np.arange(40) < 4
    with pytest.raises(ParameterError, match=r"cannot certify") as refused:
        certify(predictor, mask, n_samples=20, formulation=formulation, **arguments)
    needed = number_after("n_samples", str(refused.value))
    certificate = certify(predictor, mask, n_samples=needed, formulation=formulation, **arguments)
    assert certificate.verdict == "certified"
    with pytest.raises(ParameterError, match="cannot certify"):
        certify(predictor, mask, n_samples=needed - 1, formulation=formulation, **arguments)


def test_the_sequential_alternative_that_is_named_works_too() -> None:
    for radius in (2, 12, [9, 12]):
        with pytest.raises(ParameterError, match="sequential") as refused:
            certify(Constant(40), np.zeros(40), radius=radius, n_samples=20, min_rate=0.95)
        samples = number_after("max_samples", str(refused.value))
        certificate = certify(Constant(40), np.zeros(40), radius=radius, min_rate=0.95, max_samples=samples)
        assert certificate.verdict == "certified"


def test_a_refused_request_costs_no_more_than_the_prediction() -> None:
    predictor = Counting(Constant(40))
    with pytest.raises(ParameterError):
        certify(predictor, np.zeros(40), radius=12, n_samples=10, min_rate=0.99)
    assert predictor.rows <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("radius", "threshold"), [(12, 0.9), (12, 0.99), ([9, 12], 0.9), (2, 0.95), (3, 0.99)])
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_a_maximum_of_samples_that_is_too_small_is_refused_with_the_number_that_is_enough(
    radius: Any, threshold: float, formulation: str
) -> None:
    arguments: dict[str, Any] = {"radius": radius, "min_rate": threshold, "formulation": formulation}
    with pytest.raises(ParameterError, match="cannot certify") as refused:
        certify(Constant(40), np.zeros(40), max_samples=10, **arguments)
    needed = number_after("max_samples", str(refused.value))
    assert certify(Constant(40), np.zeros(40), max_samples=needed, **arguments).verdict == "certified"
    if isinstance(radius, int):
        with pytest.raises(ParameterError, match="cannot certify"):
            certify(Constant(40), np.zeros(40), max_samples=needed - 1, **arguments)


def test_a_rate_of_1_over_a_set_too_large_to_be_tried_is_refused() -> None:
    with pytest.raises(ParameterError, match="testing every addition"):
        certify(Constant(196), MASK_196, radius=10, min_rate=1.0)
    with pytest.raises(ParameterError, match="testing every addition"):
        certify(Constant(196), MASK_196, radius=10, min_rate=1.0, n_samples=1000)


@pytest.mark.parametrize(
    "answer",
    [
        lambda k: np.full((k, 3), math.nan),
        lambda k: np.full((k, 2), math.inf),
        lambda k: np.ones((k, 1)),
        lambda k: np.ones(k),
        lambda k: np.full((k + 1, 2), 0.5),
        lambda k: np.full((1, 2), 0.5) if k > 1 else np.full((2, 2), 0.5),
        lambda k: np.tile([2.0, -1.0], (k, 1)),
        lambda k: np.tile([3.5, 1.2], (k, 1)),
        lambda k: np.zeros((k, 2)),
        lambda k: np.full((k, 2, 2), 0.25),
        lambda k: None,
    ],
)
@pytest.mark.parametrize("arguments", [{}, {"min_rate": 0.5}])
def test_a_predictor_that_returns_no_probabilities_is_refused(
    answer: Callable[[int], Any], arguments: dict[str, Any]
) -> None:
    class Broken:
        n_features = 5

        def __call__(self, masks: Masks, /) -> Probs:
            return answer(len(masks))  # type: ignore[no-any-return]

    with pytest.raises(ModelError):
        certify(Broken(), np.zeros(5), radius=2, **arguments)


def test_a_nan_in_a_single_later_row_is_noticed() -> None:
    probabilities = one_hot(np.zeros(32, dtype=int))
    probabilities[21] = math.nan
    with pytest.raises(ModelError, match="finite"):
        certify(Table(probabilities), np.zeros(5), radius=5)


def test_the_shares_of_radii_do_not_depend_on_the_maximum_of_samples() -> None:
    """Sets of 55 and 165 additions: rate and delta decide which are enumerated, and a smaller maximum is refused."""
    arguments: dict[str, Any] = {"radius": [2, 3], "formulation": "exactly", "min_rate": 0.95}
    with pytest.raises(ParameterError, match="55 are needed"):
        certify(Constant(11), np.zeros(11), max_samples=54, **arguments)
    assert certify(Constant(11), np.zeros(11), max_samples=59, **arguments).verdict == "certified"
