"""saliency and inputxgrad against finite differences in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stabcert.explainers import explain
from stabcert.models.text import MaskedText
from tests.explainers.formulas import CPU, Formula, linear, model
from tests.models.tiny_images import CLASSES, masked
from tests.tiny_models import tiny_network, tiny_resnet, tiny_vit
from tests.tiny_tokenizers import tiny_tokenizer

STEP = 1e-5


def vit() -> Any:
    return model(masked(tiny_vit(torch.float64), dtype=torch.float64), n_classes=CLASSES)


def resnet() -> Any:
    image = masked(tiny_resnet(torch.float64), patch_size=None, features="grid:4", baseline="blur", dtype=torch.float64)
    return model(image, n_classes=CLASSES)


def bert() -> Any:
    text = MaskedText(
        tiny_network("bert", initializer_range=0.2).double(),
        tiny_tokenizer("bert"),
        "the movie was unbelievable, a great film",
        removes_tokens=True,
        device=CPU,
        dtype=torch.float64,
    )
    return model(text, n_classes=3)


MODELS = {"vit": vit, "resnet": resnet, "bert": bert}


def probabilities(logits: torch.Tensor, target: int) -> NDArray[np.float64]:
    result: NDArray[np.float64] = torch.softmax(logits, dim=-1)[:, target].numpy()
    return result


def absolute_differences(predictor: Any, feature: int, target: int) -> float:
    """Sum of |dp/dx| over the numbers of one feature, each moved by itself."""
    masked_input = predictor.masked_input
    point = masked_input.point
    if hasattr(masked_input, "labels"):
        members = torch.from_numpy(masked_input.labels == feature).expand(point.shape)
    else:
        tokens = torch.from_numpy(masked_input._feature_of_token == feature)
        members = tokens[None, :, None].expand(point.shape)
    places = members.flatten().nonzero()[:, 0]
    moved = torch.zeros(len(places), point.numel(), dtype=point.dtype)
    moved[torch.arange(len(places)), places] = STEP
    moved = moved.view(-1, *point.shape[1:])
    with torch.no_grad():
        ahead, behind = (probabilities(masked_input.logits_at(point + sign * moved), target) for sign in (1, -1))
    return float(np.abs((ahead - behind) / (2 * STEP)).sum())


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_saliency_is_the_sum_of_absolute_differences(name: str) -> None:
    predictor = MODELS[name]()
    for target in (0, 2):
        scores = explain(predictor, "saliency", target=target).scores
        assert scores.shape == (predictor.n_features,)
        for feature in (0, predictor.n_features - 1, 4):
            expected = absolute_differences(predictor, feature, target)
            assert expected > 1e-6
            assert scores[feature] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_inputxgrad_is_the_derivative_by_the_weight_of_each_feature(name: str) -> None:
    predictor = MODELS[name]()
    n = predictor.n_features
    weights = 1 + STEP * torch.eye(n, dtype=torch.float64), 1 - STEP * torch.eye(n, dtype=torch.float64)
    for target in (0, 2):
        with torch.no_grad():
            ahead, behind = (probabilities(predictor.masked_input.relaxed_logits(w), target) for w in weights)
        scores = explain(predictor, "inputxgrad", target=target).scores
        assert np.abs(scores).max() > 1e-4
        np.testing.assert_allclose(scores, (ahead - behind) / (2 * STEP), rtol=1e-5, atol=1e-9)


def test_inputxgrad_of_an_image_is_gradient_times_input_minus_baseline() -> None:
    image = masked(tiny_resnet(torch.float64), patch_size=None, features="grid:4", dtype=torch.float64)
    full, empty = (image.batch(np.full((1, 16), kept)) for kept in (True, False))
    leaf = full.clone().requires_grad_()
    torch.softmax(image.logits_at(leaf), dim=-1)[0, 1].backward()
    assert leaf.grad is not None
    product = (leaf.grad * (full - empty)).sum(dim=1).numpy().ravel()
    expected = np.bincount(image.labels.ravel(), weights=product, minlength=16)
    scores = explain(model(image, n_classes=CLASSES), "inputxgrad", target=1).scores
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-12)


def test_the_point_of_the_full_input_gives_its_logits() -> None:
    for build in MODELS.values():
        predictor = build()
        with torch.no_grad():
            logits = predictor.masked_input.logits_at(predictor.masked_input.point)
        full = predictor.masked_input.logits(np.ones((1, predictor.n_features), dtype=bool))
        torch.testing.assert_close(logits, full.detach(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_numbers_are_summed_over_the_features_they_belong_to(name: str) -> None:
    masked_input = MODELS[name]().masked_input
    values = torch.randn(2, *masked_input.point.shape[1:], generator=torch.Generator().manual_seed(0))
    sums = masked_input.per_feature(values).numpy()
    if name == "bert":
        owner = np.broadcast_to(masked_input._feature_of_token[:, None], values.shape[1:])
        assert (owner == -1).any(), "special tokens belong to no feature"
    else:
        owner = np.broadcast_to(masked_input.labels, values.shape[1:])
    for row in range(2):
        expected = [values[row].numpy()[owner == i].astype(np.float64).sum() for i in range(sums.shape[1])]
        np.testing.assert_allclose(sums[row], expected, rtol=0, atol=1e-4)


def test_values_that_belong_to_no_feature_get_no_score() -> None:
    predictor = model(Formula(linear([0.1, -0.2, 0.05]), [1.0, 0.5, 2.0], n_special=1))
    np.testing.assert_allclose(explain(predictor, "saliency", target=1).scores, [0.1, 0.2], rtol=1e-12)
    np.testing.assert_allclose(explain(predictor, "inputxgrad", target=1).scores, [0.1, -0.1], rtol=1e-12)


def test_one_evaluation_each_and_the_settings_say_where_gradients_were_taken() -> None:
    predictor = model(Formula(linear([0.1, -0.3]), [1.0, 0.5]))
    assert explain(predictor, "saliency", target=1).settings["space"].startswith("what the network reads")
    assert explain(predictor, "inputxgrad", target=1).settings == {"output": "probability", "path": "weight * value"}
    assert predictor.evaluations == 1 + 1 + 1  # the full input, for the number of classes, is remembered
