"""Predictions on masked images: batches, memory, and gradients, with tiny networks of three families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from stabcert.errors import ModelError
from stabcert.models.base import ModelPredictor
from stabcert.models.image import BASELINES
from stabcert.models.networks import ImageNetwork, call_with_pixels
from stabcert.models.preprocessing import resize_and_crop
from tests.models.tiny_images import CLASSES, CPU, MEAN, SIDE, STD, Network, masked, means, picture, random_masks
from tests.tiny_models import tiny_convnext, tiny_resnet, tiny_vit

NAMES = tuple("abcde")
NETWORKS = {"vit": (tiny_vit, 8), "resnet": (tiny_resnet, None), "convnext": (tiny_convnext, None)}


def predictor(name: str, batch_size: int = 64, **options: Any) -> ModelPredictor:
    build, patch_size = NETWORKS[name]
    options = {"features": "default" if patch_size else "grid:4"} | options
    image = masked(build(), patch_size=patch_size, **options)
    return ModelPredictor(image, NAMES, device=CPU, batch_size=batch_size)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("channels_last", [False, True])
def test_predictions_do_not_depend_on_batch_size_order_or_duplicates(name: str, channels_last: bool) -> None:
    masks = random_masks(100, 16)
    reference = predictor(name, 1)(masks)
    # Else a network that ignores its input would pass.
    assert len(set(reference.argmax(axis=1))) >= 3
    order = np.random.default_rng(1).integers(0, 100, 150)
    for batch_size in (1, 3, 64):
        for rows in (np.arange(100), order):
            probs = predictor(name, batch_size, channels_last=channels_last)(masks[rows])
            assert np.array_equal(probs.argmax(axis=1), reference[rows].argmax(axis=1))
            assert np.abs(probs - reference[rows]).max() < 1e-6


def test_the_full_mask_gives_the_prediction_on_the_plain_image() -> None:
    plain = resize_and_crop(SIDE, SIDE, MEAN, STD).to_pixels(picture())
    expected = torch.softmax(tiny_vit()(plain[None]).double(), dim=-1).detach().numpy()
    assert np.abs(predictor("vit")(np.ones((1, 16), dtype=bool)) - expected).max() < 1e-12


def test_a_batch_that_does_not_fit_into_memory_is_halved_and_changes_nothing() -> None:
    network = tiny_resnet()
    sizes: list[int] = []

    def small(pixels: torch.Tensor) -> torch.Tensor:
        sizes.append(len(pixels))
        if len(pixels) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return network(pixels)

    masks = random_masks(30, 16)
    constrained = ModelPredictor(masked(small, features="grid:4"), NAMES, device=CPU, batch_size=64)
    probs = constrained(masks)
    assert np.abs(probs - predictor("resnet")(masks)).max() < 1e-6
    assert constrained.batch_size == 3
    assert sizes[:4] == [30, 15, 7, 3]


def test_one_image_that_does_not_fit_into_memory_is_a_model_error() -> None:
    def none(pixels: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(ModelError, match="one input at a time"):
        ModelPredictor(masked(none), NAMES, device=CPU)(random_masks(8, 16))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("baseline", BASELINES[:-1])
def test_relaxed_logits_at_zeros_and_ones_are_those_of_the_mask(name: str, baseline: str) -> None:
    image = predictor(name, baseline=baseline).masked_input
    masks = random_masks(10, 16)
    assert torch.equal(image.relaxed_logits(torch.from_numpy(masks).float()), image.logits(masks))


def test_relaxed_pixels_are_between_baseline_and_input_as_stated() -> None:
    seen: list[torch.Tensor] = []

    def watch(pixels: torch.Tensor) -> torch.Tensor:
        seen.append(pixels)
        return means(pixels)

    image = masked(watch, baseline="black", dtype=torch.float64)
    assert image.relaxation == "each pixel is baseline + weight * (pixel - baseline)"
    weights = torch.from_numpy(np.random.default_rng(0).random((4, 16)))
    image.relaxed_logits(weights)
    full, empty = image.batch(np.array([[True] * 16, [False] * 16]))
    spread = weights[:, torch.from_numpy(image.labels)][:, None]
    assert torch.allclose(seen[0], empty + spread * (full - empty), rtol=0, atol=1e-14)


@pytest.mark.parametrize("build", [tiny_vit, tiny_resnet, tiny_convnext])
def test_the_gradient_of_relaxed_logits_agrees_with_finite_differences(
    build: Callable[[torch.dtype], Network],
) -> None:
    options = {"features": "grid:4", "dtype": torch.float64, "channels_last": build is not tiny_vit}
    # Not zero: a first layer norm divides out a weight that only scales a cell.
    image = masked(build(torch.float64), baseline="black", **options)
    point = torch.from_numpy(np.random.default_rng(0).uniform(0.2, 0.8, (1, 16)))
    gradient = torch.autograd.functional.jacobian(image.relaxed_logits, point)[0, :, 0]
    step = 1e-6
    with torch.no_grad():
        ahead, behind = (image.relaxed_logits(point + sign * step * torch.eye(16)) for sign in (1, -1))
    difference = (ahead - behind).T / (2 * step)
    assert gradient.shape == difference.shape == (CLASSES, 16)
    largest = float(gradient.abs().max())
    assert largest > 1e-3
    assert torch.allclose(gradient, difference, rtol=0, atol=1e-5 * largest)


def test_building_and_running_leaves_the_global_generators_alone() -> None:
    network = tiny_vit()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    image = masked(network, features="slic:9", baseline="blur")
    ModelPredictor(image, NAMES, device=CPU)(random_masks(4, len(image.features)))
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


@pytest.mark.parametrize("rounds", [True, False])
def test_a_copy_that_rounds_to_float32_is_not_one_in_float64(rounds: bool) -> None:
    class Flat(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return (pixels.float() if rounds else pixels).flatten(1).to(pixels.dtype)

    module = torch.nn.Sequential(Flat(), torch.nn.Linear(3 * SIDE * SIDE, 2)).eval()
    network = ImageNetwork(module, call_with_pixels, resize_and_crop(SIDE, SIDE, MEAN, STD), None, channels_last=False)
    if not rounds:
        assert network.module_in_float64[1].weight.dtype == torch.float64  # type: ignore[index]
        return
    with pytest.raises(ModelError, match="computes in float32"):
        _ = network.module_in_float64
