"""Integrated gradients against integrals, completeness, and integrated gradients of the pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import expit

from stabcert.core.types import Feature, Features, Masks
from stabcert.errors import ModelError, ParameterError
from stabcert.explainers import explain
from stabcert.models.base import ModelPredictor
from stabcert.models.masked_input import MaskedInput
from stabcert.models.text import MaskedText
from tests.doubles import Majority
from tests.models.tiny_images import CLASSES, masked
from tests.tiny_models import tiny_network, tiny_resnet, tiny_vit
from tests.tiny_tokenizers import tiny_tokenizer

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


class Relaxed:
    """A masked input that is a formula of the weights, and perhaps runs out of memory."""

    settings: dict[str, Any] = {"features": "grid", "baseline": "zero"}  # noqa: RUF012 - a protocol's property
    relaxation = "a formula"
    pads = False

    def __init__(self, formula: Callable[[torch.Tensor], torch.Tensor], n_features: int, fits: int = 10**9) -> None:
        self.formula, self.fits = formula, fits
        self.features = Features("grid", tuple(Feature(str(i)) for i in range(n_features)), (n_features,))
        self.batches: list[int] = []
        self.error: Exception = RuntimeError("CUDA error: out of memory")

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        return np.ones(len(masks), dtype=np.int64)

    def in_float64(self) -> None:
        return None

    @property
    def point(self) -> torch.Tensor:
        return torch.ones(1, len(self.features))

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        return self.relaxed_logits(points)

    def per_feature(self, values: torch.Tensor) -> torch.Tensor:
        return values

    def logits(self, masks: Masks) -> torch.Tensor:
        return self.formula(torch.tensor(masks, dtype=torch.float32))

    def relaxed_logits(self, weights: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(weights))
        if len(weights) > self.fits:
            raise self.error
        return self.formula(weights)


def predictor(masked_input: MaskedInput, n_classes: int = 2, batch_size: Any = "auto") -> ModelPredictor:
    names = tuple(f"class {i}" for i in range(n_classes))
    return ModelPredictor(masked_input, names, device=CPU, batch_size=batch_size)


COEFFICIENTS = np.array([0.8, -1.5, 0.0, 2.2])


def linear_logit(weights: torch.Tensor) -> torch.Tensor:
    logit = weights @ torch.tensor(COEFFICIENTS, dtype=weights.dtype) - 0.7
    return torch.stack([torch.zeros_like(logit), logit], dim=1)


def product_logit(weights: torch.Tensor) -> torch.Tensor:
    logit = 3 * weights[:, 0] * weights[:, 1] - 2 * weights[:, 2] ** 2 + weights[:, 3] - 0.7
    return torch.stack([torch.zeros_like(logit), logit], dim=1)


@pytest.mark.parametrize("steps", [1, 2, 50])
def test_a_probability_that_is_linear_in_the_weights_gets_its_coefficients(steps: int) -> None:
    coefficients = torch.tensor([0.25, -0.125, 0.0, 0.3])

    def formula(weights: torch.Tensor) -> torch.Tensor:
        probability = 0.4 + weights @ coefficients
        return torch.stack([1 - probability, probability], dim=1).log()

    scores = explain(predictor(Relaxed(formula, 4)), "intgrad", target=1, steps=steps).scores
    np.testing.assert_allclose(scores, coefficients, rtol=0, atol=2e-7)


def test_a_linear_logit_gets_its_integral() -> None:
    total = COEFFICIENTS.sum()
    closed = COEFFICIENTS / total * (expit(total - 0.7) - expit(-0.7))
    slope, _ = quad(lambda t: expit(t * total - 0.7) * expit(0.7 - t * total), 0, 1, epsabs=1e-12)
    np.testing.assert_allclose(COEFFICIENTS * slope, closed, atol=1e-12)
    for target, sign in ((1, 1), (0, -1)):
        scores = explain(predictor(Relaxed(linear_logit, 4)), "intgrad", target=target).scores
        np.testing.assert_allclose(scores, sign * closed, rtol=0, atol=1e-6)


def test_interacting_features_get_their_integrals() -> None:
    def share(slope: Callable[[float], float]) -> float:
        def integrand(t: float) -> float:
            logit = 3 * t * t - 2 * t * t + t - 0.7
            return float(expit(logit) * expit(-logit)) * slope(t)

        return float(quad(integrand, 0, 1, epsabs=1e-12)[0])

    expected = [share(lambda t: 3 * t), share(lambda t: 3 * t), share(lambda t: -4 * t), share(lambda t: 1.0)]
    scores = explain(predictor(Relaxed(product_logit, 4)), "intgrad", target=1).scores
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)


def test_fifty_steps_unless_said_otherwise_and_the_settings_say_so() -> None:
    fake = Relaxed(linear_logit, 4)
    model = predictor(fake)
    attribution = explain(model, "intgrad", target=0)
    assert sum(fake.batches) == 50
    assert attribution.settings == {"steps": 50, "output": "probability", "path": "a formula"}
    assert (attribution.method, attribution.target) == ("intgrad", 0)
    assert attribution.scores.dtype == np.float64
    explain(model, "intgrad", target=0, steps=7)
    assert sum(fake.batches) == 57
    assert model.evaluations == 57 + 1  # and the full input, for the number of classes


def vit() -> MaskedInput:
    return masked(tiny_vit())


def resnet() -> MaskedInput:
    return masked(tiny_resnet(), patch_size=None, features="grid:4", baseline="blur")


def bert(baseline: str = "mask") -> MaskedInput:
    return MaskedText(
        tiny_network("bert", initializer_range=0.2),
        tiny_tokenizer("bert"),
        "the movie was not bad, a great film",
        baseline=baseline,
        removes_tokens=True,
        device=CPU,
        dtype=torch.float32,
    )


INPUTS: dict[str, tuple[Callable[[], MaskedInput], int]] = {
    "vit": (vit, CLASSES),
    "resnet": (resnet, CLASSES),
    "bert": (bert, 3),
}


@pytest.mark.parametrize("name", INPUTS)
def test_scores_sum_to_what_the_features_together_change(name: str) -> None:
    build, n_classes = INPUTS[name]
    model = predictor(build(), n_classes)
    ends = model(np.stack([np.ones(model.n_features, dtype=bool), np.zeros(model.n_features, dtype=bool)]))
    assert np.abs(ends[0] - ends[1]).max() > 0.02, "else there is nothing to add up"
    for target in range(n_classes):
        scores = explain(model, "intgrad", target=target, steps=200).scores
        assert abs(scores.sum() - (ends[0, target] - ends[1, target])) < 1e-3


def test_removed_words_fade_into_the_mask_token_and_the_settings_say_so() -> None:
    removed, replaced = (explain(predictor(bert(baseline), 3), "intgrad", target=1) for baseline in ("remove", "mask"))
    assert np.array_equal(removed.scores, replaced.scores)
    assert removed.settings["path"] == "embeddings interpolated to that of the mask token; every token attended to"


@pytest.mark.parametrize("name", INPUTS)
def test_the_batch_size_does_not_matter(name: str) -> None:
    build, n_classes = INPUTS[name]
    masked_input = build()
    scores = [
        explain(predictor(masked_input, n_classes, size), "intgrad", target=1, steps=20).scores for size in (1, 3, 16)
    ]
    assert np.abs(scores[0]).max() > 1e-3
    np.testing.assert_allclose(scores[1], scores[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(scores[2], scores[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_no_more_points_at_once_than_the_batch_size(batch_size: int) -> None:
    fake = Relaxed(linear_logit, 4)
    explain(predictor(fake, batch_size=batch_size), "intgrad", target=1)
    assert max(fake.batches) == batch_size


def test_a_batch_that_does_not_fit_is_halved_and_the_scores_are_right() -> None:
    small = Relaxed(product_logit, 4, fits=3)
    scores = explain(predictor(small), "intgrad", target=1).scores
    expected = explain(predictor(Relaxed(product_logit, 4)), "intgrad", target=1).scores
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)
    assert [size for size in small.batches if size > 3] == [16, 8, 4]


def test_out_of_memory_with_one_input_says_what_to_do() -> None:
    with pytest.raises(ModelError, match="out of memory on cpu"):
        explain(predictor(Relaxed(linear_logit, 4, fits=0)), "intgrad", target=1)


def test_other_errors_of_the_network_pass_through() -> None:
    fake = Relaxed(linear_logit, 4, fits=0)
    fake.error = RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)")
    with pytest.raises(RuntimeError) as raised:
        explain(predictor(fake), "intgrad", target=1)
    assert raised.value is fake.error


@pytest.mark.parametrize("name", ["vit", "resnet"])
def test_scores_of_an_image_are_those_of_its_pixels_added_up(name: str) -> None:
    network = tiny_vit() if name == "vit" else tiny_resnet()
    image = masked(network) if name == "vit" else masked(network, patch_size=None, features="grid:4", baseline="blur")
    full, empty = (image.batch(np.full((1, 16), kept)) for kept in (True, False))
    for target in (0, 3):
        pixels = IntegratedGradients(lambda batch: torch.softmax(network(batch), dim=-1)).attribute(
            full, baselines=empty, target=target, n_steps=50
        )
        of_pixels = pixels.detach().double().sum(dim=1).numpy().ravel()
        expected = np.bincount(image.labels.ravel(), weights=of_pixels, minlength=16)
        scores = explain(predictor(image, CLASSES), "intgrad", target=target, steps=50).scores
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)


def test_a_network_gets_no_gradients_of_its_weights() -> None:
    network = tiny_network("bert", initializer_range=0.2)
    text = MaskedText(
        network, tiny_tokenizer("bert"), "a great film", removes_tokens=True, device=CPU, dtype=torch.float32
    )
    explain(predictor(text, 3), "intgrad", target=1, steps=3)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_gradients_that_are_not_finite_are_a_model_error() -> None:
    def formula(weights: torch.Tensor) -> torch.Tensor:
        # The gradient of a square root is infinite at 0, and 0 * infinity is not a number.
        logit = torch.sqrt(torch.zeros_like(weights[:, 0]) * weights[:, 0])
        return torch.stack([torch.zeros_like(logit), logit], dim=1)

    with pytest.raises(ModelError, match="intgrad returned scores that are not finite"):
        explain(predictor(Relaxed(formula, 2)), "intgrad", target=1)


def test_a_plain_function_has_no_gradients() -> None:
    with pytest.raises(
        ParameterError, match=r"intgrad needs gradients, .* lime, shap, kernelshap, occlusion and random"
    ):
        explain(Majority(3), "intgrad")
