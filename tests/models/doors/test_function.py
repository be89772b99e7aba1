"""A function on masks: its output as it is, and every broken contract that can be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from stabcert import certify_soft, explain, from_function
from stabcert.errors import InputError, ModelError, ParameterError
from tests.models.doors.all_masks import every_mask

WEIGHTS = np.array([2.0, -1.0, 0.5, 0.25])


def logistic(masks: Any) -> Any:
    positive = 1 / (1 + np.exp(-(masks @ WEIGHTS - 0.3)))
    return np.stack([1 - positive, positive], axis=1)


def test_the_probabilities_are_those_of_the_function() -> None:
    predictor = from_function(logistic, 4, names=list("wxyz"), class_names=["no", "yes"])
    masks = every_mask(4)
    assert np.abs(predictor(masks) - logistic(masks)).max() < 1e-15
    assert predictor.class_names == ("no", "yes")
    assert [feature.label for feature in predictor.features.items] == list("wxyz")
    assert predictor.decision_tolerance == 1e-10


def test_certificates_and_attributions_work_and_gradients_are_refused() -> None:
    predictor = from_function(logistic, 4)
    assert explain(predictor, "occlusion").scores.argmax() == 0
    certificate = certify_soft(predictor, np.array([1, 0, 0, 0]), radius=3, rng=np.random.default_rng(0))
    stable = np.mean([logistic(mask[None])[0].argmax() == 1 for mask in every_mask(4) if mask[0]])
    assert certificate.rates[0].rate == pytest.approx(stable)
    for method in ("saliency", "intgrad", "smoothgrad", "mfaba", "inputxgrad"):
        with pytest.raises(ParameterError, match="from_module"):
            explain(predictor, method)


def test_a_mask_is_evaluated_once_and_rows_are_counted() -> None:
    rows = 0

    def counting(masks: Any) -> Any:
        nonlocal rows
        rows += len(masks)
        return logistic(masks)

    predictor = from_function(counting, 4)
    predictor(every_mask(4))
    predictor(every_mask(4))
    assert rows == predictor.evaluations
    assert rows < 30


def test_float32_outputs_may_sum_to_one_less_closely_and_ties_are_wider() -> None:
    predictor = from_function(lambda masks: logistic(masks).astype(np.float32) * np.float32(1.00001), 4)
    assert predictor.decision_tolerance == 1e-4
    assert np.abs(predictor(every_mask(4)).sum(axis=1) - 1).max() < 1e-15


def test_tensors_and_lists_are_read_and_masks_may_be_written_to() -> None:
    def writing(masks: Any) -> Any:
        masks[:] = masks.copy()
        return torch.tensor(logistic(masks), requires_grad=True)

    for function in (writing, lambda masks: logistic(masks).tolist()):
        assert np.abs(from_function(function, 4)(every_mask(4)) - logistic(every_mask(4))).max() < 1e-15


def test_a_probability_of_zero_is_possible() -> None:
    predictor = from_function(lambda masks: np.stack([masks[:, 0], ~masks[:, 0]], axis=1).astype(float), 2)
    assert np.allclose(predictor(every_mask(2)), [[m[0], 1 - m[0]] for m in every_mask(2).astype(float)], atol=1e-299)


_CALLS = iter(range(10**6))


@pytest.mark.parametrize(
    "function",
    [
        lambda masks: np.ones((len(masks), 2)),
        lambda masks: np.ones(len(masks)),
        lambda masks: np.full((len(masks), 2), np.nan),
        lambda masks: np.tile([1.5, -0.5], (len(masks), 1)),
        lambda masks: np.ones((1, 2)) / 2 if len(masks) < 2 else np.ones((2, 2)) / 2,
        lambda masks: np.ones((len(masks), 1)),
        lambda masks: [["a", "b"]] * len(masks),
        lambda masks: None,
        lambda masks: 1 / 0,
        lambda masks: np.tile([0.5 + 0.01 * next(_CALLS) % 0.4, 0.5 - 0.01 * next(_CALLS) % 0.4], (len(masks), 1)),
        lambda masks: np.tile([0.4 + len(masks) / 100, 0.6 - len(masks) / 100], (len(masks), 1)),
    ],
)
def test_a_function_that_breaks_its_contract_is_refused(function: Any) -> None:
    with pytest.raises(ModelError):
        from_function(function, 3)


def test_arithmetic_that_is_less_precise_than_its_output_can_be_named() -> None:
    def rough(masks: Any) -> Any:
        return logistic(masks + 1e-6 * len(masks))

    with pytest.raises(ModelError, match="precision='float32'"):
        from_function(rough, 4)
    assert from_function(rough, 4, precision="float32").decision_tolerance == 1e-4


@pytest.mark.parametrize(
    ("value", "named"),
    [(torch.nn.Linear(3, 2), "from_module"), (3, "Give a function"), ("demo:text", "load_predictor")],
)
def test_another_object_is_refused_by_the_name_of_its_door(value: Any, named: str) -> None:
    with pytest.raises(InputError, match=named):
        from_function(value, 3)


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "3"])
def test_the_number_of_features_is_a_whole_number(n: Any) -> None:
    with pytest.raises(ParameterError):
        from_function(logistic, n)


def test_a_precision_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ParameterError, match="float64"):
        from_function(logistic, 4, precision="double")
