"""mfaba: a closed form on a line, completeness on networks, and the end of the path."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from stabcert.errors import ParameterError
from stabcert.explainers import explain
from tests.explainers.formulas import Formula, linear, model
from tests.explainers.test_saliency import MODELS

COEFFICIENTS = np.array([0.02, -0.05, 0.01, 0.03])
VALUES = np.array([1.0, -1.0, 1.0, 1.0])
"""Root mean square 1, so that the first step is 0.005."""


def test_on_a_line_every_step_takes_the_same_from_each_feature() -> None:
    # p(x) = 0.495 + c.x is 0.605; each step takes step * sum |c|, until p < 0.5.
    attribution = explain(model(Formula(linear(COEFFICIENTS, base=0.495), VALUES)), "mfaba", steps=300)
    step = 0.005
    taken = math.ceil(0.105 / (step * 0.11))
    assert attribution.settings["boundary"] is True
    assert attribution.settings["step"] == pytest.approx(step, rel=1e-12)
    assert attribution.settings["steps"] == taken
    np.testing.assert_allclose(attribution.scores, taken * step * np.abs(COEFFICIENTS), rtol=1e-9)
    assert attribution.scores.sum() == pytest.approx(attribution.settings["probability_lost"], rel=1e-9)


def test_a_boundary_that_is_not_reached_is_said() -> None:
    attribution = explain(model(Formula(linear(COEFFICIENTS, base=0.495), VALUES)), "mfaba")
    assert attribution.settings["boundary"] is False
    assert attribution.settings["steps"] == attribution.settings["max_steps"] == 50
    np.testing.assert_allclose(attribution.scores, 50 * 0.005 * np.abs(COEFFICIENTS), rtol=1e-9)


@pytest.mark.parametrize(("steps", "expected"), [(50, 0.005 / 16), (15, 0.005 / 4), (11, 0.005)])
def test_a_near_boundary_is_approached_in_finer_steps_as_long_as_there_are_enough(steps: int, expected: float) -> None:
    # 0.001 above the boundary: 2 steps of 0.005, 8 of a quarter, 30 of a sixteenth.
    attribution = explain(model(Formula(linear(COEFFICIENTS, base=0.391), VALUES)), "mfaba", steps=steps)
    assert attribution.settings["step"] == pytest.approx(expected, rel=1e-12)
    assert attribution.settings["steps"] == math.ceil(0.001 / (expected * 0.11))
    assert attribution.settings["boundary"] is True


def test_a_boundary_within_one_quarter_of_a_step_is_approached_in_finer_steps_too() -> None:
    # 1e-5 above the boundary: 1 step of 0.005, of a quarter, of a sixteenth; 2, 5 and 19 of the next ones.
    attribution = explain(model(Formula(linear(COEFFICIENTS, base=0.39001), VALUES)), "mfaba")
    assert attribution.settings["step"] == pytest.approx(0.005 / 4**5, rel=1e-12)
    assert attribution.settings["steps"] == math.ceil(1e-5 / (0.005 / 4**5 * 0.11))


def test_a_second_order_function_is_integrated_along_the_path() -> None:
    # The trapezoid is exact for a quadratic, so that the scores sum to the difference.
    def quadratic(x: torch.Tensor) -> torch.Tensor:
        return 0.4 + 0.1 * x[:, 0] ** 2 + 0.05 * x[:, 0] * x[:, 1]

    attribution = explain(model(Formula(quadratic, [1.0, 0.8])), "mfaba", steps=80)
    assert attribution.settings["boundary"] is True
    assert attribution.scores.sum() == pytest.approx(attribution.settings["probability_lost"], rel=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_scores_sum_to_the_probability_lost_on_the_way(name: str) -> None:
    predictor = MODELS[name]()
    attribution = explain(predictor, "mfaba", steps=40)
    lost = attribution.settings["probability_lost"]
    assert lost > 0.01
    assert attribution.scores.sum() == pytest.approx(lost, rel=0.05)


def test_values_that_belong_to_no_feature_stay() -> None:
    fake = Formula(linear([0.1, 0.02, 0.05]), [1.0, 0.5, 2.0], n_special=1)
    attribution = explain(model(fake), "mfaba")
    assert attribution.scores.shape == (2,)
    assert torch.cat(fake.seen)[1:, 2].eq(2.0).all()
    assert attribution.scores.sum() == pytest.approx(attribution.settings["probability_lost"], rel=1e-9)


def test_without_a_gradient_the_path_ends_where_it_starts() -> None:
    attribution = explain(model(Formula(linear([0.0, 0.0], base=0.7), [1.0, 2.0])), "mfaba")
    assert (attribution.settings["steps"], attribution.settings["boundary"]) == (0, False)
    assert np.array_equal(attribution.scores, [0.0, 0.0])


def test_only_the_predicted_class_has_a_boundary_to_reach() -> None:
    predictor: Any = model(Formula(linear([0.1, 0.1]), [1.0, 1.0]))
    with pytest.raises(ParameterError, match=r"mfaba follows the predicted class, 1, .* class 0 is not predicted"):
        explain(predictor, "mfaba", target=0)
